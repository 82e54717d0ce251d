// The stable names of a hit's kinds, classes, reasons, fields and what user agents are: values of SQL columns
// and JSON keys. Invariant: every number of the closed lists in base/hit.h has a name, no two of one list are
// equal.

#include "base/hit.h"

static const char *const kind_names[HIT_KIND_COUNT] = {
    [HIT_CLICK] = "click",   [HIT_IMPRESSION] = "impression",
    [HIT_VISIT] = "visit",   [HIT_PROMO_ENTRY] = "promo_entry",
    [HIT_REPORT] = "report",
};

static const char *const class_names[HIT_CLASS_COUNT] = {
    [HIT_CLASS_HUMAN] = "human",         [HIT_CLASS_BOT] = "bot",   [HIT_CLASS_PREVIEW] = "preview",
    [HIT_CLASS_PREFETCH] = "prefetch",   [HIT_CLASS_HEAD] = "head", [HIT_CLASS_INVALID] = "invalid",
    [HIT_CLASS_DUPLICATE] = "duplicate",
};

static const char *const reason_names[HIT_REASON_COUNT] = {
    [HIT_REASON_NONE] = "none",
    [HIT_REASON_UA_EMPTY] = "ua_empty",
    [HIT_REASON_UA_BOT] = "ua_bot",
    [HIT_REASON_UA_PREVIEW] = "ua_preview",
    [HIT_REASON_SEC_PURPOSE] = "sec_purpose",
    [HIT_REASON_METHOD_HEAD] = "method_head",
    [HIT_REASON_SEC_FETCH_DEST] = "sec_fetch_dest",
    [HIT_REASON_LINK_UNKNOWN] = "link_unknown",
    [HIT_REASON_LINK_INACTIVE] = "link_inactive",
    [HIT_REASON_DEEP_LINK_REFUSED] = "deep_link_refused",
    [HIT_REASON_KEY_UNKNOWN] = "key_unknown",
    [HIT_REASON_ORDER_ID_MISSING] = "order_id_missing",
    [HIT_REASON_AMOUNT_MISSING] = "amount_missing",
    [HIT_REASON_AMOUNT_MALFORMED] = "amount_malformed",
    [HIT_REASON_AMOUNT_NEGATIVE] = "amount_negative",
    [HIT_REASON_AMOUNT_TOO_LARGE] = "amount_too_large",
    [HIT_REASON_AMOUNT_PRECISION] = "amount_precision",
    [HIT_REASON_CURRENCY_UNKNOWN] = "currency_unknown",
    [HIT_REASON_CURRENCY_MISSING] = "currency_missing",
    [HIT_REASON_STATUS_UNKNOWN] = "status_unknown",
    [HIT_REASON_KIND_UNKNOWN] = "kind_unknown",
    [HIT_REASON_CLICK_ID_MALFORMED] = "click_id_malformed",
    [HIT_REASON_CLICK_ID_FORGED] = "click_id_forged",
    [HIT_REASON_EVENT_TIME_MALFORMED] = "event_time_malformed",
    [HIT_REASON_UTF8_INVALID] = "utf8_invalid",
    [HIT_REASON_PARAMETER_DUPLICATE] = "parameter_duplicate",
    [HIT_REASON_PARAMETER_TOO_LONG] = "parameter_too_long",
    [HIT_REASON_BODY_TYPE_UNSUPPORTED] = "body_type_unsupported",
    [HIT_REASON_LINK_NOT_STARTED] = "link_not_started",
    [HIT_REASON_LINK_EXPIRED] = "link_expired",
    [HIT_REASON_LINK_EXHAUSTED] = "link_exhausted",
    [HIT_REASON_ASN_DATACENTRE] = "asn_datacentre",
    [HIT_REASON_BODY_MALFORMED] = "body_malformed",
    [HIT_REASON_BODY_NESTED] = "body_nested",
    [HIT_REASON_STATUS_IGNORED] = "status_ignored",
    [HIT_REASON_SIGNATURE_MISSING] = "signature_missing",
    [HIT_REASON_SIGNATURE_EXPIRED] = "signature_expired",
    [HIT_REASON_SIGNATURE_WRONG] = "signature_wrong",
    [HIT_REASON_LINES_MALFORMED] = "lines_malformed",
    [HIT_REASON_LINES_TOO_MANY] = "lines_too_many",
    [HIT_REASON_LINES_EXCEED_AMOUNT] = "lines_exceed_amount",
};

static const char *const device_names[HIT_DEVICE_COUNT] = {
    [HIT_DEVICE_DESKTOP] = "desktop", [HIT_DEVICE_PHONE] = "phone", [HIT_DEVICE_TABLET] = "tablet",
    [HIT_DEVICE_TV] = "tv",           [HIT_DEVICE_OTHER] = "other",
};

static const char *const os_names[HIT_OS_COUNT] = {
    [HIT_OS_WINDOWS] = "windows",     [HIT_OS_MACOS] = "macos",     [HIT_OS_LINUX] = "linux",
    [HIT_OS_CHROMEOS] = "chromeos",   [HIT_OS_ANDROID] = "android", [HIT_OS_IOS] = "ios",
    [HIT_OS_HARMONYOS] = "harmonyos", [HIT_OS_TIZEN] = "tizen",     [HIT_OS_WEBOS] = "webos",
    [HIT_OS_KAIOS] = "kaios",         [HIT_OS_OTHER] = "other",
};

static const char *const browser_names[HIT_BROWSER_COUNT] = {
    [HIT_BROWSER_CHROME] = "chrome",
    [HIT_BROWSER_SAFARI] = "safari",
    [HIT_BROWSER_FIREFOX] = "firefox",
    [HIT_BROWSER_EDGE] = "edge",
    [HIT_BROWSER_OPERA] = "opera",
    [HIT_BROWSER_YANDEX] = "yandex",
    [HIT_BROWSER_SAMSUNG] = "samsung",
    [HIT_BROWSER_MIUI] = "miui",
    [HIT_BROWSER_UC] = "uc",
    [HIT_BROWSER_HUAWEI] = "huawei",
    [HIT_BROWSER_IE] = "ie",
    [HIT_BROWSER_VIVALDI] = "vivaldi",
    [HIT_BROWSER_DUCKDUCKGO] = "duckduckgo",
    [HIT_BROWSER_ATOM] = "atom",
    [HIT_BROWSER_ANDROID] = "android",
    [HIT_BROWSER_QQ] = "qq",
    [HIT_BROWSER_VIVO] = "vivo",
    [HIT_BROWSER_OPPO] = "oppo",
    [HIT_BROWSER_SILK] = "silk",
    [HIT_BROWSER_PUFFIN] = "puffin",
    [HIT_BROWSER_VK] = "vk",
    [HIT_BROWSER_OK] = "ok",
    [HIT_BROWSER_TELEGRAM] = "telegram",
    [HIT_BROWSER_WHATSAPP] = "whatsapp",
    [HIT_BROWSER_VIBER] = "viber",
    [HIT_BROWSER_INSTAGRAM] = "instagram",
    [HIT_BROWSER_FACEBOOK] = "facebook",
    [HIT_BROWSER_THREADS] = "threads",
    [HIT_BROWSER_TIKTOK] = "tiktok",
    [HIT_BROWSER_TWITTER] = "twitter",
    [HIT_BROWSER_PINTEREST] = "pinterest",
    [HIT_BROWSER_LINKEDIN] = "linkedin",
    [HIT_BROWSER_SNAPCHAT] = "snapchat",
    [HIT_BROWSER_LINE] = "line",
    [HIT_BROWSER_WECHAT] = "wechat",
    [HIT_BROWSER_KAKAOTALK] = "kakaotalk",
    [HIT_BROWSER_GOOGLE_APP] = "google_app",
    [HIT_BROWSER_YANDEX_APP] = "yandex_app",
    [HIT_BROWSER_WEBVIEW] = "webview",
    [HIT_BROWSER_OTHER] = "other",
};

static const char *const field_names[HIT_FIELD_COUNT] = {
    [HIT_DESTINATION] = "destination",
    [HIT_VISITOR] = "visitor",
    [HIT_ADDRESS] = "address",
    [HIT_HOST] = "host",
    [HIT_METHOD] = "method",
    [HIT_PATH] = "path",
    [HIT_USER_AGENT] = "user_agent",
    [HIT_REFERRER] = "referrer",
    [HIT_LANGUAGE] = "language",
    [HIT_PAGE] = "page",
    [HIT_SUB1] = "sub1",
    [HIT_SUB2] = "sub2",
    [HIT_SUB3] = "sub3",
    [HIT_SUB4] = "sub4",
    [HIT_SUB5] = "sub5",
    [HIT_SUB6] = "sub6",
    [HIT_SUB7] = "sub7",
    [HIT_SUB8] = "sub8",
    [HIT_SUB9] = "sub9",
    [HIT_SUB10] = "sub10",
    [HIT_UTM_SOURCE] = "utm_source",
    [HIT_UTM_MEDIUM] = "utm_medium",
    [HIT_UTM_CAMPAIGN] = "utm_campaign",
    [HIT_UTM_CONTENT] = "utm_content",
    [HIT_UTM_TERM] = "utm_term",
    [HIT_ERID] = "erid",
    [HIT_AD_NETWORK] = "ad_network",
    [HIT_AD_CLICK_ID] = "ad_click_id",
    [HIT_PROMO] = "promo",
    [HIT_REPORT_INTEGRATION] = "report_integration",
    [HIT_REPORT_CLICK_ID] = "report_click_id",
    [HIT_REPORT_ORDER_ID] = "report_order_id",
    [HIT_REPORT_KIND] = "report_kind",
    [HIT_REPORT_STATUS] = "report_status",
    [HIT_REPORT_AMOUNT] = "report_amount",
    [HIT_REPORT_AMOUNT_MINOR] = "report_amount_minor",
    [HIT_REPORT_CURRENCY] = "report_currency",
    [HIT_REPORT_PRODUCT] = "report_product",
    [HIT_REPORT_CUSTOMER] = "report_customer",
    [HIT_REPORT_EVENT_TIME] = "report_event_time",
    [HIT_REPORT_EVENT_ID] = "report_event_id",
    [HIT_REPORT_RAW] = "report_raw",
    [HIT_ADDRESS_HASH] = "address_hash",
    [HIT_COUNTRY] = "country",
    [HIT_REGION] = "region",
    [HIT_ASN] = "asn",
    [HIT_DEVICE] = "device",
    [HIT_OS] = "os",
    [HIT_BROWSER] = "browser",
    [HIT_CLASS_VERSION] = "class_version",
    [HIT_REPORT_SIGNED] = "report_signed",
    [HIT_REPORT_LINES] = "report_lines",
};

static const char *const condition_names[] = {
    [0] = "ok",
    [HIT_TRUNCATED] = "truncated",
    [HIT_TOO_LONG] = "too_long",
    [HIT_KIND_UNKNOWN] = "kind_unknown",
    [HIT_FIELD_UNKNOWN] = "field_unknown",
    [HIT_FIELD_ORDER] = "field_order",
    [HIT_FIELD_SIZE] = "field_size",
    [HIT_END] = "end",
};

static const char *name_at(const char *const names[], size_t n, unsigned index)
{
    return index < n ? names[index] : NULL;
}

const char *hit_kind_name(unsigned kind)
{
    return name_at(kind_names, array_length(kind_names), kind);
}

const char *hit_class_name(unsigned class)
{
    return name_at(class_names, array_length(class_names), class);
}

const char *hit_reason_name(unsigned reason)
{
    return name_at(reason_names, array_length(reason_names), reason);
}

const char *hit_field_name(unsigned field)
{
    return name_at(field_names, array_length(field_names), field);
}

const char *hit_device_name(unsigned device)
{
    return name_at(device_names, array_length(device_names), device);
}

const char *hit_os_name(unsigned os)
{
    return name_at(os_names, array_length(os_names), os);
}

const char *hit_browser_name(unsigned browser)
{
    return name_at(browser_names, array_length(browser_names), browser);
}

const char *hit_condition_name(int condition)
{
    return condition < 0 ? NULL
                         : name_at(condition_names, array_length(condition_names), (unsigned)condition);
}

// The names of a worker's counters in /metrics.

#include "tracker/counters.h"

#define COUNTER(name, help, member)                                                                          \
    {                                                                                                        \
        "clickledger_tracker_" name, help, METRIC_COUNTER, offsetof(struct counters, member), NULL, false    \
    }
#define LABELLED(name, help, member, labels)                                                                 \
    {                                                                                                        \
        "clickledger_tracker_" name, help, METRIC_COUNTER, offsetof(struct counters, member), labels, false  \
    }
#define GAUGE(name, help, member, per_worker)                                                                \
    {                                                                                                        \
        "clickledger_tracker_" name, help, METRIC_GAUGE, offsetof(struct counters, member), NULL, per_worker \
    }

#define KIND(number, text)                                                                                   \
    LABELLED("hits_total", "Hits answered, by kind.", kind[number], "kind=\"" text "\"")
#define CLASS(number, text)                                                                                  \
    LABELLED("classes_total", "Hits answered, by class.", class[number], "class=\"" text "\"")
#define ORPHAN(number, text)                                                                                 \
    LABELLED("orphan_clicks_total", "Clicks of people on links that lead to a fallback, by reason.",         \
             invalid_click[number], "reason=\"" text "\"")
#define FAULT(number, text)                                                                                  \
    LABELLED("http_faults_total", "Requests refused by the HTTP server, by fault.", http.faults[number],     \
             "fault=\"" text "\"")

const struct metric counters_metrics[] = {
    KIND(HIT_CLICK, "click"),
    KIND(HIT_IMPRESSION, "impression"),
    KIND(HIT_VISIT, "visit"),
    KIND(HIT_PROMO_ENTRY, "promo_entry"),
    KIND(HIT_REPORT, "report"),
    CLASS(HIT_CLASS_HUMAN, "human"),
    CLASS(HIT_CLASS_BOT, "bot"),
    CLASS(HIT_CLASS_PREVIEW, "preview"),
    CLASS(HIT_CLASS_PREFETCH, "prefetch"),
    CLASS(HIT_CLASS_HEAD, "head"),
    CLASS(HIT_CLASS_INVALID, "invalid"),
    ORPHAN(HIT_REASON_LINK_UNKNOWN, "link_unknown"),
    ORPHAN(HIT_REASON_LINK_INACTIVE, "link_inactive"),
    ORPHAN(HIT_REASON_LINK_NOT_STARTED, "link_not_started"),
    ORPHAN(HIT_REASON_LINK_EXPIRED, "link_expired"),
    ORPHAN(HIT_REASON_LINK_EXHAUSTED, "link_exhausted"),
    COUNTER("without_id_total", "Clicks redirected without a click id: nothing could record them.",
            without_id),
    COUNTER("reports_refused_total", "Conversion reports refused.", reports_refused),
    COUNTER("reports_unkept_total", "Refused reports beyond the number kept per key and minute.",
            reports_unkept),
    COUNTER("reports_postponed_total", "Conversion reports answered 503: nothing could record them.",
            reports_postponed),
    COUNTER("not_found_total", "Requests for no known path.", not_found),
    COUNTER("method_refused_total", "Requests answered 405.", method_refused),
    COUNTER("http_connections_accepted_total", "Connections accepted.", http.accepted),
    COUNTER("http_connections_shed_total", "Connections answered 503 before a request was read.", http.shed),
    COUNTER("http_accept_failures_total", "Failed accepts, e.g. no descriptor left.", http.accept_failed),
    COUNTER("http_requests_total", "Requests read.", http.requests),
    COUNTER("http_answers_total", "Answers made.", http.answered),
    COUNTER("http_answers_replaced_total", "Answers replaced by a 500.", http.replaced),
    COUNTER("http_requests_dropped_total", "Requests whose client went before the answer.", http.dropped),
    COUNTER("http_runs_held_total", "Answers held back.", http.held),
    COUNTER("http_runs_retried_total", "Answers made anew.", http.retried),
    COUNTER("http_bytes_in_total", "Bytes read.", http.bytes_in),
    COUNTER("http_bytes_out_total", "Bytes written.", http.bytes_out),
    COUNTER("http_idle_timeouts_total", "Connections closed because nothing came.", http.idle_timeouts),
    COUNTER("http_displaced_total", "Unused and slow connections closed to make room for new ones.",
            http.displaced),
    COUNTER("http_write_timeouts_total", "Connections closed because nothing was read.", http.write_timeouts),
    FAULT(HTTP_FAULT_LINE, "line"),
    FAULT(HTTP_FAULT_TARGET, "target"),
    FAULT(HTTP_FAULT_LINE_END, "line_end"),
    FAULT(HTTP_FAULT_HEADER, "header"),
    FAULT(HTTP_FAULT_HOST, "host"),
    FAULT(HTTP_FAULT_FRAMING, "framing"),
    FAULT(HTTP_FAULT_CHUNK, "chunk"),
    FAULT(HTTP_FAULT_HEADER_TIMEOUT, "header_timeout"),
    FAULT(HTTP_FAULT_BODY_TIMEOUT, "body_timeout"),
    FAULT(HTTP_FAULT_BODY_LARGE, "body_large"),
    FAULT(HTTP_FAULT_LINE_LARGE, "line_large"),
    FAULT(HTTP_FAULT_EXPECTATION, "expectation"),
    FAULT(HTTP_FAULT_HEADERS_LARGE, "headers_large"),
    FAULT(HTTP_FAULT_CODING, "coding"),
    FAULT(HTTP_FAULT_VERSION, "version"),
    GAUGE("connections", "Open connections.", connections, false),
    GAUGE("config_generation",
          "Generation of the settings that a worker works by: 1 at the start, one more with each reload.",
          config_generation, true),
    GAUGE("catalog_revision", "Revision of the catalog that a worker answers by.", catalog_revision, true),
};

const size_t counters_metrics_count = array_length(counters_metrics);

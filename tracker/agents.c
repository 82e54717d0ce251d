// The list of user agents that are not people, and the search in it.
//
// Each word begins with a letter, is lower case and is found anywhere in the header, whatever its case there;
// the words of one letter stand together. No word begins another of the list, so that their order does not
// matter. A word of class human is one that hides a bot's word ("cubot" is a telephone): it is stepped over.
//
// The list names what says of itself that it is a program. Who lies about it is found by what comes behind
// the tracker, from the order of events.

#include "tracker/agents.h"

#include <assert.h>

#include "base/util.h"

struct word {
    const char *text;
    enum hit_class class;
};

#define BOT(text)                                                                                            \
    {                                                                                                        \
        text, HIT_CLASS_BOT                                                                                  \
    }
#define PREVIEW(text)                                                                                        \
    {                                                                                                        \
        text, HIT_CLASS_PREVIEW                                                                              \
    }
#define HUMAN(text)                                                                                          \
    {                                                                                                        \
        text, HIT_CLASS_HUMAN                                                                                \
    }

// clang-format off
static const struct word words[] = {
    BOT("aiohttp"), BOT("anthropic-ai"), BOT("apache-httpclient"), BOT("apis-google"), BOT("archive.org"),
    BOT("axios/"),
    PREVIEW("bingpreview"), PREVIEW("bitlybot"), PREVIEW("bluesky cardyb"), BOT("bot"), BOT("bubing"),
    BOT("censys"), BOT("chatgpt-user"), BOT("check_http"), BOT("cohere-ai"), BOT("colly"), BOT("crawl"),
    HUMAN("cubot"), BOT("curl/"),
    BOT("dareboost"), BOT("dataprovider"), PREVIEW("discordbot"),
    PREVIEW("embedly"),
    BOT("facebookcatalog"), PREVIEW("facebookexternalhit"), PREVIEW("facebot"), BOT("faraday"),
    BOT("feedburner"), BOT("feedfetcher"), BOT("feedly"),
    BOT("go-http-client"), BOT("google favicon"), BOT("google-inspectiontool"),
    PREVIEW("google-pagerenderer"), BOT("google-read-aloud"), BOT("google-safety"),
    BOT("google-site-verification"), BOT("googleother"), PREVIEW("googlewebpreview"), BOT("gtmetrix"),
    BOT("guzzlehttp"),
    BOT("headlesschrome"), BOT("heritrix"), BOT("httpie"), BOT("httpx"), BOT("httrack"),
    BOT("ia_archiver"), PREVIEW("iframely"), BOT("infotiger"), BOT("insomnia/"), BOT("internetmeasurement"),
    BOT("java/"), BOT("jsdom"),
    PREVIEW("kakaotalk-scrap"),
    BOT("libwww-perl"), BOT("lighthouse"), PREVIEW("linkedinbot"), PREVIEW("linkpreview"), BOT("lwp::"),
    BOT("masscan"), PREVIEW("mastodon/"), BOT("mediapartners-google"), PREVIEW("meta-externalfetcher"),
    BOT("meta-externalagent"), PREVIEW("microsoftpreview"),
    BOT("netcraft"), BOT("nikto"), BOT("nmap"), BOT("node-fetch"), BOT("node-superagent"), BOT("nuclei"),
    BOT("nutch"),
    PREVIEW("odklbot"), BOT("okhttp"),
    BOT("palo alto networks"), BOT("perplexity"), BOT("phantomjs"), BOT("php/"), BOT("pingdom"),
    PREVIEW("pinterest/0."), PREVIEW("pinterestbot"), BOT("playwright"), BOT("postmanruntime"), BOT("ptst/"),
    BOT("puppeteer"), BOT("python"),
    BOT("qwantify"),
    PREVIEW("redditbot"), BOT("rest-client"), BOT("ruby"),
    BOT("scrapy"), BOT("selenium"), BOT("site24x7"), PREVIEW("skypeuripreview"), PREVIEW("slack-imgproxy"),
    PREVIEW("slackbot"), BOT("slurp"), PREVIEW("snap url preview"), BOT("spider"), BOT("sqlmap"),
    BOT("statuscake"), PREVIEW("synapse (bot"), PREVIEW("synapse/"),
    PREVIEW("telegrambot"), PREVIEW("tumblr/"), PREVIEW("twitterbot"),
    BOT("undici"), BOT("urlscan"),
    BOT("validator"), PREVIEW("viberbot"), PREVIEW("vkshare"),
    BOT("w3c_"), PREVIEW("wechatshare"), BOT("wget"), PREVIEW("whatsapp/"), BOT("winhttp"), BOT("wordpress/"),
    BOT("yandex.com/bots"), BOT("yandexdirect"), BOT("yandeximages"), BOT("yandexmetrika"),
    BOT("zgrab"),
};
// clang-format on

static unsigned fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : (unsigned char)c;
}

void agents_init(struct agents *agents)
{
    size_t at = 0;

    for (unsigned letter = 0; letter < AGENTS_ALPHABET_SIZE; letter++) {
        agents->first[letter] = (uint16_t)at;
        agents->second[letter] = 0;
        for (; at < array_length(words) && words[at].text[0] == (char)('a' + letter); at++)
            agents->second[letter] |= 1u << (words[at].text[1] & 31);
    }
    agents->first[AGENTS_ALPHABET_SIZE] = (uint16_t)at;
    assert(at == array_length(words)); // every word stands with its letter
}

static size_t word_length_at(const char *word, struct slice text)
{
    size_t len = 0;

    while (word[len] != '\0' && len < text.len && fold(text.data[len]) == (unsigned char)word[len])
        len++;
    return word[len] == '\0' ? len : 0;
}

// The word at the start of text, NULL if there is none.
static const struct word *word_at(const struct agents *agents, struct slice text, size_t *len)
{
    unsigned letter = fold(text.data[0]) - 'a';

    // Most places end here; words are longer than a character, and case is not in the lower five bits.
    if (letter >= AGENTS_ALPHABET_SIZE || text.len < 2 ||
        !(agents->second[letter] >> (text.data[1] & 31) & 1))
        return NULL;
    for (size_t i = agents->first[letter]; i < agents->first[letter + 1]; i++) {
        *len = word_length_at(words[i].text, text);
        if (*len > 0)
            return &words[i];
    }
    return NULL;
}

enum hit_class agents_class(const struct agents *agents, struct slice user_agent)
{
    size_t end = min_of(user_agent.len, (size_t)AGENTS_TEXT_MAX);

    for (size_t at = 0; at < end;) {
        size_t len = 0;
        const struct word *word = word_at(agents, (struct slice){user_agent.data + at, end - at}, &len);
        if (word && word->class != HIT_CLASS_HUMAN)
            return word->class;
        at += word ? len : 1;
    }
    return HIT_CLASS_HUMAN;
}

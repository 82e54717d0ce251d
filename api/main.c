// clickledger-api --config FILE: the HTTP API. Owner of the loop, the server, the pool and the service. One
// process, one thread: the database does the work, requests wait for it without holding anything but their
// connection.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>
#include <sodium.h>

#include "api/admin.h"
#include "api/service.h"
#include "base/program.h"

#define DRAIN_LIMIT_S 10
#define ROLE          "user=cl_api "
#define SETTING       " -c %s=%s"

struct api_config {
    struct log_settings log;
    struct postgres_settings postgres;
    char host[64], admin_host[64], web[256], tracker_url[256], public_url[256];
    int64_t port, admin_port;
    char trusted_proxies[1024];
    int64_t address_rate, key_rate;
    int64_t connections, waiting_max, wait_timeout_ms, timeout_ms;
    int64_t exports, export_timeout_ms, uploads;
};

static const struct config_option options[] = {
    LOG_OPTIONS(struct api_config, log),
    POSTGRES_OPTIONS(struct api_config, postgres),
    {"api", "host", CONFIG_STRING, CONFIG_FIELD(struct api_config, host), 0, 0, "127.0.0.1",
     "numeric address to listen on", NULL},
    {"api", "port", CONFIG_INT, CONFIG_FIELD(struct api_config, port), 0, 65535, "8081",
     "TCP port; 0: any, see the log", NULL},
    {"api", "admin_host", CONFIG_STRING, CONFIG_FIELD(struct api_config, admin_host), 0, 0, "127.0.0.1",
     "numeric address for /metrics and /healthz", NULL},
    {"api", "admin_port", CONFIG_INT, CONFIG_FIELD(struct api_config, admin_port), 0, 65535, "0",
     "its TCP port; 0: none", NULL},
    {"api", "connections", CONFIG_INT, CONFIG_FIELD(struct api_config, connections), 1, PG_POOL_SIZE_MAX, "8",
     "connections to PostgreSQL", NULL},
    {"api", "waiting_max", CONFIG_INT, CONFIG_FIELD(struct api_config, waiting_max), 1, 100000, "512",
     "requests that may wait for a connection; more get 503", NULL},
    {"api", "wait_timeout", CONFIG_DURATION, CONFIG_FIELD(struct api_config, wait_timeout_ms), 100, 600000,
     "3s", "a request that finds no connection to PostgreSQL for so long gets 503", NULL},
    {"api", "timeout", CONFIG_DURATION, CONFIG_FIELD(struct api_config, timeout_ms), 100, 600000, "10s",
     "a request that PostgreSQL has not answered by then gets 503", NULL},
    {"api", "trusted_proxies", CONFIG_STRING, CONFIG_FIELD(struct api_config, trusted_proxies), 0, 0, "",
     "addresses and networks, by comma, whose X-Forwarded-For is believed", NULL},
    {"api", "address_rate", CONFIG_INT, CONFIG_FIELD(struct api_config, address_rate), 0, 1000000, "100",
     "requests a second from one address (/64 in IPv6), 4 times as many at once; more get 429; 0: any number",
     NULL},
    {"api", "key_rate", CONFIG_INT, CONFIG_FIELD(struct api_config, key_rate), 0, 1000000, "50",
     "requests a second with one key or session, likewise", NULL},
    {"api", "exports", CONFIG_INT, CONFIG_FIELD(struct api_config, exports), 1, PG_POOL_SIZE_MAX, "2",
     "lists that may be read as CSV at a time, each on a connection of its own, of which one is always left; "
     "more get "
     "503",
     NULL},
    {"api", "export_timeout", CONFIG_DURATION, CONFIG_FIELD(struct api_config, export_timeout_ms), 1000,
     86400000, "10m", "a CSV that its client has not taken by then is broken off", NULL},
    {"api", "uploads", CONFIG_INT, CONFIG_FIELD(struct api_config, uploads), 1, PG_POOL_SIZE_MAX, "2",
     "files of rows that may be uploaded at a time; more get 503", NULL},
    {"api", "web", CONFIG_STRING, CONFIG_FIELD(struct api_config, web), 0, 0, "",
     "folder of the pages for partners and the team, as built; empty: none", NULL},
    {"api", "tracker_url", CONFIG_STRING, CONFIG_FIELD(struct api_config, tracker_url), 0, 0, "",
     "where visitors reach the tracker, such as https://go.shop.example: links are shown with it", NULL},
    {"api", "public_url", CONFIG_STRING, CONFIG_FIELD(struct api_config, public_url), 0, 0, "",
     "where browsers reach this server: images of creatives are shown with it", NULL},
};

struct running {
    struct event_base *base;
    struct service service;
    struct http_server *admin;
    struct admin_source admin_source;
    struct event *stopped;
    struct event *drain_limit;
    bool draining, stop;
};

static void on_drain_limit(evutil_socket_t fd, short what, void *ctx)
{
    struct running *running = ctx;
    (void)fd;
    (void)what;
    running->stop = true;
}

static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
    struct running *running = ctx;
    struct timeval limit = {.tv_sec = DRAIN_LIMIT_S};
    (void)fd;
    (void)what;
    log_event(LOG_INFO, "api.stopping");
    running->draining = true;
    uploads_stop(&running->service.uploads); // they have no end that could be waited for
    http_server_drain(running->service.server);
    http_server_close_unused(running->service.server);
    evtimer_add(running->drain_limit, &limit);
}

static int watch_stop(struct running *running)
{
    int fd = program_stop_fd();
    if (fd < 0)
        return fd;
    running->stopped = event_new(running->base, fd, EV_READ, on_stop, running);
    running->drain_limit = evtimer_new(running->base, on_drain_limit, running);
    if (!running->stopped || !running->drain_limit || event_add(running->stopped, NULL) != 0)
        return -ENOMEM;
    return 0;
}

// An origin of http or https in lower case, without a slash at its end; empty: none.
static bool is_origin(const char *url)
{
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    size_t rest = strspn(url + scheme, "abcdefghijklmnopqrstuvwxyz0123456789.:-[]");
    return !url[0] || (scheme > 0 && rest > 0 && !url[scheme + rest]);
}

static bool check_origins(const struct api_config *config)
{
    bool good = is_origin(config->tracker_url) && is_origin(config->public_url);
    if (!good)
        log_event(LOG_ERROR, "api.url", log_str("tracker_url", config->tracker_url),
                  log_str("public_url", config->public_url),
                  log_str("reason", "must be http or https and a host, in lower case, without a path"));
    return good;
}

// SQL functions find our addresses among the settings of the session.
static struct pg_pool *open_pool(struct running *running, const struct api_config *config)
{
    char conninfo[sizeof(config->postgres.conninfo) + sizeof(ROLE)];
    char settings[sizeof(config->tracker_url) + sizeof(config->public_url) + 64];
    snprintf(conninfo, sizeof(conninfo), ROLE "%s", config->postgres.conninfo);
    snprintf(settings, sizeof(settings), SETTING SETTING, "cl.tracker_url", config->tracker_url,
             "cl.public_url", config->public_url);
    const struct pg_pool_options pool_options = {
        .conninfo = conninfo,
        .application = "clickledger-api",
        .settings = settings,
        .size = (unsigned)config->connections,
        .waiting_max = (unsigned)config->waiting_max,
        .wait_timeout_ms = (unsigned)config->wait_timeout_ms,
        .job_timeout_ms = (unsigned)config->timeout_ms,
        .retry_min_ms = 100,
        .retry_max_ms = 2000,
    };
    return pg_pool_new(running->base, &pool_options);
}

static struct exports exports_of(const struct running *running, const struct api_config *config)
{
    int64_t left = config->connections > 1 ? config->connections - 1 : 1;
    return (struct exports){.max = (unsigned)min_of(config->exports, left),
                            .timeout_ms = (unsigned)config->export_timeout_ms,
                            .base = running->base,
                            .server = running->service.server,
                            .pool = running->service.pool};
}

static int load_pages(struct service *service, const char *folder)
{
    char why[PAGES_WHY_BYTES];
    int result = folder[0] ? pages_load(&service->pages, folder, why) : 0;
    if (result != 0)
        log_event(LOG_ERROR, "api.pages", log_str("reason", why));
    return result;
}

static int open_service(struct running *running, const struct api_config *config)
{
    struct service_options service_options = {.version = CLICKLEDGER_VERSION,
                                              .address_rate = (unsigned)config->address_rate,
                                              .key_rate = (unsigned)config->key_rate};
    if (http_proxies_parse(&service_options.proxies, slice_of(config->trusted_proxies)) != 0) {
        log_event(LOG_ERROR, "api.trusted_proxies", log_str("not_a_list", config->trusted_proxies));
        return -EINVAL;
    }
    return service_init(&running->service, running->base, &service_options);
}

static int open_all(struct running *running, const struct api_config *config)
{
    struct service *service = &running->service;
    const struct http_limits limits = {.retry_after_s = 1};
    running->base = event_base_new();
    if (!running->base || watch_stop(running) < 0)
        return -ENOMEM;
    int ready = open_service(running, config);
    if (ready < 0)
        return ready;
    service->server = http_server_new(running->base, &limits, service_handle, service);
    service->pool = open_pool(running, config);
    running->admin_source = admin_source_of(service);
    running->admin = admin_new(running->base, &running->admin_source);
    if (!service->server || !service->pool || !running->admin)
        return -ENOMEM;
    http_server_limit_bodies(service->server, service_body_bytes_max);
    service->exports = exports_of(running, config);
    service->uploads = (struct uploads){.max = (unsigned)config->uploads,
                                        .base = running->base,
                                        .server = service->server,
                                        .pool = service->pool,
                                        .limiter = service->limiter};
    http_server_stream_bodies(service->server, service_body_streams);
    int loaded = load_pages(service, config->web);
    if (loaded < 0)
        return loaded;
    if (config->admin_port != 0) {
        int result =
            http_server_listen(running->admin, config->admin_host, (uint16_t)config->admin_port, false);
        if (result < 0)
            return result;
    }
    return http_server_listen(service->server, config->host, (uint16_t)config->port, false);
}

static void close_all(struct running *running)
{
    struct service *service = &running->service;
    running->admin = http_server_free(running->admin);
    service->pool = pg_pool_free(service->pool);
    service_deinit(service); // who waits for the password process is answered
    service->server = http_server_free(service->server);
    if (running->stopped)
        event_free(running->stopped);
    if (running->drain_limit)
        event_free(running->drain_limit);
    if (running->base)
        event_base_free(running->base);
}

// Uploads end in the database, also those whose client has gone; each of their steps has its time.
static bool is_over(const struct running *running)
{
    bool drained = running->draining && http_server_connections(running->service.server) == 0;
    return (running->stop || drained) && running->service.uploads.open == 0;
}

static void serve(struct running *running)
{
    struct http_server *server = running->service.server;
    log_event(LOG_INFO, "api.listening", log_uint("port", http_server_port(server)));
    program_ready();
    while (!is_over(running)) {
        event_base_loop(running->base, EVLOOP_ONCE);
        http_server_flush(server);
        http_server_flush(running->admin);
    }
    log_event(LOG_INFO, "api.stopped");
}

int main(int argc, char **argv)
{
    static struct api_config config;
    static const struct program program = {.name = "api",
                                           .usage = "",
                                           .options = options,
                                           .n_options = array_length(options),
                                           .config = &config,
                                           .log = &config.log};
    struct running running = {0};
    program_start(&program, argc, argv);
    json_forget_freed(); // passwords come as JSON
    if (sodium_init() < 0 || !check_origins(&config))
        return EXIT_FAILURE;
    int result = open_all(&running, &config);
    if (result < 0)
        log_event(LOG_ERROR, "api.not_started", log_str("host", config.host), log_int("port", config.port),
                  log_errno(result));
    else
        serve(&running);
    close_all(&running);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

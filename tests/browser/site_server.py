"""A shop: a few static pages behind a strict Content-Security-Policy, and what its forms were sent."""
import http.server
import threading
import urllib.parse

from snippets import SNIPPETS

# As docs/embedding.md gives them.
STUB, ORDER = SNIPPETS["stub"], SNIPPETS["stub"] + SNIPPETS["order"]
ASKS = SNIPPETS["form"].replace("<form action=\"/order\" method=\"post\"", "<form id='asks' action='/done'")
FORMS = (ASKS +
         "<form id='named' action='/done'><input type='hidden' name='click_id'></form>"
         "<form id='own' action='/done'><input name='click_id' value='mine'></form>"
         "<form id='other' action='/done'><input name='q'></form>")


class Site:
    def __init__(self, host):
        self.host, self.tracker = host, None
        self.program, self.attributes = "shop", ""
        self.sent = []  # queries of /done
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                site.answer(self, urllib.parse.urlsplit(self.path))

            def log_message(self, format, *args):  # pylint: disable=redefined-builtin
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def url(self, path, host=None):
        return f"http://{host or self.host}:{self.server.server_port}{path}"

    def page(self, body, script="/stub.js"):
        tag = (SNIPPETS["tag"].replace("https://go.shop.example", self.tracker)
               .replace('data-program="shop"', f'data-program="{self.program}" {self.attributes}'))
        return f"<!doctype html><title>Shop</title><script src='{script}'></script>{tag}<body>{body}</body>"

    def contents(self):
        """What it serves, by path."""
        return {"/": self.page("<a id='next' href='/cart'>Cart</a>"), "/cart": self.page(FORMS), "/done": self.page("Thanks", "/order.js"),
                "/stub.js": STUB, "/order.js": ORDER}

    def answer(self, request, url):
        if url.path == "/done":
            self.sent.append(urllib.parse.parse_qs(url.query))
        content = self.contents().get(url.path)
        data = (content or "").encode()
        request.send_response(200 if content else 404)
        request.send_header("Content-Type", "text/javascript" if url.path.endswith(".js") else "text/html; charset=utf-8")
        request.send_header("Content-Security-Policy", f"default-src 'none'; script-src 'self' {self.tracker}; img-src {self.tracker}; "
                                                       "form-action 'self'; base-uri 'none'; require-trusted-types-for 'script'")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

"""People who log in, and their browsers."""
import re

PASSWORD = "correct horse battery"


class Browser:
    """A client with a cookie, as our own pages are one: a session, its CSRF token, the headers that browsers add."""

    def __init__(self, api, source="127.0.0.1"):
        self.api, self.source, self.token, self.csrf = api, source, None, None

    def headers(self, **changed):
        """A changed header of None is not sent."""
        sent = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": self.csrf,
                "Cookie": self.token and f"a=b; __Host-cl_session={self.token}", **{name.replace("_", "-"): value for name, value in changed.items()}}
        return {name: value for name, value in sent.items() if value is not None}

    def call(self, method, path, body=None, **headers):
        answer = self.api.call(method, path, body, headers=self.headers(**headers), source=self.source)
        cookie = re.match(r"__Host-cl_session=([^;]*); Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=(\d+)$", answer.headers.get("Set-Cookie", ""))
        if cookie:
            self.token = cookie.group(1) or None
            self.csrf = answer.body.get("csrf")
        self.api.check_shape(method, path, answer)
        return answer

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, {} if body is None else body)

    def patch(self, path, body):
        return self.call("PATCH", path, body)

    def login(self, email, password=PASSWORD):
        return self.post("/v1/login", {"email": email, "password": password})


def invited(world, email, role=None, partner=None):
    """The token of a new person's invitation."""
    return world.postgres.value("select person_invite(%s, %s, %s, %s)", (email, email.split("@")[0], role, partner))


def person(world, email, role=None, partner=None):
    """The logged-in browser of a new person."""
    browser = Browser(world.api)
    answer = browser.post("/v1/password/new", {"token": invited(world, email, role, partner), "password": PASSWORD})
    assert answer.status == 201, answer.text
    return browser

"""A session in a real browser: its cookie on http://127.0.0.1, and what another site can make the browser do."""
import json

from conftest import wait_for

FETCH = """
const [method, path, headers, body] = arguments, done = arguments[arguments.length - 1];
fetch(path, {method, headers: {"Content-Type": "application/json", ...headers}, body: body && JSON.stringify(body)})
  .then(answer => answer.json().then(json => done([answer.status, json])), error => done([0, String(error)]));
"""
FORM = "data:text/html,<form method=post enctype=text/plain action='{}'><input name='{}' value='{}'></form><script>document.forms[0].submit()</script>"


def cookies(browser):
    return [cookie for cookie in browser.command("Network.getAllCookies")["cookies"] if cookie["name"] == "__Host-cl_session"]


def test_a_session_and_another_site(browser, installation):
    """Security 11 and 12."""
    origin, login = installation.addresses["api"], {name: installation.addresses["owner_" + name] for name in ("email", "password")}

    def fetch(*request):
        return browser.driver.execute_async_script(FETCH, *request)

    def sent_by_another_site(path, body):
        """What the browser shows once a page of nobody's has posted a form."""
        name, value = json.dumps({**body, "x": ""})[:-2], '"}'
        browser.go(FORM.format(origin + path, name, value))
        return json.loads(wait_for(lambda: browser.driver.current_url == origin + path and browser.run("return document.body.innerText"), what="an answer"))

    browser.go(origin + "/healthz")
    assert fetch("GET", "/v1/me", {}, None)[0] == 401
    status, me = fetch("POST", "/v1/login", {}, login)
    assert (status, me["role"]) == (201, "owner")
    (cookie,) = cookies(browser)
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"], cookie["path"], cookie["domain"]) == (True, True, "Strict", "/", "127.0.0.1")
    assert browser.run("return document.cookie") == ""
    assert fetch("GET", "/v1/me", {}, None) == [200, me]
    assert fetch("PATCH", "/v1/me", {}, {"name": "x"})[1]["error"]["code"] == "csrf"
    assert fetch("PATCH", "/v1/me", {"X-CSRF-Token": me["csrf"]}, {"name": me["person"]["name"]})[0] == 200

    assert sent_by_another_site("/v1/partners/1/pause", {})["error"]["code"] == "unauthorized"  # the cookie is not sent along
    assert sent_by_another_site("/v1/login", login)["error"]["code"] == "cross_site"
    assert cookies(browser) == [cookie]
    browser.go(origin + "/healthz")
    assert fetch("GET", "/v1/partners?status=paused", {}, None)[1]["data"] == []
    assert fetch("POST", "/v1/logout", {"X-CSRF-Token": me["csrf"]}, {})[0] == 200
    assert cookies(browser) == [] and fetch("GET", "/v1/me", {}, None)[0] == 401

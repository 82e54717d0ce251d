"""The pages as files: what is served, and what is said of it."""
import gzip
import re

import pytest

from api import OPTIONS, Api
from conftest import BUILD, ROOT

WEB = ROOT / "api/web"
ROUTED = ("/", "/login", "/join/shop", "/password", "/cabinet", "/cabinet/links?status=active", "/team/conversions/7")
ELSEWHERE = ("/assets/", "/assets/index.html", "/assets/../index.html", "/assets/..%2findex.html", "/assets/%2e%2e/clickledger.conf",
             "/assets//etc/passwd", "/index.html", "//", "/teams", "/favicon.ico", "/v1", "/login.html")


@pytest.fixture
def served(spawn, postgres, tmp_path):
    return Api(spawn, postgres, tmp_path, OPTIONS + f"web = {BUILD / 'web'}\n")


def fetch(api, path, method="GET", **headers):
    return api.raw("".join([f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n",
                            *[f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()], "\r\n"]).encode())


def parts(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return int(lines[0].split()[1]), dict(line.split(": ", 1) for line in lines[1:]), body


def test_one_page_for_what_the_pages_route(served):
    answers = [parts(fetch(served, path)) for path in ROUTED]
    status, headers, body = answers[0]
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8" and headers["Cache-Control"] == "no-cache"
    assert {(status, content) for status, _, content in answers} == {(200, body)}
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert parts(fetch(served, "/", If_None_Match=headers["ETag"]))[::2] == (304, b"")
    assert parts(fetch(served, "/", "HEAD"))[::2] == (200, b"")
    assert parts(fetch(served, "/", "POST", Content_Length="0"))[0] == 405


def test_nothing_but_what_was_built(served):
    assert {path: parts(fetch(served, path))[0] for path in ELSEWHERE} == dict.fromkeys(ELSEWHERE, 404)


def test_files_are_kept_for_good_and_come_small(served):
    html = parts(fetch(served, "/"))[2].decode()
    names = re.findall(r'"(/assets/[^"]+)"', html)
    assert {name.rsplit(".", 1)[1] for name in names} == {"js", "css", "svg"}
    for name in names:
        status, headers, zipped = parts(fetch(served, name, Accept_Encoding="br, gzip;q=0.8"))
        assert status == 200 and "immutable" in headers["Cache-Control"] and headers["Content-Encoding"] == "gzip"
        plain = parts(fetch(served, name, Accept_Encoding="gzip;q=0"))
        assert "Content-Encoding" not in plain[1] and gzip.decompress(zipped) == plain[2]
        assert plain[1]["ETag"] == headers["ETag"] and plain[1]["Vary"] == "Accept-Encoding"


def test_a_folder_without_pages_is_an_error(spawn, postgres, tmp_path):
    for folder, why in (tmp_path / "none", "No such file"), (tmp_path, "this kind of file is not served"):
        config = tmp_path / "pages.conf"
        config.write_text(f"[postgres]\nconninfo = host=/none\n\n[api]\nport = 0\nweb = {folder}\n")
        process = spawn(BUILD / "api/clickledger-api", "--config", config)
        assert process.process.wait(20) == 1
        assert "api.pages" in process.log() and why in process.log()


def texts(room, language):
    """Texts of a file by key; of plural forms their names."""
    found = re.findall(r'"([\w.]+)":\s*(?:"|`|\{([^{}]*(?:\{\w+\}[^{}]*)*)\})', (WEB / "text" / f"{room}{language}.js").read_text())
    return {key: tuple(re.findall(r"\b(one|few|many|other):", forms)) for key, forms in found}


@pytest.mark.parametrize("room", ["", "partner.", "team.", "team_setup."])
def test_every_text_is_there_in_both_languages(room):
    english, russian = texts(room, "en"), texts(room, "ru")
    assert set(english) == set(russian) and len(english) > 100
    assert {key for key, forms in english.items() if forms} == {key for key, forms in russian.items() if forms}
    assert {forms for forms in russian.values() if forms} <= {("one", "few", "many", "other"), ("one", "few", "other"), ("one", "few", "many")}


def test_every_text_that_is_asked_for_is_there():
    """And in a file that the page has: of all, of its room, of its own."""
    setup = {"programs", "program", "terms", "terms_form", "preview", "uploads", "audit"}
    sources = {path.relative_to(WEB / "src"): path.read_text() for path in (WEB / "src").rglob("*.js*")}
    across = {"partner": '"../team/', "team": '"../partner/'}  # what both rooms have is in ui
    assert [path for path, text in sources.items() if path.parts[0] in across and across[path.parts[0]] in text] == []
    count = 0
    for path, text in sources.items():
        where = path.parts[0]
        rooms = {"partner": ["partner."], "team": ["team."] + ["team_setup."] * (path.stem in setup)}.get(where, [])
        asked = set(re.findall(r'\btx?\("([\w.]+)"', text))
        count += len(asked)
        assert asked - {key for room in ["", *rooms] for key in texts(room, "en")} == set(), path
    assert count > 300


def test_every_audited_table_has_a_word(postgres):
    audited = {name for (name,) in postgres.query("select tgrelid::regclass::text from pg_trigger where tgname = 'audit'")}
    named = {key.removeprefix("team.object.") for key in texts("team_setup.", "en") if key.startswith("team.object.")}
    assert named == {name.removeprefix("clickledger.") for name in audited} | {"session"}
    assert named - {"session"} == set(re.findall(r'"(\w+)"', re.search(r"OBJECTS = \[(.*?)\]", (WEB / "src/team/audit.jsx").read_text(), re.S)[1]))

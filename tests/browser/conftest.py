"""A real browser before a real tracker: the fixtures of tests/system, and a shop."""
import functools
import importlib.util
import pathlib
import shutil
import sys
import tempfile

import pytest

SYSTEM = pathlib.Path(__file__).resolve().parents[1] / "system"
sys.path.insert(0, str(SYSTEM))
spec = importlib.util.spec_from_file_location("system_conftest", SYSTEM / "conftest.py")
system_conftest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(system_conftest)
# The modules of tests/system ask `conftest` for these.
BUILD, ROOT = system_conftest.BUILD, system_conftest.ROOT
wait_for = functools.partial(system_conftest.wait_for, every_s=0.1)  # asking a browser is work for three programs
redis_server, spawn = system_conftest.redis_server, system_conftest.spawn

from cabinet import Cabinet  # noqa: E402 (needs the path above)
from chromium import Chromium  # noqa: E402
from installation import Installation  # noqa: E402
from site_server import Site  # noqa: E402
from tracker import REVISION, Tracker, link, program, promo_code, publish, settings  # noqa: E402

SHOP, TRACKER_HOST = "www.shop.example", "go.shop.example"
CONSENT = 1


@pytest.fixture(scope="session")
def chromium():
    folder = tempfile.mkdtemp(prefix="clickledger-chromium-")
    browser = Chromium(folder)
    yield browser
    browser.quit()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def browser(chromium):
    """The browser of a person who was never here."""
    chromium.forget()
    yield chromium
    chromium.forget()


@pytest.fixture
def site():
    site = Site(SHOP)
    yield site
    site.close()


@pytest.fixture
def tracker(tmp_path, redis_server, spawn, site):
    """A tracker on the shop's own domain, and links to the shop's landing page."""
    own = (0, "", [TRACKER_HOST])
    publish(redis_server.client, [
        settings(),
        program(1, "shop", cookie=True, fallback=site.url("/"), visitor=own),
        program(2, "asking", cookie=True, fallback=site.url("/"), visitor=(CONSENT, *own[1:])),
        link("demo", 11, 1, site.url("/?colour=red")),
        promo_code("TEA10", 21, 1, site.url("/")),
    ], REVISION)
    tracker = Tracker(tmp_path, redis_server, spawn)
    tracker.start(REVISION)
    tracker.origin = site.tracker = f"http://{TRACKER_HOST}:{tracker.port}"
    return tracker


@pytest.fixture(scope="session")
def installation():
    """A whole Clickledger, one for all tests of the pages."""
    made = Installation(workers=1)
    try:
        made.up()
        yield made
    finally:
        made.remove()


def program_that_takes_partners(installation, target, terms, **about):
    def ask(method, path, body):
        status, answer = installation.api(path, "admin_key", method, body)
        assert status in (200, 201), answer
        return answer

    made = ask("POST", "/v1/programs", about)
    ask("POST", f"/v1/programs/{made['id']}/terms", terms)
    ask("PATCH", f"/v1/programs/{made['id']}/admission", {"is_open": True, "target_url": target})
    return made


@pytest.fixture
def cabinet(browser, installation):
    """The pages, to a person who was never here. What the console says against them fails the test."""
    cabinet = Cabinet(browser, installation.addresses["api"])
    yield cabinet
    complaints = cabinet.complaints()
    cabinet.reset()
    assert complaints == []

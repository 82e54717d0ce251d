"""The pages that anybody can open, and what a first visit costs."""
import pytest
from conftest import program_that_takes_partners

FIRST_LOAD_BYTES = 150_000
LOADED = "return performance.getEntries().filter(one => 'encodedBodySize' in one).map(one => [one.name, one.encodedBodySize])"


@pytest.fixture
def program(installation):
    return program_that_takes_partners(installation, "https://coffee.example/", {"commission_kind": "fixed", "fixed_minor": 500, "hold_days": 7},
                                       code="open-pages", name="Coffee shop", currency="EUR", hosts=["coffee.example"])


def test_each_open_page(cabinet, program):
    pages = {"login": "/login", "join": f"/join/{program['code']}", "password-reset": "/password/reset", "password-new": "/password/new#token"}
    assert cabinet.look(pages) == []
    cabinet.follow(pages["join"])
    cabinet.speak("en")
    lines = [line.text for line in cabinet.browser.driver.find_elements("css selector", ".offer-rate, .offer-text li")]
    assert lines[:2] == ["5.00 EUR for each order.", "A commission is on hold for 7 days after the order."] and len(lines) == 4
    cabinet.press("form button[type=submit]")
    cabinet.read("Fill this in.", "form")


def loaded(cabinet):
    """Bytes of all files that the page fetched, as they came, compressed: HTML, styles, scripts, texts, fonts; no answers of the API."""
    return {name: size for name, size in cabinet.browser.run(LOADED) if "/v1/" not in name}


def first_visit(cabinet, path, language):
    """What a browser fetches that has nothing yet."""
    cabinet.speak(language)
    cabinet.browser.command("Network.clearBrowserCache")
    cabinet.open(path)
    assert cabinet.browser.run("return document.documentElement.lang") == language
    return loaded(cabinet)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_first_visit_is_small(cabinet, language):
    cabinet.open("/login")
    files = first_visit(cabinet, "/login", language)
    assert 20_000 < sum(files.values()) < FIRST_LOAD_BYTES, files


@pytest.mark.parametrize("who, home", [("partner", "/cabinet"), ("owner", "/team")])
def test_a_room_is_small(cabinet, installation, who, home):
    cabinet.login(installation.addresses[f"{who}_email"], installation.addresses[f"{who}_password"])
    for language in "ru", "en":
        files = first_visit(cabinet, home, language)
        cabinet.find(".u-wrap")  # the chart is part of it
        assert 60_000 < sum(files.values()) < FIRST_LOAD_BYTES, files


def test_what_the_policy_refuses_is_a_complaint(cabinet):
    cabinet.open("/login")
    cabinet.browser.run("const image = document.createElement('img'); image.src = 'http://elsewhere.example/pixel.gif'; document.body.append(image);"
                        "return new Promise(done => { image.onerror = done; })")
    assert "Content Security Policy" in " ".join(cabinet.complaints())

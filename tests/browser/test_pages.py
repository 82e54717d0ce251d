"""The pages that anybody can open."""
FIRST_LOAD_BYTES = 150_000
LOADED = "return performance.getEntries().filter(one => 'encodedBodySize' in one).map(one => [one.name, one.encodedBodySize])"


def test_the_login_page(cabinet):
    assert cabinet.look("/login", "login") == []


def test_a_first_visit_is_small(cabinet):
    """All that it fetches: HTML, styles, scripts, texts, fonts; with the alphabet that needs the most."""
    cabinet.open("/login")
    cabinet.speak("ru")
    loaded = dict(cabinet.browser.run(LOADED))
    assert 20_000 < sum(loaded.values()) < FIRST_LOAD_BYTES, loaded


def test_what_the_policy_refuses_is_a_complaint(cabinet):
    cabinet.open("/login")
    cabinet.browser.run("const image = document.createElement('img'); image.src = 'http://elsewhere.example/pixel.gif'; document.body.append(image);"
                        "return new Promise(done => { image.onerror = done; })")
    assert "Content Security Policy" in " ".join(cabinet.complaints())

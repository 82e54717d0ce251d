"""The pages that anybody can open."""
from cabinet import LANGUAGES, SCREENS, THEMES


def test_the_first_page(cabinet):
    for screen in SCREENS:
        cabinet.screen(screen)
        for theme in THEMES:
            cabinet.theme(theme)
            for language in LANGUAGES:
                cabinet.language(language)
                cabinet.open("/")
                cabinet.picture(f"first-{screen}-{theme}-{language}")
                assert not cabinet.scrolls_sideways()
            assert cabinet.axe() == []


def test_what_the_policy_refuses_is_a_complaint(cabinet):
    cabinet.open("/")
    cabinet.browser.run("const style = document.createElement('img'); style.src = 'http://elsewhere.example/pixel.gif'; document.body.append(style);"
                        "return new Promise(done => { style.onerror = done; })")
    assert "Content Security Policy" in " ".join(cabinet.complaints())

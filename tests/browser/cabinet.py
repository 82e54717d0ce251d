"""The pages in a real browser, before a whole installation: a person at the screen, axe, pictures, and a console that must stay silent."""
import base64
import itertools
import json
import os
import pathlib

from conftest import BUILD, ROOT, wait_for

AXE = ROOT / "api/web/node_modules/axe-core/axe.min.js"
PICTURES = pathlib.Path(os.environ.get("CLICKLEDGER_PICTURES", BUILD / "pictures"))
SERIOUS = ("serious", "critical")
DESK, PHONE = {"width": 1280, "height": 800, "mobile": False, "deviceScaleFactor": 1}, {"width": 390, "height": 844, "mobile": True, "deviceScaleFactor": 1}
LANGUAGES, THEMES, SCREENS = ("en", "ru"), ("light", "dark"), {"desk": DESK, "phone": PHONE}
# How a page is looked at: each language, theme and screen at least once; all combinations in the long tests.
LOOKS = [("desk", "light", "en"), ("phone", "dark", "ru")]
if os.environ.get("CLICKLEDGER_TEST_ALL"):
    LOOKS += [look for look in itertools.product(SCREENS, THEMES, LANGUAGES) if look not in LOOKS]
# A page is there when it has its heading and nothing of it still waits for the API.
SETTLED = "return !!document.querySelector('main h1:not([data-left])') && !document.querySelector('[aria-busy=true]')"
# The heading of the page that is left is marked; the next page has one of its own.
FOLLOW = """
if (location.pathname + location.search + location.hash === arguments[0]) return;
document.querySelector("main h1").dataset.left = "";
history.pushState(null, "", arguments[0]);
dispatchEvent(new PopStateEvent("popstate"));
"""
PICTURE_HEIGHT_MAX = 4000
WAIT_SECONDS = 60
SESSION = "__Host-cl_session"
sessions = {}  # cookies by origin and address of a person: who has been here once need not prove again that the form works


class Cabinet:
    def __init__(self, browser, origin):
        self.browser, self.origin = browser, origin
        self.screen("desk")

    # --- What a person does

    def open(self, path):
        self.browser.go(self.origin + path)
        self.settle()

    def follow(self, path):
        """To another page of the same room, as by a link: without a reload."""
        self.browser.run(FOLLOW, path)
        self.settle()

    def settle(self):
        wait_for(lambda: self.browser.run(SETTLED), WAIT_SECONDS, f"the page at {self.browser.driver.current_url}")

    def login(self, email, password):
        """Through the form, once; later the session goes on."""
        known = sessions.get((self.origin, email))
        if known:
            self.browser.command("Network.setCookie", name=SESSION, value=known, url=self.origin + "/", path="/", secure=True, httpOnly=True, sameSite="Strict")
            self.open("/")
        else:
            self.login_by_form(email, password)
            sessions[self.origin, email] = self.browser.cookie(SESSION)["value"]
        self.speak("en")  # a person keeps the language that was chosen last

    def login_by_form(self, email, password):
        self.open("/login")
        self.type("input[type=email]", email)
        self.type("input[type=password]", password)
        self.press("form button[type=submit]")
        wait_for(lambda: "/login" not in self.browser.driver.current_url, WAIT_SECONDS, "the login")
        self.settle()

    def find(self, selector):
        """The first visible element, once there is one."""
        def visible():
            return [found for found in self.browser.driver.find_elements("css selector", selector) if found.is_displayed()]
        return self.shown(wait_for(visible, WAIT_SECONDS, selector)[0])

    def shown(self, element):
        """In the middle of the screen, where no bar lies over it."""
        self.browser.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        return element

    def button(self, text, within="body"):
        """The button or link that reads so, once there is one."""
        path = f".//*[self::button or self::a or self::summary][normalize-space()={json.dumps(text)}]"

        def visible():
            return [found for found in self.find(within).find_elements("xpath", path) if found.is_displayed() and found.is_enabled()]
        return self.shown(wait_for(visible, WAIT_SECONDS, f"a button '{text}'")[0])

    def rows(self):
        """Of the page's table, without its head."""
        return self.browser.driver.find_elements("css selector", "main tbody tr:not([aria-hidden])")

    def press(self, selector):
        self.find(selector).click()

    def type(self, selector, text):
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def read(self, text, within="body", limit_s=WAIT_SECONDS):
        """Waits until the text stands there."""
        return wait_for(lambda: text in self.find(within).text, limit_s, f"'{text}' on {self.browser.driver.current_url}")

    # --- What a tester looks at

    def speak(self, language):
        """By the switch of the page."""
        if self.browser.run("return document.documentElement.lang") != language:
            self.press(f".head-tools button[lang={language}]")
            wait_for(lambda: self.browser.run("return document.documentElement.lang") == language, WAIT_SECONDS, "the language")
            self.settle()

    def theme(self, theme):
        self.browser.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme},
                                                                     {"name": "prefers-reduced-motion", "value": "reduce"}])

    def screen(self, screen):
        self.browser.command("Emulation.setDeviceMetricsOverride", **SCREENS[screen])

    def reset(self):
        for command in "Emulation.clearDeviceMetricsOverride", "Emulation.setEmulatedMedia":
            self.browser.command(command)

    def axe(self):
        """What axe finds serious, as lines: rule, where, why."""
        if not self.browser.run("return !!window.axe"):
            self.browser.run(AXE.read_text())
        found = self.browser.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations'], preload: false}).then(result => done(result.violations), error => done(String(error)));")
        assert isinstance(found, list), found
        return [f"{rule['id']}: {' '.join(node['target'])}: {node['failureSummary']}"
                for rule in found if rule["impact"] in SERIOUS for node in rule["nodes"]]

    def scrolls_sideways(self):
        return self.browser.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth + 1")

    def look(self, pages):
        """Looks at pages in all ways: pictures are kept; what axe finds serious and what is wider than the screen is told. pages: paths by name; of one
        room."""
        wrong = []
        self.open(list(pages.values())[-1])
        for screen, theme, language in LOOKS:
            self.screen(screen)
            self.theme(theme)
            self.speak(language)
            for name, path in pages.items():
                self.follow(path)
                self.picture(f"{name}-{screen}-{theme}-{language}")
                wrong += [f"{name} on a {screen}, {theme}: {line}" for line in self.axe() + ["it scrolls sideways"] * self.scrolls_sideways()]
        return wrong

    def picture(self, name):
        PICTURES.mkdir(parents=True, exist_ok=True)
        size = self.browser.command("Page.getLayoutMetrics")["cssContentSize"]
        shot = self.browser.command("Page.captureScreenshot", format="png", captureBeyondViewport=True, optimizeForSpeed=True,
                                    clip={"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], PICTURE_HEIGHT_MAX), "scale": 1})
        (PICTURES / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))

    def complaints(self):
        """What the console said since the last call: errors, and what the Content-Security-Policy refused. A refusal of the API (4xx) that the page
        shows to the person is none."""
        return [entry["message"] for entry in self.browser.console()
                if not ("/v1/" in entry["message"] and "Failed to load resource" in entry["message"])]

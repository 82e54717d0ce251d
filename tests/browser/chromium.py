"""Headless Chromium, for which every name is this machine."""
import pathlib

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
         "--disable-component-update", "--disable-sync", "--disable-extensions",
         "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,OptimizationHints,MediaRouter"]
# A headless browser says so, and is counted as a bot.
PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
LOAD_SECONDS = 60


class Chromium:
    def __init__(self, folder, *rules):
        """rules: which names are elsewhere than at their own port of this machine, such as MAP www.shop.example 127.0.0.1:8000."""
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        names = "--host-resolver-rules=" + ", ".join([*rules, "MAP * 127.0.0.1"])
        for flag in [*FLAGS, names, "--user-agent=" + PERSON, f"--user-data-dir={pathlib.Path(folder) / 'profile'}"]:
            options.add_argument(flag)
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_page_load_timeout(LOAD_SECONDS)
        self.scripts = []

    def command(self, name, /, **parameters):
        return self.driver.execute_cdp_cmd(name, parameters)

    def go(self, url):
        self.driver.get(url)

    def run(self, script, *args):
        return self.driver.execute_script(script, *args)

    def before_every_page(self, script):
        self.scripts.append(self.command("Page.addScriptToEvaluateOnNewDocument", source=script)["identifier"])

    def send_always(self, **headers):
        self.command("Network.enable")
        self.command("Network.setExtraHTTPHeaders", headers={name.replace("_", "-"): value for name, value in headers.items()})

    def cookie(self, name):
        return next((cookie for cookie in self.command("Network.getAllCookies")["cookies"] if cookie["name"] == name), None)

    def console(self):
        """What the page complained about since the last call."""
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def forget(self):
        """A person who was never here: no cookie, nothing stored, no page open."""
        for script in self.scripts:
            self.command("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
        self.scripts.clear()
        self.send_always()
        self.command("Network.clearBrowserCookies")
        self.command("Network.clearBrowserCache")
        if self.driver.current_url.startswith("http"):
            self.command("Storage.clearDataForOrigin", origin=self.run("return location.origin"), storageTypes="all")
        self.go("about:blank")
        self.console()

    def quit(self):
        self.driver.quit()

"""ops/demo: a day of a shop. Three partners send visitors, the shop reports orders, the team decides, and each partner
looks at the result.

Everything goes over HTTP, as it would in life: links, cookies, postbacks, a pixel and the API. Each run makes a
programme and partners of its own, so it may be repeated on the same installation.
"""
import argparse
import http.client
import json
import os
import re
import secrets
import sys
import time
import urllib.parse

from commands import catalog_has_arrived, keys
from service import Failure, wait_for
from state import REPOSITORY, State

# All visitors come from one address: with one browser, too, the later ones would repeat the first one's click.
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15"
PHONE = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
SETTLE_SECONDS = 30
MOMENT_SECONDS = 0.05
MOSCOW_SECONDS = 3 * 3600


def say(text=""):
    print(text, flush=True)


def money(minor, currency):
    return f"{minor // 100}.{minor % 100:02d} {currency}"


def percent(ppm):
    return "-" if ppm is None else f"{ppm / 10000:.2f} %"


def epc(row):
    """Earnings per click; the API gives minor units with four decimals as text."""
    return "-" if row["epc_minor"] is None else f"{float(row['epc_minor']) / 100:.2f} {row['currency']}"


class Visitor:
    """A browser: sends what a browser sends and keeps the tracker's cookie."""

    def __init__(self, tracker, agent):
        self.tracker, self.agent, self.cookie = urllib.parse.urlsplit(tracker), agent, None

    def get(self, path, **headers):
        connection = http.client.HTTPConnection(self.tracker.hostname, self.tracker.port, timeout=10)
        sent = {"User-Agent": self.agent, "Accept-Language": "ru-RU,ru;q=0.9", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.cookie:
            sent["Cookie"] = self.cookie
        try:
            connection.request("GET", path, headers=sent)
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        if answer.getheader("Set-Cookie"):
            self.cookie = answer.getheader("Set-Cookie").split(";")[0]
        return answer

    def click(self, path, **headers):
        """Follows a partner's link; the click id that the shop finds in its landing URL."""
        answer = self.get(path, **headers)
        found = re.search(r"[?&]click_id=([0-9a-f-]{36})", answer.getheader("Location") or "")
        if answer.status != 302 or not found:
            raise Failure(f"GET {path} was answered {answer.status} without a click id")
        return found.group(1)


class Api:
    def __init__(self, base, key):
        self.base, self.key = urllib.parse.urlsplit(base), key

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.base.hostname, self.base.port, timeout=10)
        headers = {"Authorization": "Bearer " + self.key}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            content = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status >= 300:
            raise Failure(f"{method} {path} was answered {answer.status}: {content['error']['message']}")
        return content

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, body or {})


class Partner:
    def __init__(self, team, api_base, program, name, terms):
        self.name = name
        self.id = team.post("/v1/partners", {"name": name})["id"]
        team.post(f"/v1/partners/{self.id}/approve")
        team.post(f"/v1/programs/{program}/terms", {"partner_id": self.id, **terms})
        self.api = Api(api_base, team.post(f"/v1/partners/{self.id}/keys", {"name": "demo"})["key"])


class Day:
    """One run: the cast, then the events, then what each partner sees."""

    def __init__(self, addresses, links_known):
        """links_known() tells whether every tracker worker knows the newest links."""
        self.tracker, self.api_base, self.links_known = addresses["tracker"], addresses["api"], links_known
        self.team = Api(addresses["api"], addresses["admin_key"])
        self.tag = secrets.token_hex(3)
        self.receipts = []

    def cast(self):
        team, tag = self.team, self.tag
        self.code = f"demo-{tag}"
        self.program = team.post("/v1/programs", {"code": self.code, "name": f"Samovar shop {tag}", "currency": "RUB", "time_zone": "Europe/Moscow",
                                                  "fallback_url": "https://samovar.example/", "visitor_cookie": True})["id"]
        integration = team.post(f"/v1/programs/{self.program}/integrations", {"name": "shop"})
        self.postback = "/postback/" + integration["key"]
        percent = {"commission_kind": "percent", "hold_days": 0, "window_days": 30}
        self.anna = Partner(team, self.api_base, self.program, f"Anna's blog {tag}", {**percent, "rate_ppm": 100000})
        self.kupon = Partner(team, self.api_base, self.program, f"Kupon {tag}", {**percent, "rate_ppm": 50000})
        self.lead = Partner(team, self.api_base, self.program, f"Lead network {tag}",
                            {"commission_kind": "fixed", "fixed_minor": 30000, "hold_days": 14, "window_days": 30})
        for partner, slug in (self.anna, f"anna-{tag}"), (self.lead, f"lead-{tag}"):
            team.post("/v1/links", {"program_id": self.program, "partner_id": partner.id, "slug": slug, "target_url": "https://samovar.example/sale"})
            partner.path = "/c/" + slug
        self.promo = f"KUPON-{tag}".upper()
        team.post("/v1/promo-codes", {"program_id": self.program, "partner_id": self.kupon.id, "code": self.promo, "target_url": "https://samovar.example/"})
        wait_for("the new links in every tracker worker", self.links_known, SETTLE_SECONDS)

    def order(self, **report):
        """The shop's server reports an order."""
        visitor = Visitor(self.tracker, "samovar-shop/1.0")
        connection = http.client.HTTPConnection(visitor.tracker.hostname, visitor.tracker.port, timeout=10)
        try:
            connection.request("POST", self.postback, urllib.parse.urlencode(report), {"Content-Type": "application/x-www-form-urlencoded"})
            answer = connection.getresponse()
            content = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 202:
            raise Failure(f"order {report['order_id']} was answered {answer.status}: {content}")
        self.receipts.append(content["receipt"])

    def events(self):
        first = Visitor(self.tracker, CHROME)
        click = first.click(self.anna.path + "?utm_source=blog&utm_campaign=autumn&sub1=review", Referer="https://anna.example/samovars")
        self.order(order_id="1001", click_id=click, amount="4990.00", currency="RUB", status="approved")
        say("1001  4990.00  from Anna's link (utm_source=blog, sub1=review)")

        time.sleep(MOMENT_SECONDS)  # what one visitor does within a millisecond has no order
        first.click(self.lead.path + "?sub1=banner7")
        time.sleep(MOMENT_SECONDS)
        query = urllib.parse.urlencode({"order_id": "1002", "amount": "2500.50", "status": "approved"})
        first.get(f"/conv/{self.code}.gif?{query}", Sec_Fetch_Dest="image")
        say("1002  2500.50  the same visitor came back through Lead network; reported by a pixel, known by the cookie; a browser's word: pending")

        self.order(order_id="1003", amount="1234.56", status="approved", promo=self.promo.lower())
        say("1003  1234.56  promo code of Kupon, no click at all")

        click = Visitor(self.tracker, FIREFOX).click(self.anna.path)
        self.order(order_id="1004", click_id=click, amount="7000.00", status="approved", promo=self.promo)
        say("1004  7000.00  Anna's link, but Kupon's code was used: the code wins")

        Visitor(self.tracker, CRAWLER).click(self.anna.path)
        Visitor(self.tracker, CHROME).click(self.anna.path, Sec_Purpose="prefetch")
        say("      a crawler and a prefetch follow Anna's link: recorded, not counted")

        click = Visitor(self.tracker, SAFARI).click(self.anna.path)
        self.order(order_id="1005", click_id=click, amount="3333.33", status="pending")
        say("1005  3333.33  from Anna's link, pending")

        click = Visitor(self.tracker, PHONE).click(self.anna.path)
        self.order(order_id="1006", click_id=click, amount="5555.55", status="approved")
        self.order(order_id="1006", status="refunded", amount="1000.00", event_id="refund-1")
        say("1006  5555.55  from Anna's link; 1000.00 refunded")

    def conversions(self):
        found = self.team.get(f"/v1/conversions?program_id={self.program}&limit=100")["data"]
        return {conversion["order_id"]: conversion for conversion in found}

    def settled(self):
        """Every report has its verdict, and each of the six orders has a partner."""
        return (sum(bool(order["credits"]) for order in self.conversions().values()) == 6
                and all(self.team.get(f"/v1/receipts/{receipt}")["verdict"] for receipt in self.receipts))

    def decide(self):
        wait_for("the six orders", self.settled, SETTLE_SECONDS)
        orders = self.conversions()
        self.team.post(f"/v1/conversions/{orders['1002']['id']}/approve")
        say("1002  approved by the team")
        self.team.post(f"/v1/conversions/{orders['1005']['id']}/decline", {"reason": "fraud_card"})
        say("1005  declined by the team: fraud_card")
        wait_for("the decisions", lambda: [self.conversions()[order]["status"] for order in ("1002", "1005")] == ["approved", "declined"], SETTLE_SECONDS)

    def show(self, partner):
        today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + MOSCOW_SECONDS))
        say(f"\n{partner.name}")
        for row in partner.api.get(f"/v1/stats?from={today}&to={today}&tz=Europe/Moscow&group_by=day")["data"]:
            say(f"  {row['day']}: {row['clicks']} clicks (and {row['clicks_not_counted']} not counted), {row['conversions']} conversions"
                f" ({row['conversions_declined']} declined), CR {percent(row['cr_ppm'])}, EPC {epc(row)},"
                f" revenue {money(row['revenue_minor'], row['currency'])}, commission {money(row['commission_minor'], row['currency'])}")
        for conversion in reversed(partner.api.get("/v1/conversions")["data"]):
            amount = money(conversion["amount_minor"] - conversion["refunded_minor"], conversion["currency"])
            commission = money(conversion["commission_minor"] or 0, conversion["currency"])
            line = f"  order {conversion['order_id']}  {conversion['status']:8}  amount {amount:>11}  commission {commission:>10}  {conversion['reason'] or ''}"
            say(line.rstrip())
        for row in partner.api.get("/v1/balance")["data"]:
            say("  balance: " + ", ".join(f"{name} {money(row[name + '_minor'], row['currency'])}" for name in ("pending", "available", "reserved", "paid")))

    def explain(self, partner, order_id):
        conversion = next(c for c in partner.api.get("/v1/conversions")["data"] if c["order_id"] == order_id)
        say(f"\nWhy {partner.name} earned what it earned for order {order_id}:")
        say(json.dumps(partner.api.get(f"/v1/conversions/{conversion['id']}/explain"), indent=2, ensure_ascii=False))

    def run(self):
        self.cast()
        self.events()
        self.decide()


def day_of(folder):
    """A day in the installation of this folder."""
    state = State(folder)
    if not os.path.exists(state.settings_path):
        raise Failure(f"{folder} holds no installation; ops/up makes one")
    state.read()
    addresses = {"tracker": f"http://127.0.0.1:{state.settings['port']}", "api": f"http://127.0.0.1:{state.settings['api_port']}", **keys(state)}
    return Day(addresses, lambda: catalog_has_arrived(state))


def main():
    parser = argparse.ArgumentParser(prog="ops/demo", description="Plays a day of a shop against a running installation and shows what each partner sees.")
    parser.add_argument("--state", default=os.path.join(REPOSITORY, ".state"), metavar="DIR", help="folder of the installation (default .state)")
    options = parser.parse_args()
    try:
        day = day_of(options.state)
        day.run()
        for partner in day.anna, day.kupon, day.lead:
            day.show(partner)
        day.explain(day.kupon, "1004")
    except ConnectionRefusedError:
        print("ops/demo: nothing answers; start the installation with ops/up", file=sys.stderr)
        return 1
    except Failure as failure:
        print(f"ops/demo: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

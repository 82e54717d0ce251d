"""A programme in a test's database, and the ways in which facts come to it."""
import json
import subprocess
import uuid
from datetime import datetime, timezone

from conftest import BUILD

ATTRIB = BUILD / "attrib/clickledger-attrib"
T0 = datetime(2026, 3, 10, 12, 0, 0, tzinfo=timezone.utc)
PRODUCER = str(uuid.UUID(int=7))
COUNTER = iter(range(1, 1 << 30))


def uuid7(at):
    """A UUIDv7 of that moment; ids of one moment ascend in the order in which they are made."""
    ms = int(at.timestamp() * 1000)
    return str(uuid.UUID(int=ms << 80 | 0x7 << 76 | 0x2 << 62 | next(COUNTER)))


def ms_of(at):
    return datetime.fromtimestamp(int(at.timestamp() * 1000) / 1000, timezone.utc)


def lines_text(lines):
    """Lines of an order (sku, product, category, quantity, amount, commissionable) as reports carry them."""
    return "".join("\t".join([*(cell or "" for cell in line[:3]), *map(str, line[3:])]) + "\n" for line in lines)


def attribute(database):
    """One run of clickledger-attrib: what it did."""
    done = subprocess.run([ATTRIB, "run"], env={"CLICKLEDGER_POSTGRES_CONNINFO": database.conninfo("cl_attrib")},
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert database.query("select * from ledger_violation") == []
    return {name: int(count) for name, count in (word.split("=") for word in done.stdout.split())}


class Shop:
    """A programme with partners, and the ways in which facts come to it."""

    def __init__(self, database, code="shop"):
        self.db = database
        self.program = self.make_program(code, "RUB")
        self.anna, self.boris = self.make_partner("Anna"), self.make_partner("Boris")
        self.make_terms(rate_ppm=100000)
        self.key = self.db.value("insert into api_key (kind, name, prefix, key_hash) values ('team', 't', 'cl_t', %s) returning id",
                                 [code.encode().ljust(32)])
        self.db.query("insert into shard (id) values (0) on conflict do nothing")
        self.db.query("select partition_ensure('2026-03-01', '2026-03-20')")

    def make_program(self, code, currency):
        return self.db.value("insert into program (code, name, currency) values (%s, %s, %s) returning id", [code, code, currency])

    def make_partner(self, name):
        return self.db.value("insert into partner (name, status) values (%s, 'active') returning id", [name])

    def make_terms(self, kind="percent", rate_ppm=None, fixed_minor=None, hold_days=0, window_days=30, precedence="code_over_click",
                   partner=None, since=datetime(2025, 1, 1, tzinfo=timezone.utc), version=1):
        self.db.query("insert into terms (program_id, partner_id, version, effective_from, commission_kind, rate_ppm, fixed_minor,"
                      " hold_days, window_days, precedence) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                      [self.program, partner, version, since, kind, rate_ppm, fixed_minor, hold_days, window_days, precedence])

    def make_rules(self, rules):
        """Rules of the newest version of terms."""
        terms = self.db.value("select max(id) from terms where program_id = %s", [self.program])
        for n, rule in enumerate(rules, 1):
            self.db.query("select rule_write(%s, %s, %s)", [terms, json.dumps(rule), n])

    def make_policy(self, model="last", since=datetime(2025, 1, 1, tzinfo=timezone.utc), **said):
        columns = {"program_id": self.program, "effective_from": since, "model": model, **said}
        self.db.query(f"insert into attribution_policy ({', '.join(columns)}, version) select {', '.join(['%s'] * len(columns))},"
                      " 1 + (select count(*) from attribution_policy where program_id = %s)", [*columns.values(), self.program])

    def make_code(self, code, partner):
        return self.db.value("insert into promo_code (program_id, partner_id, code, target_url) values (%s, %s, %s, 'https://shop.example/')"
                             " returning id", [self.program, partner, code])

    def load_touch(self, at):
        self.db.query("insert into touch_batch (shard, from_ts, to_ts) values (0, %s, %s)", [ms_of(at), ms_of(at)])

    def click(self, at, partner, visitor=None, id=None, program=None, hit_class="human", address_hash=None):
        id = id or uuid7(at)
        self.db.query("insert into click (ts, click_id, visitor_id, program_id, partner_id, link_id, class, reason, status,"
                      " catalog_revision, producer, seq, content_hash, address_hash)"
                      " values (click_ts(%s), %s, %s, %s, %s, 1, %s, 'none', 302, 1, %s, 1, 1, %s)",
                      [id, id, visitor, program or self.program, partner, hit_class, PRODUCER, address_hash])
        self.load_touch(at)
        return id

    def hit(self, table, at, visitor, **said):
        columns = {"hit_id": uuid7(at), "visitor_id": visitor, "program_id": self.program, "class": "human", "reason": "none", "status": 200,
                   "catalog_revision": 1, "producer": PRODUCER, "seq": 1, "content_hash": 1, **said}
        self.db.query(f"insert into {table} (ts, {', '.join(columns)}) values (click_ts(%s), {', '.join(['%s'] * len(columns))})",
                      [columns["hit_id"], *columns.values()])
        self.load_touch(at)

    def impression(self, at, partner, visitor, **said):
        self.hit("impression", at, visitor, partner_id=partner, **said)

    def visit(self, at, visitor, **said):
        self.hit("visit", at, visitor, **said)

    def promo_entry(self, at, code, visitor, id=None):
        id = id or uuid7(at)
        self.db.query("insert into promo_entry (ts, hit_id, visitor_id, program_id, partner_id, promo_code_id, promo, class, reason, status,"
                      " catalog_revision, producer, seq, content_hash) select click_ts(%s), %s, %s, program_id, partner_id, id, code, 'human',"
                      " 'none', 200, 1, %s, 1, 1 from promo_code where code = %s", [id, id, visitor, PRODUCER, code])
        self.load_touch(at)

    def report(self, at, order="o1", id=None, source="postback", **said):
        id = id or uuid7(at)
        if "amount_minor" in said:
            said["amount"] = str(said["amount_minor"])
        columns = {"id": id, "source": source, "program_id": self.program, "order_id": order, "producer": PRODUCER, "seq": 1,
                   "content_hash": 1, **said}
        self.db.query(f"insert into conversion_report (ts, {', '.join(columns)}) values (click_ts(%s), {', '.join(['%s'] * len(columns))})",
                      [id, *columns.values()])
        return id

    def decide(self, action, at, order="o1", reason="other"):
        self.db.query("insert into conversion_decision (conversion_id, action, reason, api_key_id, decided_at)"
                      " select id, %s, %s, %s, %s from conversion where program_id = %s and order_id = %s",
                      [action, reason if action == "decline" else None, self.key, at, self.program, order])

    def close(self, month):
        """The team closes a month."""
        self.db.query("begin; set local cl.team = 'on'; select set_config('cl.key', %s, true); select period_close(%s, %s, null); commit",
                      [str(self.key), self.program, month])

    def attribute(self):
        return attribute(self.db)

    def verdict(self, report):
        return self.db.value("select verdict from conversion_report where id = %s", [report])

    def conversion(self, order="o1"):
        return self.db.query("select status, amount_minor, refunded_minor from conversion where order_id = %s", [order])[0]

    def commissions(self):
        return self.db.query("select partner_id, amount_minor, status from commission order by conversion_id, partner_id")

    def balances(self):
        return self.db.query("select partner_id, pending_minor, available_minor from partner_balance order by partner_id")

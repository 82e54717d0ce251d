"""Seals of the ledger: what a superuser changes is found and named, and what commits late is not left out."""
import hashlib
import struct
import subprocess

import psycopg2
import pytest

from shop import ATTRIB

COLUMNS = ("t.id::text, t.key, t.kind, t.program_id::text, t.partner_id::text, t.conversion_id::text, t.currency,"
           " (extract(epoch from t.posted_at) * 1000000)::bigint::text, t.payout_id::text, t.reason, t.author_key_id::text, t.run_id::text")
ENTRY_COLUMNS = ("e.account_id::text, e.partner_id::text, e.amount_minor::text, a.kind, a.program_id::text, a.partner_id::text, a.currency")


class Ledger:
    """A database with two partners, what is posted to it, and attrib's commands."""

    def __init__(self, postgres, folder):
        self.db, self.heads = postgres, folder / "heads"
        self.program = self.db.value("insert into program (code, name, currency) values ('shop', 'Shop', 'RUB') returning id")
        self.anna, self.boris = (self.db.value("insert into partner (name, status) values (%s, 'active') returning id", [name])
                                 for name in ("Anna", "Boris"))

    def post(self, key, amount, partner=None, query=None, program=None):
        (query or self.db.query)("select clickledger.ledger_post(%s, 'accrue', %s, %s, null, 'RUB', array['program_expense', 'partner_pending'],"
                                 " array[%s, %s]::bigint[])", [key, program or self.program, partner or self.anna, -amount, amount])

    def attrib(self, *argv, database=None):
        return subprocess.run([ATTRIB, *argv], capture_output=True, text=True, timeout=60, check=False, env={
            "CLICKLEDGER_POSTGRES_CONNINFO": self.db.cluster.conninfo(database or self.db.name, "cl_attrib"),
            "CLICKLEDGER_ATTRIB_SEAL_HEADS": str(self.heads)})

    def seal(self):
        done = self.attrib("run")
        assert done.returncode == 0, done.stderr

    def verify(self, *argv, database=None):
        """Exit status, faults in their order, and the last line's words."""
        done = self.attrib("verify", *argv, database=database)
        lines = done.stdout.splitlines()
        return done.returncode, lines[:-1], dict(word.split("=") for word in lines[-1].split()) if lines else done.stderr

    def id(self, key):
        return self.db.value("select id from ledger_transaction where key = %s", [key])


@pytest.fixture
def ledger(postgres, tmp_path):
    return Ledger(postgres, tmp_path)


def cell(text):
    return struct.pack(">I", 0xFFFFFFFF) if text is None else struct.pack(">I", len(text.encode())) + text.encode()


def hash_of(query, transaction):
    """Written independently of attrib/seal.c, from its description."""
    sha = hashlib.sha256(b"clickledger.transaction.1")
    (row,) = query(f"select {COLUMNS} from clickledger.ledger_transaction t where id = %s", [transaction])
    for text in row:
        sha.update(cell(text))
    for row in query(f"select {ENTRY_COLUMNS} from clickledger.ledger_entry e join clickledger.ledger_account a on a.id = e.account_id"
                     " where e.transaction_id = %s order by e.account_id", [transaction]):
        for text in row:
            sha.update(cell(text))
    return sha.digest()


def chain(query):
    """(seal, head, lines as (transaction, hash)) of the seals as they should be."""
    head = bytes(32)
    for (seal,) in query("select id from clickledger.ledger_seal order by id"):
        lines = [(id_, hash_of(query, id_)) for (id_,) in query(
            "select transaction_id from clickledger.ledger_seal_line where seal_id = %s order by 1", [seal])]
        head = hashlib.sha256(b"clickledger.seal.1" + head + struct.pack(">Q", seal) + b"".join(hash_ for _, hash_ in lines)).digest()
        yield seal, head, lines


def test_seals_are_what_they_say(ledger):
    for n in range(5):
        ledger.post(f"a:{n}", 100 + n)
    ledger.seal()
    ledger.post("b:1", 7, ledger.boris)
    ledger.seal()
    ledger.seal()  # nothing waits
    stored = ledger.db.query("select id, transactions, encode(head, 'hex') from ledger_seal order by id")
    assert stored == [(seal, len(lines), head.hex()) for seal, head, lines in chain(ledger.db.query)]
    assert [(seal, n) for seal, n, _ in stored] == [(1, 5), (2, 1)]
    assert ledger.heads.read_text() == "".join(f"{seal} {head}\n" for seal, _, head in stored)
    for argv, trusted in (((), "database"), (("--heads", ledger.heads), "file"), (("--head", stored[1][2]), "head")):
        status, faults, said = ledger.verify(*argv)
        assert (status, faults, said["trusted"], said["trusted_seal"], said["transactions"]) == (0, [], trusted, "2", "6")
        assert said["head"] == stored[1][2]
    assert ledger.verify("--head", stored[0][2])[2]["trusted_seal"] == "1"


def test_what_commits_late_is_sealed_later(ledger):
    with psycopg2.connect(ledger.db.conninfo()) as connection:
        ledger.post("late", 100, query=connection.cursor().execute)
        other = ledger.db.value("insert into program (code, name, currency) values ('other', 'Other', 'RUB') returning id")
        ledger.post("early", 100, program=other)  # postings of one programme wait for each other
        ledger.seal()
        assert ledger.db.query("select t.key from ledger_seal_line l join ledger_transaction t on t.id = l.transaction_id") == [("early",)]
        connection.commit()
    ledger.seal()
    assert ledger.id("late") < ledger.id("early")
    assert ledger.db.query("select t.key, l.seal_id from ledger_seal_line l join ledger_transaction t on t.id = l.transaction_id order by 2") == [
        ("early", 1), ("late", 2)]
    assert ledger.verify("--heads", ledger.heads)[:2] == (0, [])


EDITS = {  # what a superuser does -> the first fault, of transaction a:1 unless another is named
    "amount": ("update ledger_entry set amount_minor = amount_minor + sign(amount_minor) where transaction_id = {a1}", "changed"),
    "account": ("update ledger_entry set account_id = (select min(account_id) from ledger_entry where transaction_id = {b1} and partner_id is not null)"
                " where transaction_id = {a1} and partner_id is not null", "changed"),
    "key": ("update ledger_transaction set key = 'a:x' where id = {a1}", "changed"),
    "time": ("update ledger_transaction set posted_at = posted_at - interval '1 us' where id = {a1}", "changed"),
    "reason": ("update ledger_transaction set reason = 'x' where id = {a1}", "changed"),
    "deleted": ("delete from ledger_entry where transaction_id = {a1}; delete from ledger_transaction where id = {a1}", "deleted"),
    "deleted with its line": ("delete from ledger_entry where transaction_id = {a1}; delete from ledger_transaction where id = {a1};"
                              " delete from ledger_seal_line where transaction_id = {a1}", "seal_broken"),
    "entry added": ("insert into ledger_entry select {a1}, min(account_id), min(partner_id), 5 from ledger_entry where transaction_id = {b1}"
                    " and partner_id is not null", "changed"),
    "entry taken": ("delete from ledger_entry where transaction_id = {a1} and partner_id is null", "changed"),
    "swapped": ("update ledger_entry e set amount_minor = o.amount_minor from ledger_entry o where e.account_id = o.account_id"
                " and (e.transaction_id, o.transaction_id) in (({a1}, {a2}), ({a2}, {a1}))", "changed"),
    "inserted": ("insert into ledger_transaction (id, key, kind, program_id, partner_id, currency, posted_at) overriding system value"
                 " select 1000, 'x', kind, program_id, partner_id, currency, posted_at from ledger_transaction where id = {a1};"
                 " insert into ledger_entry select 1000, account_id, partner_id, amount_minor from ledger_entry where transaction_id = {a1}", "inserted"),
    "given away": ("update ledger_account set partner_id = {boris}, currency = 'USD' where id = (select max(account_id) from ledger_entry"
                   " where transaction_id = {a1} and partner_id is not null)", "changed"),
    "seal": ("update ledger_seal set head = sha256('x') where id = 1", "seal_broken"),
    "seal deleted": ("delete from ledger_seal where id = 1", "seal_missing"),
    "orphan": ("insert into ledger_entry select 2000, account_id, partner_id, amount_minor from ledger_entry where transaction_id = {a1}", "orphan"),
}


def edited(ledger, name, statements, n):
    """A copy of the database in which a superuser, with all triggers off, did that."""
    cluster, database = ledger.db.cluster, f"{ledger.db.name}_{n}"
    a1, a2, b1 = ledger.id("a:1"), ledger.id("a:2"), ledger.id("b:1")
    ledger.db.close()
    cluster.execute(f"create database {database} template {ledger.db.name}")
    off = "; ".join(f"alter table clickledger.{table} disable trigger all" for table in (
        "ledger_entry", "ledger_transaction", "ledger_account", "ledger_seal", "ledger_seal_line"))
    cluster.execute(f"set search_path = clickledger; set session_replication_role = replica; {off}; "
                    + statements.format(a1=a1, a2=a2, b1=b1, boris=ledger.boris), database=database)
    return database, {"inserted": 1000, "orphan": 2000}.get(name, a1)


def test_every_edit_of_a_superuser_is_named(ledger):
    for n in range(4):
        ledger.post(f"a:{n}", 100 + n)
    ledger.post("b:1", 50, ledger.boris)
    ledger.seal()
    ledger.post("c:1", 7)
    ledger.seal()
    assert ledger.verify()[:2] == (0, [])
    for n, (name, (statements, fault)) in enumerate(EDITS.items()):
        database, transaction = edited(ledger, name, statements, n)
        status, faults, _ = ledger.verify(database=database)
        first = dict(word.split("=") for word in faults[0].split()) if faults else {}
        assert (status, first.get("fault")) == (1, fault), (name, faults)
        if fault not in ("seal_broken", "seal_missing"):
            # Whoever gives an account away changes all its transactions; the first is named.
            assert first["transaction"] == str(ledger.id("a:0") if name == "given away" else transaction), (name, faults)


def test_a_ledger_that_was_rewritten_with_its_seals_differs_from_heads_outside(ledger):
    for n in range(3):
        ledger.post(f"a:{n}", 100 + n)
        ledger.seal()
    head = ledger.db.value("select encode(head, 'hex') from ledger_seal where id = 3")
    connection = psycopg2.connect(ledger.db.conninfo("postgres"))
    cursor = connection.cursor()

    def query(sql, args=None):
        cursor.execute(sql, args)
        return cursor.fetchall() if cursor.description else []

    for table in ("ledger_entry", "ledger_seal", "ledger_seal_line"):
        query(f"alter table clickledger.{table} disable trigger all")
    query("update clickledger.ledger_entry set amount_minor = 2 * amount_minor where transaction_id = %s", [ledger.id("a:1")])
    for seal, new_head, lines in list(chain(query)):
        query("update clickledger.ledger_seal set head = %s where id = %s", [new_head, seal])
        for transaction, hash_ in lines:
            query("update clickledger.ledger_seal_line set hash = %s where transaction_id = %s", [hash_, transaction])
    connection.commit()
    connection.close()
    status, faults, said = ledger.verify()
    assert (status, faults, said["trusted"]) == (0, [], "database")  # it vouches for itself, and says so
    assert ledger.verify("--head", head)[:2] == (1, ["fault=head_unknown"])
    status, faults, said = ledger.verify("--heads", ledger.heads)
    assert (status, faults, said["trusted_seal"]) == (1, ["fault=head_differs seal=2", "fault=head_differs seal=3"], "1")


def test_what_is_put_in_later_with_an_old_date_shows(ledger):
    ledger.post("a:1", 100)
    ledger.seal()
    ledger.db.cluster.execute("alter table clickledger.ledger_transaction disable trigger append_only", database=ledger.db.name)
    ledger.post("old", 100)
    ledger.db.query("update ledger_transaction set posted_at = posted_at - interval '2 hours' where key = 'old'")
    ledger.seal()
    assert ledger.verify()[:2] == (1, [f"fault=back_dated transaction={ledger.id('old')} seal=2"])


def test_the_file_of_heads(ledger):
    for n in range(3):
        ledger.post(f"a:{n}", 100)
        ledger.seal()
    whole = ledger.heads.read_text()
    ledger.heads.write_text(whole[:-30])  # torn by a crash
    ledger.seal()
    assert ledger.heads.read_text() == whole
    ledger.heads.write_text("")
    assert ledger.verify("--heads", ledger.heads)[:2] == (1, ["fault=head_unknown"])  # it vouches for nothing
    ledger.seal()
    assert ledger.heads.read_text() == whole
    # A database that was put back: the file knows more, is not written, and verify says what is missing.
    more = whole + f"4 {'ab' * 32}\n"
    ledger.heads.write_text(more)
    assert "seal.heads_ahead" in ledger.attrib("run").stderr and ledger.heads.read_text() == more
    assert ledger.verify("--heads", ledger.heads)[:2] == (1, ["fault=seal_missing seal=4"])
    for broken in ("x", "1 ab\n", f"0 {'ab' * 32}\n", f"1 {'ab' * 32} \n", "1" * 200 + "\n"):
        ledger.heads.write_text(broken if broken.endswith("\n") else broken + "\n")
        assert ledger.verify("--heads", ledger.heads)[0] == 3, broken
    for argv, status in ((("--head", "ab"), 2), (("--head", "g" * 64), 2), (("--heads", "/nowhere"), 3),
                         (("--head", "ab" * 32, "--heads", ledger.heads), 2), (("--tail", "x"), 2)):
        assert ledger.attrib("verify", *argv).returncode == status, argv


def test_more_than_one_seal_holds(ledger):
    ledger.db.query("select count(ledger_post('m:' || n, 'accrue', %s, %s, null, 'RUB', array['program_expense', 'partner_pending'],"
                    " array[-n, n])) from generate_series(1::bigint, 2001) n", [ledger.program, ledger.anna])
    ledger.seal()
    assert ledger.db.query("select transactions from ledger_seal order by id") == [(1000,), (1000,), (1,)]
    assert ledger.verify()[0] == 0

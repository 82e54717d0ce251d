"""The catalog's way from PostgreSQL to a tracker's files, with real stores, interrupted at every place."""
import hashlib
import subprocess

import psycopg2
import pytest

from conftest import ALL, BUILD, wait_for

TOOL = BUILD / "tests/tools/catalog_tool"
KEY_HASH = hashlib.sha256(b"postback key").digest()
MANY = 100_000 if ALL else 30_000  # more than LOG_ENTRIES_MAX
LOG_ENTRIES_MAX = 25000  # PUBLISHER_LOG_ENTRIES_MAX


class Follower:
    """A tracker's supervisor and one worker of it."""

    def __init__(self, socket, folder):
        self.folder = folder
        self.log = open(f"{folder}.log", "ab")
        self.process = subprocess.Popen([TOOL, "follow", str(socket), str(folder)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.log, text=True, bufsize=1)

    def ask(self, question):
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def revision(self):
        return int(self.ask("revision"))

    def wait(self, question, answer, limit_s=10):
        wait_for(lambda: self.ask(question) == answer, limit_s, f"{question!r} to give {answer!r}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()


@pytest.fixture
def follow(redis_server, tmp_path):
    started = []

    def start(folder="catalog", socket=redis_server.socket):
        follower = Follower(socket, tmp_path / folder)
        started.append(follower)
        return follower

    yield start
    for follower in started:
        if follower.process.poll() is None:
            follower.kill()


@pytest.fixture
def publish(postgres, redis_server):
    """publish() steps until nothing is left and returns (condition, changes, entries, images)."""

    def run(socket=redis_server.socket):
        done = subprocess.run([TOOL, "publish", postgres.conninfo("cl_ingest"), str(socket)], capture_output=True,
                              text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return tuple(int(word) for word in done.stdout.split())

    return run


@pytest.fixture
def team(postgres):
    """A programme, a partner, a link, a code and an integration."""
    postgres.query("insert into shard (id) select generate_series(0, 3) on conflict do nothing")
    postgres.query("insert into program (code, name, currency, hosts) values ('demo', 'Demo', 'RUB', '{shop.example}')")
    postgres.query("insert into partner (name, status) values ('Partner', 'active')")
    postgres.query("insert into link (program_id, partner_id, slug, target_url) values (1, 1, 'one', 'https://shop.example/1')")
    postgres.query("insert into promo_code (program_id, partner_id, code, target_url) values (1, 1, 'Summer', 'https://shop.example/s')")
    postgres.query("""insert into integration (program_id, name, key_hash, aliases) values (1, 'Shop', %s, '{"tid": "order_id"}')""", (KEY_HASH,))
    return postgres


def test_every_kind_of_record_arrives(team, publish, follow):
    follower = follow()
    assert follower.ask("revision") == "0" and follower.ask("link one") == "-"
    assert publish()[0] == 0
    follower.wait("link one", "1 1 1 1 https://shop.example/1")
    assert follower.ask("code SUMMER") == follower.ask("code summer") == "1 1 Summer"
    assert follower.ask("program 1") == follower.ask("program demo") == "1 1 demo RUB 1"
    assert follower.ask(f"alias {KEY_HASH.hex()} tid") == "order_id"
    assert follower.ask(f"alias {'0' * 64} tid") == "-"
    assert follower.ask("shards") == str(team.value("select count(*) from shard"))
    assert publish()[1:] == (0, 0, 0)


def test_changes_arrive_in_the_log(team, publish, follow):
    publish()
    follower = follow()
    follower.wait("link one", "1 1 1 1 https://shop.example/1")
    team.query("insert into link (program_id, partner_id, slug, target_url) values (1, 1, 'two', 'https://shop.example/2')")
    assert publish() == (0, 1, 1, 0)
    follower.wait("link two", "2 1 1 1 https://shop.example/2")
    team.query("update link set target_url = 'https://shop.example/new' where slug = 'one'")
    publish()
    follower.wait("link one", "1 1 1 1 https://shop.example/new")
    team.query("update link set slug = 'renamed' where slug = 'one'")
    publish()
    follower.wait("link renamed", "1 1 1 1 https://shop.example/new")
    assert follower.ask("link one") == "-"
    team.query("delete from link where slug = 'two'")
    publish()
    follower.wait("link two", "-")
    team.query("update program set status = 'paused'")
    publish()
    follower.wait("program demo", "1 0 demo RUB 1")
    assert follower.ask("link renamed").split()[3] == "1"  # the tracker asks the programme


def test_a_paused_partner_pauses_links_and_codes(team, publish, follow):
    publish()
    follower = follow()
    follower.wait("link one", "1 1 1 1 https://shop.example/1")
    team.query("update partner set status = 'paused'")
    assert publish() == (0, 2, 2, 0)
    follower.wait("link one", "1 1 1 0 https://shop.example/1")
    follower.wait("code summer", "1 0 Summer")


def test_a_change_without_effect_gets_no_number(team, publish):
    publish()
    team.query("update link set name = 'mine'")
    assert publish() == (0, 1, 0, 0)


def test_an_uncommitted_change_is_not_published(team, publish, follow):
    publish()
    connection = psycopg2.connect(team.conninfo())
    connection.cursor().execute("update clickledger.link set status = 'paused'")
    assert publish() == (0, 0, 0, 0)
    connection.commit()
    connection.close()
    assert publish() == (0, 1, 1, 0)


def test_killed_between_commit_and_append(team, publish, follow):
    publish()
    follower = follow()
    follower.wait("link one", "1 1 1 1 https://shop.example/1")
    team.query("update link set status = 'paused'")
    assert publish("-") == (0, 1, 0, 0)  # committed, then no Redis
    assert follower.ask("link one").split()[3] == "1"
    assert publish() == (0, 0, 1, 0)
    follower.wait("link one", "1 1 1 0 https://shop.example/1")


def test_an_emptied_redis_is_filled_again(team, publish, follow, redis_server):
    publish()
    follower = follow()
    follower.wait("link one", "1 1 1 1 https://shop.example/1")
    redis_server.client.flushall()
    team.query("update link set status = 'paused'")
    assert publish() == (0, 1, 0, 1)
    follower.wait("link one", "1 1 1 0 https://shop.example/1")
    fresh = follow("another")
    fresh.wait("link one", "1 1 1 0 https://shop.example/1")


def test_died_while_replacing_the_image(team, publish, follow, redis_server):
    publish()
    redis_server.client.delete("cl:catalog:base")
    redis_server.client.set("cl:catalog:base:999999:0", "left by a dead publisher")
    assert publish()[3] == 1
    left = [key for key in redis_server.client.keys("cl:catalog:base:*")]
    revision = redis_server.client.hget("cl:catalog:base", "revision").decode()
    assert left == [f"cl:catalog:base:{revision}:0".encode()]


def test_a_redis_ahead_of_postgresql_is_replaced(team, publish, follow, redis_server):
    publish()
    follower = follow()
    follower.wait("link one", "1 1 1 1 https://shop.example/1")
    before = team.query("select * from catalog_record"), team.value("select revision from catalog_state")
    team.query("update link set target_url = 'https://shop.example/future'")
    publish()
    follower.wait("link one", "1 1 1 1 https://shop.example/future")
    ahead = follower.revision()
    # PostgreSQL is put back by copying files: rows, records and counter as they were.
    team.query("update link set target_url = 'https://shop.example/1'")
    team.query("truncate catalog_change, catalog_record")
    for row in before[0]:
        team.query("insert into catalog_record values (%s, %s, %s, %s, %s)", row)
    team.query("update catalog_state set revision = %s", (before[1],))
    assert publish()[3] == 1
    follower.wait("link one", "1 1 1 1 https://shop.example/1")
    assert follower.revision() > ahead


def test_another_installations_catalog_is_replaced(team, publish, follow, redis_server):
    redis_server.client.hset("cl:catalog:base", mapping={"revision": 3, "bytes": 1, "chunks": 1, "sum": "0" * 16, "epoch": "other"})
    redis_server.client.set("cl:catalog:base:3:0", "x")
    assert publish()[3] == 1
    follower = follow()
    follower.wait("link one", "1 1 1 1 https://shop.example/1")


def test_a_refused_append_leaves_no_hole(team, publish, follow, redis_server):
    publish()
    follower = follow()
    follower.wait("link one", "1 1 1 1 https://shop.example/1")
    redis_server.client.config_set("maxmemory", "1")
    team.query("update link set status = 'paused'")
    assert publish() == (5, 1, 0, 0)
    redis_server.client.config_set("maxmemory", "0")
    assert publish() == (0, 0, 1, 0)
    follower.wait("link one", "1 1 1 0 https://shop.example/1")


def test_one_publisher_at_a_time(team, publish):
    connection = psycopg2.connect(team.conninfo("cl_ingest"))
    connection.cursor().execute("select pg_try_advisory_lock(7021400001)")
    assert publish()[0] == 1
    connection.close()
    wait_for(lambda: publish()[0] == 0, what="the lock to go")


def test_saved_files_are_enough(team, publish, follow, redis_server, tmp_path):
    publish()
    follower = follow()
    follower.wait("link one", "1 1 1 1 https://shop.example/1")
    team.query("update link set status = 'paused'")
    publish()
    follower.wait("link one", "1 1 1 0 https://shop.example/1")
    follower.kill()
    offline = follow(socket=tmp_path / "no-redis")
    assert offline.ask("link one") == "1 1 1 0 https://shop.example/1"


def test_many_links(team, publish, follow, redis_server):
    follower = follow()
    team.query("""insert into link (program_id, partner_id, slug, target_url)
                  select 1, 1, 'bulk' || n, 'https://shop.example/' || n from generate_series(1, %s) as n""", (MANY,))
    condition, changes, entries, images = publish()
    assert condition == 0 and changes >= MANY and images >= 1
    assert int(redis_server.client.hget("cl:catalog:base", "bytes")) > 80 * MANY
    follower.wait(f"link bulk{MANY}", f"{team.value('select max(id) from link')} 1 1 1 https://shop.example/{MANY}", 30)
    for n in (1, 2, 777, MANY // 2, MANY - 1):
        assert follower.ask(f"link bulk{n}").endswith(f" https://shop.example/{n}")
    assert follower.ask(f"link bulk{MANY + 1}") == follower.ask("link bulk0") == "-"


def test_a_long_log_becomes_an_image(team, publish, follow, redis_server):
    publish()
    follower = follow()
    follower.wait("link one", "1 1 1 1 https://shop.example/1")
    team.query("""insert into link (program_id, partner_id, slug, target_url)
                  select 1, 1, 'bulk' || n, 'https://shop.example/' || n from generate_series(1, %s) as n""", (LOG_ENTRIES_MAX - 10,))
    assert publish()[3] == 0
    newest = team.value("select max(id) from link")
    follower.wait(f"link bulk{LOG_ENTRIES_MAX - 10}", f"{newest} 1 1 1 https://shop.example/{LOG_ENTRIES_MAX - 10}", 30)
    team.query("insert into link (program_id, partner_id, slug, target_url) select 1, 1, 'more' || n, 'https://shop.example/' from generate_series(1, 20) as n")
    publish()
    publish()
    assert redis_server.client.xlen("cl:catalog:log") == 0
    follower.wait("link more20", f"{team.value('select max(id) from link')} 1 1 1 https://shop.example/", 30)
    wait_for(lambda: [log.stat().st_size for log in follower.folder.glob("*.log")] == [0], what="the follower's log to begin anew")
    assert follower.ask("link one") == "1 1 1 1 https://shop.example/1"

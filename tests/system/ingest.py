"""An ingest under test, and what the database says about a producer."""
import pytest

from conftest import BUILD, wait_for
from frames import Producer

INGEST = BUILD / "ingest/clickledger-ingest"
DAY_MS = 86400000


class Ingest:
    def __init__(self, spawn, postgres, redis_server, tmp_path, name="ingest", **settings):
        self.spawn, self.postgres, self.redis = spawn, postgres, redis_server.client
        self.config = tmp_path / f"{name}.conf"
        lines = "\n".join(f"{k} = {v}" for k, v in {"admin_port": 0, **settings}.items())
        self.config.write_text(f"[redis]\naddress = {redis_server.socket}\n"
                               f"[postgres]\nconninfo = {postgres.conninfo('cl_ingest')}\n[ingest]\n{lines}\n")
        self.process = None

    def start(self):
        self.process = self.spawn(INGEST, "--config", self.config)
        return self

    def stream_is_empty(self, shard=0):
        return self.redis.xlen(f"cl:hits:{{{shard}}}") == 0

    def drain(self, limit_s=20):
        wait_for(self.stream_is_empty, limit_s, f"an empty stream; {self.log()}")

    def log(self):
        return self.process.log()[-3000:] if self.process else ""


@pytest.fixture
def new_ingest(spawn, postgres, redis_server, tmp_path):
    def make(name="ingest", **settings):
        return Ingest(spawn, postgres, redis_server, tmp_path, name, **settings)

    return make


@pytest.fixture
def ingest(new_ingest, postgres):
    """A running ingest; at the end nothing may have disappeared."""
    ingest = new_ingest().start()
    yield ingest
    assert postgres.query("select * from conservation where not holds") == []
    assert postgres.query("select * from conservation_alarm") == []
    assert ingest.process.stop() == 0


@pytest.fixture
def producer(redis_server):
    return Producer(redis_server.client)


def row(postgres, producer):
    """(last_seq, hits, stored, dead, lost, ended)"""
    rows = postgres.query("select last_seq, hits, stored, dead, lost, ended from producer where producer = %s", [producer.uuid])
    return rows[0] if rows else None


def settled(postgres, producer, expected):
    wait_for(lambda: row(postgres, producer) == expected, what=f"{expected}, now {row(postgres, producer)}")


def letters(postgres):
    return postgres.query("select kind, hits, seq from dead_letter order by id")

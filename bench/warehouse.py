"""A world for benchmarks of the loading path: several shards, an ingest process for each, both cores for whoever loads.

Streams are filled once by a tracker while no ingest runs, and kept in Redis under another name, so that each round loads
the same frames.
"""
import contextlib
import os
import shutil
import subprocess
import urllib.request

from processes import Group
from service import Service, wait_for
from state import http_ok
from world import World, environment, free_port

RETURNING = 70  # per cent of the clicks: ten come from three visitors
REQUESTS = 200000  # different ones
CONNECTIONS = 2048  # the streams are about equally full, and a producer has at most 262,144 frames in Redis
WINDOW = "64g"  # all that waits, waits in Redis
ANSWER_SECONDS = 60  # a loader answers between two loads, and a disk may stand still
CLEAR_SQL = """truncate clickledger.click, clickledger.impression, clickledger.visit, clickledger.promo_entry, clickledger.click_hourly,
  clickledger.click_due, clickledger.unique_hourly, clickledger.stored_hour, clickledger.touch_batch, clickledger.dead_letter, clickledger.lost_range,
  clickledger.producer restart identity cascade;
update clickledger.click_settled set epoch = epoch + 1, to_ts = '-infinity';
do $$
declare
  part text;
begin
  for part in select clickledger.partition_name('click', day) || '_' || number from clickledger.click_part loop
    execute format('drop table clickledger.%I', part);
  end loop;
  delete from clickledger.click_part;
end $$"""


class Warehouse(World):
    server_core = load_core = None

    def __init__(self, shards, databases=None, **settings):
        super().__init__(databases, workers=shards, **settings)
        self.shards, self.loaders = shards, []

    def _start(self):
        with environment(CLICKLEDGER_INGEST_SHARDS=str(self.shards)):
            super()._start()
            self._start_loaders()

    def __exit__(self, *error):
        for service, _ in self.loaders[1:]:
            service.stop()
        super().__exit__(*error)

    def _start_loaders(self):
        """The world's own ingest and one more for every further shard."""
        first, port = self.services["ingest"], self.state.settings["ingest_admin_port"]
        self.loaders = [(first, port)]
        for number in range(1, self.shards):
            port = free_port()
            service = Service(f"ingest{number}", first.command, self.state.home, self.state.user, lambda port=port: http_ok(port))
            self.loaders.append((service, port))
        self.loaders_start()

    def loaders_start(self):
        for service, port in self.loaders:
            with environment(CLICKLEDGER_INGEST_SHARDS=str(self.shards), CLICKLEDGER_INGEST_ADMIN_PORT=str(port)):
                service.start()
        wait_for("an owner for each shard", lambda: self.loaded("shards_owned") == self.shards and self._shared(), 60)

    def _shared(self):
        return all(self.loaded("shards_owned", [one]) == 1 for one in self.loaders)

    def loaders_stop(self):
        for service, _ in self.loaders:
            service.stop()

    def loaded(self, name, loaders=None):
        """The sum of a metric of all ingest processes."""
        found = 0
        for _, port in loaders or self.loaders:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=ANSWER_SECONDS) as answer:
                lines = answer.read().decode().splitlines()
            found += sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"clickledger_ingest_{name} "))
        return found

    def parts(self):
        """What works while a stream is loaded, by name."""
        return {"ingest": Group(*[service.pid() for service, _ in self.loaders]), "postgres": Group(self.pid("postgres")),
                "redis": Group(self.pid("redis"))}

    # --- streams ------------------------------------------------------------------------------

    def fill(self, loader, count):
        """Clicks of the mix into the streams, which are then set aside."""
        self.start_tracker(redis_window_bytes=WINDOW)
        self.loaders_stop()
        found = loader.run(self.url, ids=self.ids, rate=0, connections=CONNECTIONS, count=count,
                           returning=RETURNING, requests=min(count, REQUESTS))["answered"]
        wait_for("the tracker's clicks in Redis", lambda: self.metric("clickledger_recorder_behind_frames") == 0, 60)
        self.services["tracker"].stop()
        for shard in range(self.shards):
            self.redis("rename", f"cl:hits:{{{shard}}}", f"bench:{shard}")
        return found

    def streams_ready(self):
        """An empty database, loaders that wait, and copies of the streams that nobody sees yet."""
        self.loaders_stop()
        self.state.psql("cl_owner", "-c", CLEAR_SQL)
        for shard in range(self.shards):
            self.redis("del", f"cl:pos:{{{shard}}}")
            self.redis("copy", f"bench:{shard}", f"bench:next:{shard}")
        self.loaders_start()
        self.settle_redis()
        self.state.psql("postgres", "-c", "checkpoint")

    def streams_show(self):
        for shard in range(self.shards):
            self.redis("rename", f"bench:next:{shard}", f"cl:hits:{{{shard}}}")

    def waiting(self):
        return sum(int(self.redis("xlen", f"cl:hits:{{{shard}}}")) for shard in range(self.shards))


@contextlib.contextmanager
def scratch(bytes_needed):
    """A folder with so much room, in memory if there is some to spare."""
    memory = "/dev/shm"
    roomy = os.path.isdir(memory) and shutil.disk_usage(memory).free > 2 * bytes_needed
    made = subprocess.run(["mktemp", "-d", "-p", memory if roomy else os.environ.get("TMPDIR", "/var/tmp"), "clickledger-bench-XXXXXX"],
                          check=True, capture_output=True, text=True).stdout.strip()
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)

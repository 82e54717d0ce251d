"""Runs bench/load on the load's core."""
import os
import subprocess
import tempfile

from processes import pinned
from service import Failure
from world import LOAD_CORE, ROOT

MIX = os.path.join(ROOT, "bench", "browsers.mix")


class Asker:
    """Asks for one path with the headers of a mix."""

    def __init__(self, build, folder, path, mix):
        self.program = os.path.join(build, "bench", "clickledger-load")
        self.folder, self.path = folder, path
        self.mix = os.path.join(self.folder, "mix")
        self.seed = 0
        with open(self.mix, "w") as file:
            file.write(mix)

    def run(self, url, *options, ids=None, realtime=False, **more):
        """The report as numbers. Click ids are appended to the file `ids`. realtime: before
        all others on its core, so that what it measures is not when it was let run; that takes root."""
        self.seed += 1
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            report, new = os.path.join(folder, "report"), os.path.join(folder, "ids")
            command = ["chrt", "-f", "10"] if realtime and os.getuid() == 0 else []
            command += [self.program, url + self.path, "--mix", self.mix, "--quiet", "--report", report,
                       "--seed", str(self.seed), *options]
            for name, value in more.items():
                command += [f"--{name}", str(value)]
            if ids:
                command += ["--ids", new]
            with pinned(LOAD_CORE):
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode != 0:
                raise Failure(f"the load on {url} failed:\n{done.stdout}{done.stderr}")
            if ids:
                with open(new) as source, open(ids, "a") as all_:
                    all_.write(source.read())
            with open(report) as file:
                return {name: int(value) for name, value in (line.strip().split("=") for line in file)}


class Loader(Asker):
    """Asks for links of the mix of browsers."""

    def __init__(self, build, slugs):
        with open(MIX) as sample:
            super().__init__(build, os.path.dirname(slugs), "/c/{slug}?{query}", sample.read() + f"\nvalues slug {slugs}\n")

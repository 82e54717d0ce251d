"""Databases of countries and autonomous systems as large as those that are in use: each /19 of IPv4 has a record. Made
once, in the build folder."""
import os
import random
import subprocess

from service import Failure
from state import say

COUNTRIES = "RU US DE FR GB NL PL UA KZ BY TR IN BR CN JP KR ES IT SE FI".split()


def networks():
    for first in range(1, 224):
        for second in range(256):
            for third in range(0, 256, 32):
                yield f"{first}.{second}.{third}.0/19"


def databases(root, build):
    """Paths of both, by kind: place and asn."""
    folder = os.path.join(build, "bench-geo")
    os.makedirs(folder, exist_ok=True)
    paths = {kind: os.path.join(folder, kind + ".mmdb") for kind in ("place", "asn")}
    for kind, path in paths.items():
        if not os.path.exists(path):
            say(f"making a database: {path}")
            chance = random.Random(kind)
            rows = "".join(f"{network} {chance.choice(COUNTRIES) + ' %02d' % chance.randrange(90) if kind == 'place' else chance.randrange(1, 60000)}\n"
                           for network in networks())
            done = subprocess.run([os.path.join(root, "tests", "tools", "geo_make"), path + ".new", kind], input=rows, capture_output=True, text=True)
            if done.returncode != 0:
                raise Failure(f"geo_make failed: {done.stderr}")
            os.replace(path + ".new", path)
    return paths

"""A whole installation as an operator has it: ops/up in a folder of its own, with programs that are built already."""
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.parse

import psycopg2

from conftest import BUILD, ROOT
from ports import free_ports


class Installation:
    def __init__(self, workers=2):
        self.folder = tempfile.mkdtemp(prefix="clickledger-test-")
        os.chmod(self.folder, 0o755)
        self.state = os.path.join(self.folder, "state")
        self.workers = workers
        self.port = free_ports(8)

    def up(self, *options):
        """ops/up --detach; the addresses it printed."""
        done = subprocess.run([ROOT / "ops/up", "--state", self.state, "--port", str(self.port), "--workers", str(self.workers), "--detach", *options],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
                              env=dict(os.environ, CLICKLEDGER_BUILD=str(BUILD)))
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert lines[-1] == "ready", done.stdout
        self.addresses = dict(line.split("=", 1) for line in lines[:-1])
        return self.addresses

    def down(self):
        subprocess.run([ROOT / "ops/down", "--state", self.state], check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)

    def remove(self):
        try:
            self.down()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def home(self, *parts):
        return os.path.join(self.state, "home", *parts)

    def pid(self, name):
        with open(self.home("run", name + ".pid")) as file:
            return int(file.read().split()[0])

    def worker_pids(self):
        """Worker processes of the tracker."""
        with open(f"/proc/{self.pid('tracker')}/task/{self.pid('tracker')}/children") as file:
            return [int(pid) for pid in file.read().split()]

    def kill(self, name):
        """kill -9 of a program, or of one worker of the tracker."""
        pid = self.worker_pids()[0] if name == "worker" else self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def query(self, sql, *parameters):
        """Rows, as the owner."""
        connection = psycopg2.connect(self.addresses["postgres_owner"])
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                return cursor.fetchall()
        finally:
            connection.close()

    def request(self, url, method="GET", headers=None, body=None):
        """One request on a connection of its own: (status, headers, body)."""
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        try:
            path = parts.path + ("?" + parts.query if parts.query else "")
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def api(self, path, key="partner_key", method="GET", body=None):
        """A call of the API: (status, decoded JSON)."""
        headers = {"Authorization": "Bearer " + self.addresses[key]}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        status, _, text = self.request(self.addresses["api"] + path, method, headers, body)
        return status, json.loads(text)

    def metrics(self):
        _, _, text = self.request(self.addresses["tracker_admin"] + "/metrics")
        values = {}
        for line in text.decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values


def click_id_of(location):
    found = re.search(r"[?&]click_id=([0-9a-f-]{36})", location or "")
    return found and found.group(1)

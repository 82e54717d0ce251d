"""A few visitors who click again and again, and remember what they were told."""
import http.client
import random
import threading

from installation import click_id_of

AGENTS = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
          "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
          "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0")


class Visitors:
    """Without pauses they need a core for themselves; with them there are about a thousand clicks a second.
    answered: click ids that clients received. unanswered: requests without an answer, stored or not. blind: answers without an id."""

    def __init__(self, port, path="/c/demo", threads=4, seed=0, pause_s=0.003):
        self.port, self.path, self.pause_s = port, path, pause_s
        self.stopping = threading.Event()
        self.results = [{"answered": [], "unanswered": 0, "blind": 0} for _ in range(threads)]
        self.threads = [threading.Thread(target=self._click, args=(result, random.Random(seed * 1000 + number)), daemon=True)
                        for number, result in enumerate(self.results)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def total(self, name):
        values = [result[name] for result in self.results]
        return sum(values, [] if name == "answered" else 0)

    def count(self):
        return sum(len(result["answered"]) for result in self.results)

    def _click(self, result, random_):
        connection = None
        while not self.stopping.wait(self.pause_s):
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                    connection.connect()
            except OSError:
                connection = None
                self.stopping.wait(0.02)  # refused: nobody has read a request
                continue
            try:
                connection.request("GET", f"{self.path}?sub1=s{random_.randrange(1000)}", headers={"User-Agent": random_.choice(AGENTS)})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                result["unanswered"] += 1
                connection.close()
                connection = None
                continue
            if answer.status != 302:
                assert answer.status == 503, answer.status
                connection.close()
                connection = None
                continue
            click_id = click_id_of(answer.getheader("Location"))
            if click_id:
                result["answered"].append(click_id)
            else:
                result["blind"] += 1

"""The code of docs/embedding.md by the name that stands before it."""
import re

from conftest import ROOT

TEXT = (ROOT / "docs/embedding.md").read_text()
SNIPPETS = {name: code for name, code in re.findall(r"<!-- snippet: ([\w-]+) -->\n```\w+\n(.*?)```", TEXT, re.S)}
assert len(SNIPPETS) == TEXT.count("```") // 2, "each snippet has a name, so that it is run"
RUN = {"tag", "form", "stub", "order", "report", "report-json", "report-lines", "integration", "secret", "signed", "links", "pixels",
       "server-python", "server-php", "server-node"}
assert set(SNIPPETS) == RUN, "each snippet is run: in tests/browser or test_embedding.py"

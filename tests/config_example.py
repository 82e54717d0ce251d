#!/usr/bin/python3
"""Whether ops/clickledger.conf.example is what the programs describe: tests/config_example.py BUILD [--write].

The sample is made from the option tables (--describe-config), so that no option can be missing, outdated or described
differently by two programs. --write renews it. Exits with 77 (skipped) while a program is not built.
"""
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXAMPLE = os.path.join(TOP, "ops", "clickledger.conf.example")
PROGRAMS = ("tracker", "ingest", "attrib", "api")
SECTIONS = ("log", "redis", "postgres") + PROGRAMS
HEAD = """\
# Settings of all Clickledger programs, each with its default. Made by tests/config_example.py; a test compares it.
# A program reads the sections that it knows, then the environment: CLICKLEDGER_<SECTION>_<NAME>.
# [reload]: a running tracker takes the change at SIGHUP. A change of any other option needs a restart, or, in the tracker
# and but for its addresses, its ports and `state`, an upgrade (SIGUSR2); the other programs read the file at start only.
"""


def describe(build, program):
    """The program's sections: {name: text}."""
    path = os.path.join(build, program, f"clickledger-{program}")
    if not os.path.exists(path):
        print(f"{path} is not built")
        sys.exit(77)
    text = subprocess.run([path, "--describe-config"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {block.split("]")[0].lstrip("["): block.strip() + "\n" for block in text.split("\n\n")}


def example(build):
    merged = {}
    for program in PROGRAMS:
        for name, text in describe(build, program).items():
            if merged.setdefault(name, text) != text:
                sys.exit(f"[{name}] is described differently by clickledger-{program}")
    unknown = set(merged) - set(SECTIONS)
    if unknown:
        sys.exit(f"sections that base/config.c does not know: {', '.join(sorted(unknown))}")
    return "\n".join([HEAD] + [merged[name] for name in SECTIONS if name in merged])


def main():
    text = example(sys.argv[1])
    if "--write" in sys.argv:
        with open(EXAMPLE, "w", encoding="utf-8") as file:
            file.write(text)
        return 0
    try:
        with open(EXAMPLE, encoding="utf-8") as file:
            same = file.read() == text
    except FileNotFoundError:
        same = False
    if not same:
        print(f"{EXAMPLE} is not what the programs describe; renew it with tests/config_example.py BUILD --write")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())

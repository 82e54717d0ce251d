"""Bundles the pages: npm packages as the lock says, esbuild, one HTML page that names what was made.

Usage: build.py SOURCE OUT STAMP DEPFILE ESBUILD. Packages are fetched when the lock has changed since, and lie beside the
sources; with them there, no network is needed. Builds of several folders wait for each other at the packages.
"""
import fcntl
import html
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ENTRIES = ("main.jsx", "style.css", "icon.svg")
FLAGS = ("--bundle", "--format=esm", "--splitting", "--minify", "--target=es2020,chrome90,firefox90,safari15", "--jsx=automatic",
         "--jsx-import-source=preact", "--loader:.svg=copy", "--loader:.woff2=file", "--entry-names=[name]-[hash]", "--chunk-names=part-[hash]",
         "--asset-names=[name]-[hash]", "--legal-comments=none", "--charset=utf8", "--log-level=warning")


def packages(source):
    """npm ci, unless what lies there is what the lock says."""
    lock, fetched = source / "package-lock.json", source / "node_modules" / ".clickledger-lock"
    with open(source / "package.json", encoding="utf-8") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        if fetched.exists() and fetched.read_bytes() == lock.read_bytes():
            return
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=source, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            sys.exit(f"{done.stdout}npm ci failed: the pages need the packages of {lock} once; connect to the network and build again")
        fetched.write_bytes(lock.read_bytes())


def bundle(source, folder, esbuild):
    """Files made, by entry, and everything that was read."""
    meta = folder.parent / (folder.name + ".json")
    subprocess.run([esbuild, *[str(source / "src" / name) for name in ENTRIES], *FLAGS, f"--outdir={folder}", f"--metafile={meta}"],
                   cwd=source, check=True, stdin=subprocess.DEVNULL)
    with open(meta, encoding="utf-8") as file:
        made = json.load(file)
    meta.unlink()
    outputs = {name: os.path.basename(path) for name in ENTRIES for path, what in made["outputs"].items()
               if f"src/{name}" in what["inputs"] and os.path.basename(path).startswith(name.split(".")[0] + "-")}
    return outputs, [source / path for path in made["inputs"]]


def shell(source, folder, outputs):
    """The HTML page, with {{name}} replaced by the address of what was made of it."""
    text = (source / "src" / "index.html").read_text(encoding="utf-8")
    text = re.sub(r"\{\{([\w.]+)\}\}", lambda found: "/assets/" + html.escape(outputs[found.group(1)]), text)
    (folder / "index.html").write_text(text, encoding="utf-8")


def main():
    source, out, stamp, depfile = map(pathlib.Path, sys.argv[1:5])
    packages(source)
    aside = out.parent / (out.name + ".new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    outputs, inputs = bundle(source, aside, sys.argv[5])
    shell(source, aside, outputs)
    shutil.rmtree(out, ignore_errors=True)
    aside.rename(out)
    stamp.write_text("".join(f"{name}\n" for name in sorted(outputs.values())))
    depfile.write_text(f"{os.path.relpath(stamp)}: " + " ".join(str(path).replace(" ", "\\ ") for path in inputs) + "\n")


if __name__ == "__main__":
    main()

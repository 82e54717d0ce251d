#!/usr/bin/python3
"""The style that a machine can check: tests/tidy.py [top folder]. Prints `file:line: what` and fails if there is any.

Rooms include base and themselves, base includes nobody, each foreign library has one door. Files and functions are
short, nothing is left for later.
"""
import ast
import json
import os
import re
import subprocess
import sys

ROOMS = ("base", "tracker", "ingest", "attrib", "api", "courier")
FREE = ("tests", "bench")  # may include any room and their own neighbours
LIBRARY_DOORS = {  # header -> who may include it
    r"hiredis.*": r"base/redis\w*\.c",
    r"(libpq-fe|libpq/.*|postgresql/.*)\.?h?": r"base/pg\w*\.c",
    r"ini\.h": r"base/config\.c",
    r"curl/.*": r"base/fetch\.c",
    r"maxminddb\.h": r"base/geo\.c",
    r"lz4\.h": r"base/pack\.c",
    r"zlib\.h": r"base/gzip\.c",
    r"jansson\.h": r"base/json\.c",
    r"qrencode\.h": r"base/qr\.c",
}
FILE_LINES_MAX = {".c": 500, ".h": 120, ".py": 500, ".sql": 500}
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = {".c": 120, ".h": 120, ".py": 160}
BANNED = re.compile(r"\b(TODO|FIXME|HACK|hack|[Ff]or now)\b|(?<![\"'])\bXXX\b(?![\"'])")
TEXT = (".c", ".h", ".py", ".sql", ".build", ".md", ".sh", ".conf", ".example", ".service", ".yml", ".html", ".js",
        ".jsx", ".css")


def files(top):
    """Paths of the project's own text files; build folders, states and hidden folders are not the project."""
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "build")) and name not in ("__pycache__", "node_modules")
                            and not os.path.isdir(os.path.join(folder, name, "meson-private")))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(TEXT) or is_script(path):
                yield os.path.relpath(path, top)


def is_script(path):
    if "." in os.path.basename(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(2) == b"#!"


def check_lines(path, lines):
    kind = os.path.splitext(path)[1]
    columns_max, lines_max = COLUMNS_MAX.get(kind), FILE_LINES_MAX.get(kind)
    for number, line in enumerate(lines, 1):
        found = BANNED.search(line)
        if found and path != "tests/tidy.py":
            yield number, f"'{found.group()}' does not belong here"
        if lines_max and "\t" in line:
            yield number, "a tab"
        if columns_max and len(line) > columns_max:
            yield number, f"{len(line)} columns; at most {columns_max}"
    if lines_max and len(lines) > lines_max:
        yield lines_max, f"{len(lines)} lines; at most {lines_max}"


def check_c(path, lines):
    if path.endswith(".c") and not (lines and lines[0].startswith(("//", "/*"))):
        yield 1, "a .c file opens with a comment that says its job"
    if path.endswith(".h") and "#pragma once" not in lines[:1]:
        yield 1, "a header begins with #pragma once"
    for number, line in enumerate(lines, 1):
        found = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
        if found:
            yield from ((number, what) for what in check_include(path, *found.groups()))


def check_include(path, own, foreign):
    room = path.split("/")[0]
    if own:
        target = own.split("/")[0] if "/" in own else None
        if room not in FREE and target not in ROOMS:
            yield f'"{own}" must name its room'
        elif room not in FREE and target not in ("base", room):
            yield f"{room} may not include {target}"
    for header, door in LIBRARY_DOORS.items():
        if foreign and re.fullmatch(header, foreign) and not re.fullmatch(door, path) and room not in FREE:
            yield f"<{foreign}> has one door: {door}"


def check_c_functions(top, paths):
    """By universal-ctags, which knows where a function ends."""
    command = ["ctags", "--output-format=json", "--languages=C", "--langmap=C:.c.h", "--kinds-C=f", "--fields=+ne",
               "-f", "-", "-L", "-"]
    done = subprocess.run(command, input="\n".join(paths), stdout=subprocess.PIPE, cwd=top, text=True, check=True)
    for tag in map(json.loads, done.stdout.splitlines()):
        lines = tag.get("end", tag["line"]) - tag["line"] + 1
        if lines > FUNCTION_LINES_MAX:
            yield tag["path"], tag["line"], f"{tag['name']}() has {lines} lines; at most {FUNCTION_LINES_MAX}"


def check_python(lines):
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield node.lineno, f"{node.name}() has {length} lines; at most {FUNCTION_LINES_MAX}"


def check_fuzzers(top):
    """Each driver is built, and has inputs that are replayed in every run of the tests."""
    folder = os.path.join(top, "tests/fuzz")
    drivers = {name[5:-2] for name in os.listdir(folder) if name.startswith("fuzz_") and name.endswith(".c")} if os.path.isdir(folder) else set()
    for name in sorted(drivers):
        with open(os.path.join(folder, "meson.build"), encoding="utf-8") as file:
            if f"  '{name}': [" not in file.read():
                yield f"tests/fuzz/fuzz_{name}.c", 1, "not in tests/fuzz/meson.build"
        if not os.path.isdir(os.path.join(folder, "corpus", name)) or not os.listdir(os.path.join(folder, "corpus", name)):
            yield f"tests/fuzz/fuzz_{name}.c", 1, f"no inputs in tests/fuzz/corpus/{name}"


def check(top):
    c_paths = []
    for path in files(top):
        try:
            with open(os.path.join(top, path), encoding="utf-8") as file:
                lines = file.read().split("\n")
        except UnicodeDecodeError:
            yield path, 1, "not UTF-8"
            continue
        lines = lines[:-1] if lines[-1] == "" else lines
        yield from ((path, number, what) for number, what in check_lines(path, lines))
        if path.endswith((".c", ".h")):
            c_paths.append(path)
            yield from ((path, number, what) for number, what in check_c(path, lines))
        if path.endswith(".py"):
            yield from ((path, number, what) for number, what in check_python(lines))
    yield from check_c_functions(top, c_paths)
    yield from check_fuzzers(top)


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    faults = sorted(set(check(top)))
    for path, number, what in faults:
        print(f"{path}:{number}: {what}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

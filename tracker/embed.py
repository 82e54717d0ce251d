#!/usr/bin/python3
"""Makes a C file of the tag: embed.py FILE HEADER OUT. The script without its comments and indentation, as it is and
gzipped, each with an ETag of its own."""
import gzip
import hashlib
import sys


def shorten(source):
    """A comment has a line of its own in tag.js, and no text spans lines."""
    lines = (line.strip() for line in source.split("\n"))
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"


def body(name, data):
    rows = [", ".join(str(byte) for byte in data[at:at + 24]) for at in range(0, len(data), 24)]
    etag = hashlib.sha256(data).hexdigest()[:16]
    return (f"static const unsigned char {name}_bytes[] = {{\n" + ",\n".join(rows) + "};\n"
            f"const struct tag_body {name} = {{{{(const char *){name}_bytes, {len(data)}}}, {{\"\\\"{etag}\\\"\", 18}}}};\n")


def main():
    path, header, out = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        script = shorten(file.read()).encode()
    with open(out, "w", encoding="ascii") as file:
        file.write(f'#include "{header}"\n\n' + body("tag_plain", script) + body("tag_gzip", gzip.compress(script, 9, mtime=0)))


main()

#!/usr/bin/python3
"""Makes a C file of a list: embed_list.py FILE NAME HEADER OUT. Its bytes as `name`, how many as `name_bytes`."""
import sys


def main():
    path, name, header, out = sys.argv[1:]
    with open(path, "rb") as file:
        data = file.read()
    rows = [", ".join(str(byte) for byte in data[at:at + 24]) for at in range(0, len(data), 24)]
    with open(out, "w", encoding="ascii") as file:
        file.write(f'#include "{header}"\n\nconst unsigned char {name}[] = {{\n')
        file.write(",\n".join(rows))
        file.write(f"}};\nconst size_t {name}_bytes = sizeof({name});\n")


main()

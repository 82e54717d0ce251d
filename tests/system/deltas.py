"""The payload of frames of version 3, base/delta.h, written down a second time in its plainest form: every shape, id
and text is new."""
import struct

import lz4.block

FIXED, IDS, ADDRESS = {36, 40, 43}, {2, 31}, 3  # tags; those of places and agents (44..49) are not made here


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def take_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


class Writer:
    def __init__(self):
        self.codes, self.texts, self.present, self.numbers = b"", b"", 0, [0] * 5

    def record(self, record):
        at, numbers, fields = 21, [], {}
        for _ in range(5):
            number, at = take_varint(record, at)
            numbers.append(number)
        while at < len(record):
            tag = record[at]
            length, at = take_varint(record, at + 1)
            fields[tag], at = record[at:at + length], at + length
        self.shape(record[:5], fields)
        changed = [number != old for number, old in zip(numbers, self.numbers)]
        self.codes += bytes([sum(1 << i for i in range(5) if changed[i])]) + b"".join(varint(n) for n, c in zip(numbers, changed) if c)
        self.numbers = numbers
        self.codes += b"\0" + record[5:21]
        for tag in sorted(fields):
            self.field(tag, fields[tag])

    def shape(self, head, fields):
        present = sum(1 << tag for tag in fields)
        changes = (present ^ self.present).to_bytes(7, "little")
        self.present = present
        address = len(fields.get(ADDRESS, b""))
        self.codes += bytes([0x80, 0x80 | sum(1 << i for i in range(7) if changes[i])]) + bytes(c for c in changes if c)
        self.codes += head + bytes([address, address])

    def field(self, tag, value):
        if tag in IDS:
            self.codes += b"\0" + value
        elif tag in FIXED or tag == ADDRESS:
            self.codes += value
        else:
            self.codes += b"\x40" + varint(len(value))
            self.texts += value


def payload(records, hits_bytes):
    writer = Writer()
    for record in records:
        writer.record(record)
    texts = lz4.block.compress(writer.texts) if writer.texts else b""
    return struct.pack("<II", hits_bytes, len(writer.codes)) + writer.codes + texts

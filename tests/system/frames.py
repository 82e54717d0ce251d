"""Frames as a tracker makes them, written down a second time: base/frame.h and base/hit.h in Python.

Only the checksum is borrowed from libxxhash, and packing from liblz4.
"""
import ctypes
import itertools
import os
import struct
import time
import uuid

import deltas
import lz4.block

CLICK, IMPRESSION, VISIT, PROMO_ENTRY, REPORT = range(1, 6)
END, HOLE, UNJOURNALED = 1, 2, 4
DESTINATION, VISITOR, ADDRESS, USER_AGENT, SUB1, PROMO, REPORT_ORDER_ID = 1, 2, 3, 7, 11, 29, 32
REPORT_INTEGRATION, REPORT_AMOUNT_MINOR, ADDRESS_HASH, ASN = 30, 36, 43, 46

_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_64bits.restype = ctypes.c_uint64
_xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
_counter = itertools.count()


def xxh3(data):
    return _xxhash.XXH3_64bits(bytes(data), len(data))


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def new_id(ms=None):
    """A UUIDv7, another one each time."""
    ms = int(time.time() * 1000) if ms is None else ms
    return ms.to_bytes(6, "big") + b"\x70\x00" + b"\x80" + next(_counter).to_bytes(4, "big") + os.urandom(3)


def hit(kind=CLICK, ms=None, hit_id=None, fields=None, klass=1, reason=0, program=1, partner=2, link=3):
    """A record without its length."""
    record = struct.pack("<BBBH", kind, klass, reason, 302) + (hit_id or new_id(ms))
    for number in (program, partner, link, 0, 1):
        record += varint(number)
    for tag, value in sorted((fields or {SUB1: b"s"}).items()):
        record += bytes([tag]) + varint(len(value)) + value
    return record


def payload_of(records):
    return b"".join(varint(len(record)) + record for record in records)


def header_sum(header):
    return header[:88] + struct.pack("<Q", xxh3(header[:88]))


PLAIN, PACKED, DELTA = 1, 2, 3  # versions


PAYLOADS = {
    PLAIN: payload_of,
    PACKED: lambda records: lz4.block.compress(payload_of(records)),
    DELTA: lambda records: deltas.payload(records, len(payload_of(records))),
}


class Frame:
    def __init__(self, producer, seq, hits_before, prev, records, flags=0, payload=None, count=None, base=1, before_base=0,
                 version=PLAIN):
        self.records = records
        self.hits_before, self.seq = hits_before, seq
        self.count = len(records) if count is None else count
        made = PAYLOADS[version](records)
        self.payload = made if payload is None else payload
        self.fixed = struct.pack("<4sI16sQQQQII", b"CLFR", version, producer, seq, hits_before, prev, xxh3(self.payload),
                                 self.count, len(self.payload))
        self.chain = xxh3(self.fixed)
        self.base, self.before_base, self.flags = base, before_base, flags

    def bytes(self, base=None, before_base=None, flags=None):
        flags = self.flags if flags is None else flags
        header = header_sum(self.fixed + struct.pack("<QQII", base or self.base,
                                                     self.before_base if before_base is None else before_base, flags, 0))
        return header + (b"" if flags & HOLE else self.payload)


class Producer:
    """Makes frames in order; `send` puts some into the stream."""

    def __init__(self, redis, shard=0):
        self.redis, self.shard = redis, shard
        self.id = os.urandom(16)
        self.frames = []
        self.chain, self.hits = 0, 0

    @property
    def uuid(self):
        return str(uuid.UUID(bytes=self.id))

    @property
    def key(self):
        return f"cl:hits:{{{self.shard}}}"

    def make(self, records=3, **more):
        """The next frame; records: how many clicks, or a list."""
        records = [hit() for _ in range(records)] if isinstance(records, int) else records
        frame = Frame(self.id, len(self.frames) + 1, self.hits, self.chain, records, **more)
        self.frames.append(frame)
        self.chain = frame.chain
        self.hits += frame.count
        return frame

    def end(self):
        return self.make([], flags=END)

    def put(self, data):
        return self.redis.xadd(self.key, {"f": data}).decode()

    def send(self, *frames, **address):
        for frame in frames:
            self.put(frame.bytes(**address))

    def position(self):
        """(generation, last, want, evidence, ended) as published, or None."""
        text = self.redis.hget(f"cl:pos:{{{self.shard}}}", self.id.hex())
        if text is None:
            return None
        generation, last, want, evidence, ended = text.decode().split()
        return generation, int(last), int(want), evidence, int(ended)

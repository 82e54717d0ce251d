"""The table tests/data/http_cases.txt (its format is described there), and what a connection answers to a case."""
import re
import socket

from conftest import ROOT

MACROS = {
    "get": b"GET /c/demo HTTP/1.1\r\nHost: a\r\n",
    "head": b"HEAD /c/demo HTTP/1.1\r\nHost: a\r\n",
    "post": b"POST /c/demo HTTP/1.1\r\nHost: a\r\n",
    "get10": b"GET /c/demo HTTP/1.0\r\n",
    "line": b"GET /c/demo HTTP/1.1\r\n",
    "end": b"\r\n",
    "chunked": b"POST /c/demo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "next": b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
}
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}
PART = re.compile(r"\{(?P<macro>%s)\}|\{(?:\\x(?P<hex>..)|(?P<char>[^\\]))\*(?P<times>\d+)\}|\\x(?P<byte>[0-9a-f]{2})|\\(?P<escape>[rnt\\])|(?P<plain>[^\\])"
                  % "|".join(MACROS))


def unescape(text):
    parts = []
    for found in PART.finditer(text):
        if found["macro"]:
            parts.append(MACROS[found["macro"]])
        elif found["times"]:
            parts.append((bytes.fromhex(found["hex"]) if found["hex"] else found["char"].encode()) * int(found["times"]))
        else:
            parts.append(bytes.fromhex(found["byte"]) if found["byte"] else ESCAPES[found["escape"]] if found["escape"] else found["plain"].encode())
    return b"".join(parts)


def cases():
    """(verdict, request, line) of each."""
    for line in (ROOT / "tests/data/http_cases.txt").read_text().split("\n"):
        if line and not line.startswith("#"):
            verdict, text = line.split(" ", 1)
            yield verdict, unescape(text), line


def read_to_end(connection):
    """All that comes until the server closes. A reset behind an answer is a close too."""
    parts = []
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def answers(data, head=False):
    """[(status, names of the headers, headers, body)]; `head`: the first one has no body. Anything else is no HTTP."""
    found = []
    while data:
        text, data = data.split(b"\r\n\r\n", 1)
        line, *fields = text.split(b"\r\n")
        match = re.fullmatch(rb"HTTP/1\.1 (\d{3}) [A-Za-z ]*", line)
        assert match, line
        if match[1] == b"100":
            continue
        headers = dict(field.split(b": ", 1) for field in fields)
        length = 0 if head and not found else int(headers.get(b"Content-Length", b"0"))
        assert len(data) >= length
        found.append((int(match[1]), [field.split(b": ")[0] for field in fields], headers, data[:length]))
        data = data[length:]
    return found


def verdict_of(found):
    """In the words of the table; a half-closed connection ends in any case, so a close is what the last answer says."""
    words = [str(status) if b'"http_' in body else "ok" for status, _, _, body in found]
    if not words:
        return "more"
    closes = found[-1][2].get(b"Connection") == b"close"
    if words[-1] == "ok":
        return ",".join(words) + (",close" if closes else "")
    return ",".join(words) + ("" if closes else ",open")

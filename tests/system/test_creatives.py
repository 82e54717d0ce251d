"""Creatives: what the team uploads is looked at by its content, and served as nothing but an image."""
import http.client
import struct
import zlib

import pytest

from api import NONE, api, world  # noqa: F401 (fixtures)
from conftest import ROOT

IMAGES = ROOT / "tests/fuzz/corpus/image"
SECOND = {"program_id": 1, "kind": "banner", "name": "Spring"}


def png(bytes_long, width=30, height=20):
    """A PNG of so many bytes."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    head, end = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)), chunk(b"IEND", b"")
    return head + chunk(b"tEXt", b"x" * (bytes_long - len(head) - len(end) - 12)) + end


def upload(client, creative, content, headers=None):
    return client.post(f"/v1/creatives/{creative}/image", content, {"Content-Type": "image/png", **(headers or {})})


def fetched(api, path, method="GET"):
    """Nobody asks: status, headers, bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=20)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_a_banner_from_upload_to_page(world):
    team, anna = world.team, world.anna.client
    banner = team.post("/v1/creatives", {"program_id": world.program, "kind": "banner", "name": "Spring", "text": "Spring sale", "erid": "2Vtzqx"})
    assert (banner.status, banner.body["status"], banner.body["image"]) == (201, "active", None)
    id_ = banner.body["id"]
    for name, media_type in (("png", "image/png"), ("jpeg", "image/jpeg"), ("gif", "image/gif"), ("webp", "image/webp"), ("webp_lossy", "image/webp"),
                             ("webp_lossless", "image/webp")):
        content = (IMAGES / name).read_bytes()
        uploaded = upload(team, id_, content)
        assert uploaded.status == 201, uploaded.text
        image = uploaded.body["image"]
        assert (image["media_type"], image["width"], image["height"]) == (media_type, 30, 20)
        status, headers, got = fetched(world.api, image["path"])
        assert (status, headers["Content-Type"], got) == (200, media_type, content)
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert fetched(world.api, image["path"], "HEAD")[::2] == (200, b"")
    assert team.get(f"/v1/creatives?program_id={world.program}&kind=banner").data == [uploaded.body]
    (offered,) = anna.get("/v1/creatives").data
    assert offered == {**offered, **uploaded.body}
    newest = upload(team, id_, (IMAGES / "gif").read_bytes()).body  # again: its name is the one it had
    assert newest["image"]["path"].endswith(".gif") and world.postgres.value("select count(*) from creative_file") == 6

    change = f"/v1/creatives/{id_}"
    assert team.patch(change, {"status": "paused", "erid": None}).body == {**newest, "status": "paused", "erid": None}
    assert anna.get("/v1/creatives").data == [] and fetched(world.api, image["path"])[0] == 200
    assert team.patch(change, {"status": "withdrawn"}).status == 200
    assert fetched(world.api, image["path"])[0] == fetched(world.api, "/creatives/1-0000000000000000.png")[0] == 404
    told = team.get(f"/v1/audit?object=creative_file&limit=1").data[0]
    assert told["hidden"] == [] and "content" not in told["after"] and team.get("/v1/audit?object=creative_file").data[-1]["hidden"] == ["content"]


def test_only_a_partner_of_the_programme_sees_it(world):
    other = world.postgres.value("insert into program (code, name, currency) values ('other', 'Other', 'RUB') returning id")
    team, anna = world.team, world.anna.client
    for program in (world.program, other):
        assert team.post("/v1/creatives", {"program_id": program, "kind": "text", "name": "t", "text": "Buy"}).status == 201
    assert [c["program_id"] for c in anna.get("/v1/creatives").data] == [world.program]
    assert anna.get(f"/v1/creatives?program_id={other}").data == []
    assert anna.post("/v1/creatives", SECOND).status == upload(anna, 1, png(100)).status == 403


@pytest.mark.parametrize("content, status, code", [
    ((IMAGES / "svg").read_bytes(), 415, "image"), (b"<!doctype html><script>", 415, "image"), (b"GIF89a", 422, "image"), (b"", 415, "image"),
    ((IMAGES / "png_tail").read_bytes(), 422, "image"), (png(100)[:-1], 422, "image"), ((IMAGES / "gif_large").read_bytes(), 422, "image"),
    (png(100, width=4097), 422, "image"), (png(100, height=0), 422, "image"), (png(100, width=4096, height=4096), 201, None),
    (png(1 << 20), 201, None), (png((1 << 20) + 1), 413, None)])
def test_uploads_are_checked(uploads, content, status, code):
    team, banner = uploads
    answer = upload(team, banner, content)
    assert answer.status == status
    assert code is None or answer.code == code


@pytest.fixture(scope="module")
def module_world(cluster, tmp_path_factory):
    from api import Api, World
    from conftest import Process

    folder, started = tmp_path_factory.mktemp("creatives"), []

    def spawn(*argv):
        started.append(Process(argv, folder / "api.log"))
        return started[-1]

    database = cluster.database()
    yield World(Api(spawn, database, folder))
    started[0].kill()
    cluster.drop(database)


@pytest.fixture(scope="module")
def uploads(module_world):
    world = module_world
    return world.team, world.team.post("/v1/creatives", {**SECOND, "program_id": world.program}).body["id"]


def test_what_is_refused(module_world):
    world, team = module_world, module_world.team
    text = team.post("/v1/creatives", {"program_id": world.program, "kind": "text", "name": "t", "text": "Buy"}).body["id"]
    assert upload(team, text, png(100)).code == "id" and upload(team, NONE, png(100)).status == 404
    for body, code in (({"kind": "text"}, "text"), ({"kind": "link"}, "target_url"), ({"kind": "svg"}, "kind"), ({"program_id": NONE}, "program_id"),
                       ({"target_url": "javascript:alert(1)"}, "target_url"), ({"erid": "a b"}, "erid"), ({"text": "x" * 1001}, "text")):
        refused = team.post("/v1/creatives", {**SECOND, "program_id": world.program, **body})
        assert (refused.status, refused.code) == (422, code), body
    assert team.patch(f"/v1/creatives/{text}", {"text": None}).code == "text"
    assert team.patch(f"/v1/creatives/{NONE}", {"status": "paused"}).status == 404
    assert team.post("/v1/partners", png(70_000)).status == 413  # of other routes it is less

"""Creatives for partners: HTML with the partner's own link, whatever the texts hold; and the addresses in it."""
import html.parser
import urllib.parse

import pytest

from api import NONE, OPTIONS, Api, World
from conftest import BUILD, wait_for
from test_creatives import png, upload

HOSTILE = "\"><svg onload=alert(1)> & '</a><script>alert(1)</script> {{7*7}}"
ADDRESSES = "tracker_url = https://go.shop.example\npublic_url = https://cabinet.example\n"


class Tags(html.parser.HTMLParser):
    """The tags and texts of a piece of HTML, as a browser reads them."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.found.append(data)


@pytest.fixture
def offered(spawn, postgres, tmp_path):
    world = World(Api(spawn, postgres, tmp_path, OPTIONS + ADDRESSES))
    world.team.patch(f"/v1/programs/{world.program}", {"hosts": ["shop.example"]})
    return world


def made(world, **said):
    answer = world.team.post("/v1/creatives", {"program_id": world.program, "name": HOSTILE, **said})
    assert answer.status == 201, answer.text
    return answer.body["id"]


def test_html_with_the_own_link(offered):
    team, anna = offered.team, offered.anna.client
    banner = made(offered, kind="banner", text=HOSTILE, erid="2Vtzqx")
    image = upload(team, banner, png(200, 300, 250)).body["image"]
    text = made(offered, kind="text", text=HOSTILE)
    page = made(offered, kind="link", target_url="https://shop.example/tea?a=1&b=2")
    away, bare = made(offered, kind="link", target_url="https://elsewhere.example/"), made(offered, kind="banner")
    offered.postgres.query("update link set parameters = %s where id = %s", ('{"sub1": "a&b", "erid": "other"}', offered.anna.link))
    shown = {one["id"]: one for one in anna.get("/v1/creatives").data}
    assert list(shown) == [bare, away, page, text, banner] and {one["link_id"] for one in shown.values()} == {offered.anna.link}
    (a, attributes), (img, picture) = Tags(shown[banner]["html"]).found
    assert (a, img) == ("a", "img") and attributes == {"href": shown[banner]["url"], "rel": "sponsored noopener", "target": "_blank"}
    assert shown[banner]["url"] == "https://go.shop.example/c/anna?erid=2Vtzqx&sub1=a%26b"
    assert picture == {"src": "https://cabinet.example" + image["path"], "width": "300", "height": "250", "alt": HOSTILE, "loading": "lazy"}
    assert Tags(shown[text]["html"]).found == [("a", {**attributes, "href": "https://go.shop.example/c/anna?erid=other&sub1=a%26b"}), HOSTILE]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(shown[page]["url"]).query))
    assert query["to"] == "https://shop.example/tea?a=1&b=2" and Tags(shown[page]["html"]).found[1] == HOSTILE
    assert shown[away]["html"] is None and shown[away]["url"] is None, "the tracker would not lead there"
    assert shown[bare]["html"] is None and shown[bare]["url"], "it has no image"
    mine = anna.post("/v1/links", {"program_id": offered.program, "slug": "mine"}).body["id"]
    assert anna.get(f"/v1/creatives?kind=text&link_id={mine}").data[0]["url"] == "https://go.shop.example/c/mine"
    theirs, nobodys = (anna.get(f"/v1/creatives?link_id={id_}") for id_ in (offered.boris.link, NONE))
    assert (theirs.status, theirs.code) == (422, "link_id") and theirs.text == nobodys.text
    assert "html" not in team.get("/v1/creatives").data[0]
    assert anna.get("/v1/me").body["tracker_url"] == "https://go.shop.example"


def test_without_a_link_there_is_nothing_to_show(offered):
    made(offered, kind="text", text="Tea")
    offered.anna.client.patch(f"/v1/links/{offered.anna.link}", {"status": "paused"})
    (one,) = offered.anna.client.get("/v1/creatives").data
    assert (one["link_id"], one["url"], one["html"]) == (None, None, None)


@pytest.mark.parametrize("url", ["https://go.shop.example/", "go.shop.example", "ftp://a.example", "https://", "https://a b", "https://GO.example",
                                 "http://a\\ -c x=y"])
def test_addresses_are_checked_at_start(spawn, tmp_path, url):
    config = tmp_path / "clickledger.conf"
    config.write_text(f"[postgres]\nconninfo = host=/nowhere\n\n[api]\nport = 0\ntracker_url = {url}\n")
    process = spawn(BUILD / "api/clickledger-api", "--config", config)
    wait_for(lambda: not process.alive(), what="the end of it")
    assert process.wait() != 0 and "event=api.url" in process.log()

"""Uploads of rows: a verdict each, taken as they arrive, harmless twice; reports that attrib folds, costs as ops/channel-cost takes them."""
import http.client
import json
import signal
import socket

from api import Api, Client, World, api, world  # noqa: F401 (fixtures)
from conftest import BUILD, SANITIZED, long, wait_for

ORDERS = """\ufefforder_id,amount,currency,status,click_id,"sub1",event_time\r
U-1,10.00,RUB,approved,{click},"a ""quoted"", one",2024-01-02T10:00:00Z\r
U-2,12.345,RUB,approved,,,\r
"U-3,5.00,RUB,approved,,,\r
,5.00,RUB,approved,,,\r
U-4,5.00,,pending,,,\r
U-5,5.00,RUB,approved,not-a-click,,\r
U-6,1.00\r
U-1,10.00,RUB,approved,{click},"a ""quoted"", one",2024-01-02T10:00:00Z\r
U-7,7.00,RUB,approved,,,"""
SAID = ["accepted", "refused", "refused", "refused", "accepted", "refused", "refused", "duplicate", "accepted"]


def upload(world, kind, body, type_="text/csv", key=None, program=None, headers=None):
    return world.api.call("POST", f"/v1/uploads?kind={kind}&program_id={program or world.program}", body if isinstance(body, bytes) else body.encode(),
                          key or world.team_key, {"Content-Type": type_, **(headers or {})})


def verdicts(world, answer):
    return world.team.get(f"/v1/uploads/{answer.body['id']}/rows?limit=500").data


def test_conversions(world, spawn, tmp_path):
    text = ORDERS.format(click=world.anna.click)
    first = upload(world, "conversions", text)
    assert first.status == 201, first.text
    assert [first.body[name] for name in ("status", "rows", "accepted", "duplicate", "refused")] == ["complete", 9, 3, 1, 5]
    rows = verdicts(world, first)
    assert [row["verdict"] for row in rows] == SAID and [row["line"] for row in rows] == list(range(2, 11))
    reasons = [row["reason"] for row in rows]
    assert reasons[1] == "amount has more decimals than its currency." and reasons[2] == "a quote is not closed"
    assert reasons[3] == "order_id is missing." and reasons[6] == "it has fewer values than there are names"
    assert world.team.get(f"/v1/receipts/{rows[0]['receipt']}").status == 200
    report = world.postgres.query("select source, order_id, amount_minor, sub1, signed, event_time::text from conversion_report where id = %s",
                                  (rows[0]["receipt"],))
    assert report == [("upload", "U-1", 1000, 'a "quoted", one', True, "2024-01-02 10:00:00+00")]
    # The same file again, and as NDJSON: nothing is taken twice.
    again = upload(world, "conversions", text)
    assert (again.body["accepted"], again.body["duplicate"], again.body["refused"]) == (0, 4, 5)
    lines = [{"order_id": "U-1", "amount": "10.00", "currency": "RUB", "status": "approved", "click_id": world.anna.click, "sub1": 'a "quoted", one',
              "event_time": "2024-01-02T10:00:00Z"}, {"order_id": "U-8", "amount": 8.00}]
    third = upload(world, "conversions", "\n".join(map(json.dumps, lines)) + "\n{\"order_id\":\n", "application/x-ndjson")
    assert [row["verdict"] for row in verdicts(world, third)] == ["duplicate", "accepted", "refused"]
    assert world.postgres.value("select count(*) from conversion_report where source = 'upload'") == 4
    assert [u["id"] for u in world.team.get("/v1/uploads").data] == [third.body["id"], again.body["id"], first.body["id"]]
    assert world.team.get(f"/v1/uploads/{first.body['id']}").body == first.body
    csv = world.team.get(f"/v1/uploads/{first.body['id']}/rows?verdict=refused&format=csv")
    assert csv.text.splitlines()[0] == "\ufeffline,verdict,reason,receipt" and len(csv.text.splitlines()) == 6
    # attrib folds them as any other report.
    config = tmp_path / "attrib.conf"
    config.write_text(f"[postgres]\nconninfo = host={world.postgres.cluster.folder} dbname={world.postgres.name}\n")
    spawn(BUILD / "attrib/clickledger-attrib", "--config", config)
    wait_for(lambda: world.postgres.value("select count(*) from conversion where order_id like 'U-%%'") == 4, what="the conversions")
    assert world.postgres.value("select partner_id from credit join conversion c on c.id = conversion_id where c.order_id = 'U-1'") == world.anna.id


def test_costs(world):
    text = ("day,source,medium,campaign,currency,amount\n2026-01-15,Google,cpc,,RUB,900.00\n2026-01-16,google,cpc,,USD,1\n2026-01-17,vk,,,RUB,5\n")
    first = upload(world, "channel_costs", text)
    assert [row["verdict"] for row in verdicts(world, first)] == ["accepted", "refused", "accepted"], first.text
    assert verdicts(world, first)[1]["reason"].startswith("currency: must be the programme's")
    changed = upload(world, "channel_costs", text.replace("900.00", "901.00").replace("day,", "program,day,").replace("\n2026", "\nshop,2026"))
    assert [row["verdict"] for row in verdicts(world, changed)] == ["accepted", "refused", "duplicate"]
    assert world.postgres.query("select source, amount_minor from channel_cost order by day") == [("google", 90100), ("vk", 500)]
    line = {"program": "tea", "day": "2026-01-18", "source": "x", "currency": "RUB", "amount": "1"}
    other = upload(world, "channel_costs", json.dumps(line), "application/x-ndjson")
    assert verdicts(world, other)[0]["verdict"] == "refused"


def test_refusals(world):
    assert upload(world, "conversions", "a\n", "text/plain").status == 415
    assert upload(world, "conversions", "").code == "body"
    assert upload(world, "orders", "a\n").code == "kind"
    assert upload(world, "conversions", "a\n", program=999999).status == 404
    assert upload(world, "conversions", "a\n", key=world.anna.key).status == 403
    assert upload(world, "conversions", "a\n", key="nobody").status == 401
    assert upload(world, "conversions", "a,a\nb,c\n").code == "header"
    assert world.anna.client.get("/v1/uploads").status == 403
    wait_for(lambda: world.team.get("/v1/uploads").data[0]["reason"] == "the first line must name the columns, each once, with commas between",
             what="the end of the one without names")


def begun(world, connection, number=1):
    """An upload on this connection that goes on, the number-th one."""
    connection.sendall(f"POST /v1/uploads?kind=conversions&program_id={world.program} HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n"
                       f"Authorization: Bearer {world.team_key}\r\nContent-Length: 1000000\r\n\r\norder_id,amount\n".encode())
    connection.sendall(b"".join(b"G-%d,1.00\n" % n for n in range(2000)))
    wait_for(lambda: world.postgres.value("select count(*) from upload where status = 'receiving' and accepted + duplicate >= 500") == number, what="a batch")


def test_a_client_that_goes(world):
    """What it sent until then stays, the upload says so, and the file can be sent again. So many may be under way at a time."""
    with socket.create_connection(("127.0.0.1", world.api.port), 20) as connection, socket.create_connection(("127.0.0.1", world.api.port), 20) as other:
        begun(world, connection)
        begun(world, other, number=2)
        third = upload(world, "conversions", "order_id\n")
        assert (third.status, third.code, third.headers["Retry-After"]) == (503, "busy", "1")
    wait_for(lambda: [row["status"] for row in world.team.get("/v1/uploads").data] == ["broken"] * 2, what="their end")
    whole = upload(world, "conversions", "order_id,amount\n" + "".join(f"G-{n},1.00\n" for n in range(2000)))
    assert whole.body["accepted"] + whole.body["duplicate"] == 2000 and whole.body["duplicate"] >= 500


@long("waits out UPLOAD_SILENT_S, a minute")
def test_a_client_that_falls_silent(world):
    """Others are answered meanwhile, the silent one is told, and what it sent stays."""
    with socket.create_connection(("127.0.0.1", world.api.port), 120) as connection:
        begun(world, connection)
        assert world.team.get("/v1/uploads").data[0]["status"] == "receiving"
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 408 ") and b"nothing came for 60 seconds" in answer
    (told,) = world.team.get("/v1/uploads").data
    assert (told["status"], told["reason"]) == ("broken", "nothing came for 60 seconds") and told["accepted"] >= 500


def test_a_program_that_goes(world):
    """Who stops it ends its uploads; one that nobody ended is told as broken, and takes nothing more."""
    with socket.create_connection(("127.0.0.1", world.api.port), 20) as connection:
        begun(world, connection)
        world.api.process.signal(signal.SIGTERM)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert world.api.process.wait() == 0
    assert answer.startswith(b"HTTP/1.1 503 ") and b"the program is stopping; send the file again" in answer
    assert world.postgres.query("select status, reason from upload") == [("broken", "the program is stopping; send the file again")]
    world.postgres.query("update upload set status = 'receiving', reason = null, ended_at = null, last_at = now() - interval '1 hour'")
    assert world.postgres.query("select upload_json(u)->>'status', upload_json(u)->>'reason' from upload u") == [("broken", "nobody ended it")]
    assert not world.postgres.value("select upload_is_open(u) from upload u")


def test_guessed_keys_count(world):
    """As at any other route: who fails too often waits."""
    wait_for(lambda: upload(world, "conversions", "a\n", key="nobody").code == "too_many_failures", 20, "the end of patience")


def test_memory_is_bounded(world):
    """A body in chunks, larger than what the program may hold."""
    def chunks():
        yield b"order_id,amount,product\n"
        for start in range(0, 20_000, 500):
            yield "".join(f"B-{n},1.00,{'x' * 500}\n" for n in range(start, start + 500)).encode()

    connection = http.client.HTTPConnection("127.0.0.1", world.api.port, timeout=120)
    connection.request("POST", f"/v1/uploads?kind=conversions&program_id={world.program}", chunks(),
                       {"Content-Type": "text/csv", "Authorization": "Bearer " + world.team_key}, encode_chunked=True)
    answer = json.loads(connection.getresponse().read())
    assert (answer["status"], answer["accepted"]) == ("complete", 20_000)
    status = open(f"/proc/{world.api.process.pid}/status").read()
    assert SANITIZED or int(status.split("VmHWM:")[1].split()[0]) < 40_000
    order = world.postgres.query("select order_id from conversion_report where source = 'upload' order by id")
    assert [row[0] for row in order] == [f"B-{n}" for n in range(20_000)]

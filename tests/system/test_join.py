"""A partner registers, is approved or declined, joins a further programme, becomes inactive and is paused."""
from api import NONE, Client, api, world  # noqa: F401 (fixtures)
from people import PASSWORD, Browser


def opened(world, **changed):
    """The programme's form, and its offer as GET /v1/join tells it."""
    answer = world.team.patch(f"/v1/programs/{world.program}/admission", {"is_open": True, "target_url": "https://shop.example/welcome", **changed})
    assert answer.status == 200, answer.text
    return world.api.call("GET", "/v1/join/shop").body["terms"]


def form(offer, email, **changed):
    return {"name": "Vera's shoes", "email": email, "password": PASSWORD, "site": "https://vera.example", "message": "Hi <b>", "language": "ru",
            "terms_id": offer["id"], "terms_version": offer["version"], **changed}


def told(world, partner):
    return [(kind, payload) for kind, payload in world.postgres.query("select kind, payload from outbox where partner_id = %s order by id", (partner,))]


def test_registration_and_approval(world):
    assert world.api.call("GET", "/v1/join/shop").text == world.api.call("GET", "/v1/join/nothing").text.replace("nothing", "shop")  # closed: not there
    offer = opened(world)
    shown = world.api.call("GET", "/v1/join/shop?lang=ru").body
    assert (shown["program"]["name"], shown["program"]["currency"], shown["terms"]["id"]) == ("Shop", "RUB", world.terms)
    assert offer["rate_ppm"] == 100000 and offer["text"].startswith("10 % of each order.\n") and shown["terms"]["text"].startswith("10 % с каждого заказа.\n")
    vera = Browser(world.api)
    for body, code in ((form(offer, "vera"), "email"), (form(offer, "vera@shoes.example", terms_version=2), "superseded"),
                       (form(offer, "vera@shoes.example", terms_id=NONE), "superseded"), (form(offer, "vera@shoes.example", password="short"), "password"),
                       (form(offer, "vera@shoes.example", name=""), "name"), (form(offer, "vera@shoes.example", message="x" * 2001), "message")):
        assert vera.post("/v1/join/shop", body).code == code
    received = vera.post("/v1/join/shop", form(offer, "Vera@Shoes.example"))
    assert (received.status, received.body, vera.token) == (202, {"status": "received"}, None)
    again = Browser(world.api).post("/v1/join/shop", form(offer, "vera@shoes.example", name="Eve", password="eve's password"))
    assert (again.status, again.text) == (received.status, received.text)  # who has the address hears about it, nobody else
    assert world.postgres.value("select email from outbox where kind = 'join_known'") == "vera@shoes.example"
    assert Browser(world.api).login("vera@shoes.example", "eve's password").status == 401

    me = vera.login("vera@shoes.example").body
    assert (me["partner"]["status"], me["person"]["language"], me["first_key_due"]) == ("pending", "ru", False)
    partner = me["partner"]["id"]
    (mine,) = vera.get("/v1/applications").data
    (seen,) = world.team.get("/v1/applications?status=pending").data
    assert mine["id"] == seen["id"] and (seen["terms_id"], seen["terms_version"], seen["message"]) == (world.terms, 1, "Hi <b>")
    (acceptance,) = world.team.get(f"/v1/programs/{world.program}/acceptances").data
    assert (acceptance["terms_id"], acceptance["version"], acceptance["partner_id"]) == (world.terms, 1, partner)
    assert vera.get("/v1/links").data == [] and vera.post(f"/v1/applications/{mine['id']}/approve").status == 403
    assert world.anna.client.get("/v1/applications").data == []

    approved = world.team.post(f"/v1/applications/{mine['id']}/approve")
    assert (approved.status, approved.body["status"], approved.body["is_automatic"]) == (200, "approved", False)
    assert world.team.post(f"/v1/applications/{mine['id']}/approve").status == 200
    assert world.team.post(f"/v1/applications/{mine['id']}/decline", {"reason": "late"}).code == "status"
    (link,), (code,) = vera.get("/v1/links").data, vera.get("/v1/promo-codes").data
    assert (link["partner_id"], link["target_url"], code["code"][:10]) == (partner, "https://shop.example/welcome", "VERASSHO" + code["code"][8:10])
    assert told(world, partner)[-1] == ("application_approved", {"program_id": world.program, "application_id": mine["id"], "link": link["path"],
                                                                 "promo_code": code["code"]})
    assert vera.get("/v1/me").body["first_key_due"] is True
    (waiting,) = vera.get("/v1/keys").data
    assert (waiting["name"], waiting["prefix"], waiting["is_waiting"]) == ("First key", "cl_partner_", True)
    assert world.anna.client.post(f"/v1/keys/{waiting['id']}/show").status == 404 and world.team.post(f"/v1/keys/{waiting['id']}/show").status == 403
    shown = vera.call("POST", f"/v1/keys/{waiting['id']}/show", {}, Idempotency_Key="once")
    assert (shown.status, shown.body["is_waiting"], shown.body["key"][:16]) == (200, False, shown.body["prefix"])
    assert vera.call("POST", f"/v1/keys/{waiting['id']}/show", {}, Idempotency_Key="once").text == shown.text  # the answer that was lost
    again = vera.post(f"/v1/keys/{waiting['id']}/show")
    assert (again.status, again.code) == (409, "shown")
    assert Client(world.api, shown.body["key"]).get("/v1/links").data == [link] and vera.get("/v1/me").body["first_key_due"] is False


def test_declined_automatic_and_further_programmes(world):
    offer = opened(world, approval="known")
    boris = Browser(world.api)
    boris.post("/v1/join/shop", form(offer, "eve@evil.example"))
    boris.login("eve@evil.example")
    (mine,) = boris.get("/v1/applications").data
    assert mine["status"] == "pending"
    for body in ({}, {"reason": ""}, {"reason": None}):
        assert world.team.post(f"/v1/applications/{mine['id']}/decline", body).code == "reason"
    assert world.team.post(f"/v1/applications/{NONE}/decline", {"reason": "x"}).status == 404
    declined = world.team.post(f"/v1/applications/{mine['id']}/decline", {"reason": "no site"})
    assert (declined.body["status"], declined.body["reason"], declined.body["partner"]["status"]) == ("declined", "no site", "declined")
    assert boris.get("/v1/applications").data[0]["reason"] == "no site"
    assert told(world, declined.body["partner_id"])[-1][1]["reason"] == "no site"
    assert boris.post("/v1/applications", {"code": "shop", "terms_id": offer["id"], "terms_version": 1}).body["status"] == "pending"  # it may try again

    # Anna is a partner already: she is approved at once, in a programme where she was not, and once.
    tea = world.team.post("/v1/programs", {"code": "tea", "name": "Tea", "currency": "EUR", "hosts": ["tea.example"]}).body["id"]
    apply = {"code": "tea", "terms_id": 1, "terms_version": 1}
    assert world.anna.client.post("/v1/applications", apply).status == 404
    world.team.patch(f"/v1/programs/{tea}/admission", {"is_open": True, "approval": "known", "daily_max": 1})
    assert world.api.call("GET", "/v1/join/tea").body["terms"] is None
    assert world.anna.client.post("/v1/applications", apply).code == "no_offer"
    terms = world.team.post(f"/v1/programs/{tea}/terms", {"commission_kind": "fixed", "fixed_minor": 1250, "effective_from": "2024-01-01T00:00:00Z"}).body["id"]
    apply["terms_id"] = terms
    assert world.api.call("GET", "/v1/join/tea").body["terms"]["text"].split("\n")[0] == "12.50 EUR for each order."
    made = world.anna.client.post("/v1/applications", apply)
    assert (made.status, made.body["status"], made.body["is_automatic"], made.body["program"]["code"]) == (201, "approved", True, "tea")
    assert [link["target_url"] for link in world.anna.client.get(f"/v1/links?program_id={tea}").data] == ["https://tea.example/"]
    assert world.anna.client.post("/v1/applications", apply).code == "member"
    assert world.anna.client.post("/v1/applications", {**apply, "code": "shop", "terms_id": world.terms}).code == "member"
    assert world.boris.client.post("/v1/applications", apply).body["status"] == "pending"  # more than daily_max wait for the team
    world.team.patch(f"/v1/programs/{tea}/admission", {"approval": "everybody", "daily_max": 100})
    Browser(world.api).post("/v1/join/tea", form({"id": terms, "version": 1}, "new@tea.example"))
    assert Browser(world.api).login("new@tea.example").body["partner"]["status"] == "active"
    # A paused partner stays so, whatever it applies for.
    world.team.post(f"/v1/partners/{world.boris.id}/pause")
    (waiting,) = [row for row in world.team.get("/v1/applications?status=pending").data if row["partner_id"] == world.boris.id]
    assert world.team.post(f"/v1/applications/{waiting['id']}/approve").code == "status"
    world.team.patch(f"/v1/programs/{world.program}/admission", {"is_open": False})
    assert Browser(world.api).post("/v1/join/shop", form(offer, "z@shoes.example")).status == 404


def test_inactive_partners_are_listed(world):
    db = world.postgres
    db.query("update partner set created_at = '2023-01-01'")
    db.query("insert into click_hourly (hour, shard, program_id, partner_id, link_id, class, clicks)"
             " values ('2024-05-05T10:00Z', 0, %s, %s, %s, 'human', 1), ('2024-06-06T10:00Z', 0, %s, %s, %s, 'bot', 1)",
             (world.program, world.anna.id, world.anna.link, world.program, world.boris.id, world.boris.link))
    young = world.team.post("/v1/partners", {"name": "Young"}).body["id"]
    rows = {row["id"]: row for row in world.team.get("/v1/partners").data}
    assert (rows[world.anna.id]["last_click_at"], rows[world.anna.id]["last_order_at"]) == ("2024-05-05T10:00:00.000Z", "2024-01-01T10:00:00.000Z")
    assert rows[world.boris.id]["last_click_at"] == "2024-01-01T10:00:00.000Z" and rows[young]["last_click_at"] is None
    listed = [(since, [row["id"] for row in world.team.get(f"/v1/partners?status=active&inactive_since={since}").data])
              for since in ("2024-01-01", "2024-02-01", "2024-05-06")]
    assert listed == [("2024-01-01", []), ("2024-02-01", [world.boris.id]), ("2024-05-06", [world.boris.id, world.anna.id])]
    assert world.anna.client.get("/v1/partners").status == 403


def test_groups(world):
    def puts(partner, name, member):
        assert world.team.patch(f"/v1/programs/{world.program}/partner-groups", {"partner_id": partner, "name": name, "member": member}).status == 200

    def groups(query=""):
        return [(group["name"], group["partners"]) for group in world.team.get("/v1/partner-groups" + query).data if group["program_id"] == world.program]

    def members(name):
        return [row["id"] for row in world.team.get(f"/v1/partners?program_id={world.program}&partner_group={name}").data]

    puts(world.anna.id, "gold", True)
    puts(world.boris.id, "gold", True)
    puts(world.boris.id, "new", True)
    puts(world.anna.id, "gold", False)
    puts(world.boris.id, "new", False)
    assert groups() == groups(f"?program_id={world.program}") == [("gold", 1), ("new", 0)]
    assert (groups(f"?partner_id={world.boris.id}"), groups(f"?partner_id={world.anna.id}")) == ([("gold", 1)], [])
    assert (members("gold"), members("new"), members("none")) == ([world.boris.id], [], [])
    for query in "partner_group=gold", f"program_id={world.program}":
        refused = world.team.get("/v1/partners?" + query)
        assert (refused.status, refused.code) == (422, "partner_group")
    assert world.anna.client.get("/v1/partner-groups").status == 403
    assert world.anna.client.get(f"/v1/stats?program_id={world.program}&partner_group=gold").code == "partner_group"

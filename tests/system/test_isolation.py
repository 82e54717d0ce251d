"""Security 9: every route of the table, with another partner's ids in path, filters and body: as if they were not there."""
import json
import re

from api import NONE, api, world  # noqa: F401 (fixtures)
from people import Browser, person
from test_api import body_of, example, operations

# Of a noun in a path, where it is not its own singular.
TABLES = {"people": "person", "keys": "key_shown", "sessions": "session", "terms": "terms", "postbacks": "partner_postback"}
MARK = "belongs-to-{}"  # in every text that a partner's rows hold


def furnish(world, tenant, name):
    """One of each thing that a partner can have; its session."""
    db, mark = world.postgres, MARK.format(name)
    tenant.program = db.value("insert into program (code, name, currency, hosts) values (%s, %s, 'RUB', '{shop.example}') returning id", (f"own-{name}", mark))
    terms = db.value("insert into terms (program_id, partner_id, version, effective_from, commission_kind, rate_ppm)"
                     " values (%s, %s, 1, '2020-01-01', 'percent', 1) returning id", (tenant.program, tenant.id))
    db.query("insert into link (program_id, partner_id, slug, target_url, name) values (%s, %s, %s, 'https://shop.example/', %s)",
             (tenant.program, tenant.id, f"own-{name}", mark))
    db.query("insert into payout (program_id, partner_id, currency, amount_minor, requested_by)"
             " select %s, %s, 'RUB', 1, id from api_key where partner_id = %s and not is_waiting",
             (tenant.program, tenant.id, tenant.id))
    db.query("insert into application (program_id, partner_id, terms_id, terms_version, message) values (%s, %s, %s, 1, %s)",
             (tenant.program, tenant.id, terms, mark))
    db.query("insert into partner_postback (partner_id, url, events) values (%s, %s, '{approved}')", (tenant.id, f"https://hook.example/{mark}"))
    db.query("insert into outbox (kind, partner_id, payload) values ('test', %s, %s)", (tenant.id, json.dumps({"about": mark})))
    tenant.browser = person(world, f"{mark}@shop.example", None, tenant.id)
    return tenant


def id_of(world, noun, tenant):
    """The number of a thing of the partner."""
    table = TABLES.get(noun, noun.rstrip("s").replace("-", "_"))
    if table == "session":
        return world.postgres.value("select k.id from api_key k join person h on h.id = k.person_id where h.partner_id = %s", (tenant.id,))
    if table in ("partner", "program", "conversion"):
        return getattr(tenant, "id" if table == "partner" else table)
    found = world.postgres.value(f"select max(id) from {table} where partner_id = %s", (tenant.id,))
    assert found, f"furnish() makes no {table}: let it make one for each partner, so that its route is walked"
    return found


def noun_of(name):
    """partner_id, ids -> the noun of the path whose numbers it takes."""
    return {"person": "people", "terms": "terms"}.get(name.removesuffix("_id"), name.removesuffix("_id").replace("_", "-") + "s")


def said(answer, *numbers):
    """What an answer says, but for the number that was asked about."""
    text = answer.text
    for number in numbers:
        text = re.sub(rf"(?<=: ){number}\b(?![.])", "#", text)
    return answer.status, text


def belongings(world, tenant):
    tables = [row[0] for row in world.postgres.query(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'partner_id' and not a.attisdropped"
        " where c.relnamespace = 'clickledger'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1")]
    return {table: world.postgres.query(f"select t::text from {table} t where partner_id = %s order by 1", (tenant.id,)) for table in tables}


def walk(world, mine, theirs):
    """All routes that a partner may ask for; returns how many numbers of the other were tried."""
    tried = 0
    for method, path, operation in operations(world.api):
        asker = operation["x-asker"]
        content = operation.get("requestBody", {}).get("content", {"application/json": {}})
        if asker == "open" or path in ("/v1/logout", "/v1/password") or "application/json" not in content:
            continue  # what takes an image or rows is the team's
        body = {name: example(schema) for name, schema in body_of(operation).items()}

        parameters = operation["parameters"]
        some = next((example(one["schema"]) for one in parameters if one["in"] == "path"), None)

        def ask(number=some, query="", **changed):
            text = path.replace("{id}", str(number)) + query
            return mine.browser.call(method, text, {**body, **changed} if method != "GET" else None)

        if not re.search("any|partner|person", asker):
            assert ask().status == 403, (method, path)
            continue
        names = [parameter["name"] for parameter in parameters if parameter["in"] == "query"]
        if "{id}" in path:
            noun = path.split("/")[2]
            other, nothing = id_of(world, noun, theirs), NONE
            answers = ask(other), ask(nothing)
            assert answers[0].status == 404 and said(answers[0], other) == said(answers[1], nothing), (method, path, answers[0].text)
            tried += 1
        elif method == "GET":
            for query in [""] + [f"?{name}=" + MARK.format(theirs.name) for name in names if name == "order_id"]:
                answer = ask(query=query)
                assert answer.status == 200 and MARK.format(theirs.name) not in answer.text, (path, query, answer.text)
                assert f'"partner_id" : {theirs.id},' not in answer.text
        for name in names:
            if name.endswith("_id") and name not in ("order_id", "event_id"):
                number = id_of(world, noun_of(name), theirs)
                own = id_of(world, path.split("/")[2], mine) if "{id}" in path else None
                assert said(ask(own, f"?{name}={number}"), number) == said(ask(own, f"?{name}={NONE}"), NONE), (path, name)
                tried += 1
        properties = content["application/json"].get("schema", {}).get("properties", {})
        for name in properties:
            if name.endswith("_id"):
                number = id_of(world, noun_of(name), theirs)
                own = id_of(world, path.split("/")[2], mine) if "{id}" in path else None
                answers = ask(own, **{name: number}), ask(own, **{name: NONE})
                assert answers[0].status >= 400 and said(answers[0], number) == said(answers[1], NONE), (method, path, name, answers[0].text)
                tried += 1
    return tried


def test_every_route_with_the_ids_of_another(world):
    anna, boris = (furnish(world, getattr(world, name), name) for name in ("anna", "boris"))
    anna.name, boris.name = "anna", "boris"
    before = belongings(world, boris), belongings(world, anna)
    assert all(any(MARK.format("boris") in str(row) for row in before[0][table]) for table in ("link", "application", "outbox", "person"))
    assert min(walk(world, anna, boris), walk(world, boris, anna)) >= 20
    after = belongings(world, boris), belongings(world, anna)
    assert {table: rows for table, rows in after[0].items() if rows != before[0][table]} == {}
    assert {table: rows for table, rows in after[1].items() if rows != before[1][table]} == {}
    assert Browser(world.api).get("/v1/links").status == 401

"""/v1/openapi.json is true: its examples fit its schemas and are taken, and what the api answers fits what it says."""
import re

import jsonschema

from api import api, world  # noqa: F401 (fixtures)
from conftest import ROOT
from people import person
from test_api import example, openapi, operations


def filled(world, path, parameters):
    """The path with its examples; of what exists only here, and of a key that nobody uses here, the number."""
    there = {"receipts": world.receipt, "keys": world.postgres.value("select max(id) from api_key where partner_id = %s", (world.boris.id,))}
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", str(there.get(path.split("/")[2], example(parameter["schema"]))))
    return path


def fault_of(path, answer):
    """What the api says against its own example."""
    if answer.status >= 500 or answer.status in (400, 401, 403, 405, 415, 429) and (path, answer.code) != ("/v1/login", "login"):
        return answer.text
    return answer.text if answer.status == 422 and answer.code in ("unknown_parameter", "json") else None


def test_examples_and_answers_fit(world):
    document = openapi(world.api)
    assert {name for way in document["security"] for name in way} == set(document["components"]["securitySchemes"]) == {"key", "session"}
    resolver = jsonschema.RefResolver.from_schema(document)

    def check(schema, value):
        jsonschema.Draft202012Validator(schema, resolver=resolver).validate(value)

    ann = person(world, "ann@shop.example", "owner")
    keys = {"open": None, "partner": world.anna.key}
    lists, faults = 0, []
    for method, path, operation in operations(world.api):
        parameters = operation["parameters"]
        assert (operation.get("security") == []) == (operation["x-asker"] == "open"), path
        content = operation.get("requestBody", {}).get("content", {"application/json": None})
        if "application/json" not in content or path == "/v1/logout":
            continue  # images and rows are no JSON; a session that ends would answer nothing more
        described = content["application/json"]
        body = described and described["example"]
        for schema in [one["schema"] for one in parameters] + list(described["schema"]["properties"].values() if described else []):
            for value in schema.get("examples", []):
                check(schema, value)
        if described:
            check(described["schema"], body)
        asker, filled_path = operation["x-asker"], filled(world, path, parameters)
        if asker == "person":
            answer = ann.call(method, filled_path, body)
        else:
            answer = world.api.call(method, filled_path, body, keys.get(asker, world.team_key))
        if fault_of(path, answer):
            faults.append((method, path, answer.text))
        response = operation["responses"].get(str(answer.status), operation["responses"]["default"])
        schema = response["content"]["application/json"]["schema"]
        try:
            check(schema, answer.body)
        except jsonschema.ValidationError as error:
            faults.append((path, error.message))
        is_list = schema.get("$ref") == "#/components/schemas/List"
        assert "$ref" in schema or schema["required"], path
        lists += is_list and len(answer.body["data"]) > 0
    assert lists >= 10 and not faults


def test_every_code_is_documented(world):
    """What a program decides by is in docs/api.md: the codes of SQL functions and of the program, but for the names of fields."""
    fields = {parameter["name"] for _, _, operation in operations(world.api) for parameter in operation["parameters"]}
    for _, _, operation in operations(world.api):
        fields |= set(operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {}).get("properties", {}))
    sql = "".join(path.read_text() for path in (ROOT / "sql").glob("*.sql"))
    code = "".join(path.read_text() for path in (ROOT / "api").glob("*.[ch]"))
    codes = set(re.findall(r"api_fail\(\d+, '([a-z_]+)'", sql)) | set(re.findall(r'fault_(?:set|wait)\([^;"]*"([a-z_]+)"', code))
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs/api.md").read_text().split("## Errors")[1]))
    assert len(codes) > 20 and codes - fields - documented == set()

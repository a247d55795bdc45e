from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from agents.errors import FunctionNameRefused, NameTaken
from agents.models import Function, FunctionVersion
from agents.queries import CallableFunction, LockedAgent
from agents.services.functions import add_function_version, set_function_enabled
from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.schemas.core.json_schema import SchemaRefused
from tests.factories import TRANSFER_SCHEMA, make_function
from transactions.calls.queries import call_snapshot

URL = "/api/v1/functions/"


def registered(name: str) -> CallableFunction | None:
    caller = LockedAgent(
        id="agt_1",
        owner_id="usr_1",
        created_by_id="usr_2",
        name="caller",
        mode="live",
        is_active=True,
        policy_version_id=None,
        now=timezone.now(),
    )
    snapshot = call_snapshot(
        name, agent=caller, credential_id="crd_1", idempotency_key="k"
    )
    return snapshot.registered


def test_security_staff_register_a_function(client_for: Any, alice: Any) -> None:
    answer = client_for(alice).post(
        URL,
        {
            "name": "transfer",
            "description": "Moves money.",
            "schema": TRANSFER_SCHEMA,
            "effect": "send",
        },
    )

    assert answer.status_code == 201, answer.content
    function = Function.objects.get()
    assert answer.json() == {
        "id": function.pk,
        "object": "function",
        "name": "transfer",
        "description": "Moves money.",
        "enabled": True,
        "version": 1,
        "effect": "send",
        "schema": TRANSFER_SCHEMA,
        "created_at": answer.json()["created_at"],
    }
    event = AuditEvent.objects.get(action="function.registered")
    assert event.details == {"number": 1, "effect": "send"}
    assert event.target_label == "transfer"


def test_decimals_of_a_schema_stay_numbers(alice: Any) -> None:
    make_function(acting=alice)

    stored = FunctionVersion.objects.get().schema

    assert stored["properties"]["amount"]["minimum"] == 0.01


def test_a_call_finds_the_newest_version(client_for: Any, alice: Any) -> None:
    make_function("transfer", acting=alice)
    schema = {"type": "object", "properties": {"to": {"type": "string"}}}

    answer = client_for(alice).post(
        URL + "transfer/versions/", {"schema": schema, "effect": "admin"}
    )

    assert (answer.status_code, answer.json()["version"]) == (201, 2)
    found = registered("transfer")
    assert found is not None
    assert (found.version_number, found.effect) == (2, "admin")
    assert found.schema == schema
    assert found.is_enabled
    assert FunctionVersion.objects.get(number=1).schema == TRANSFER_SCHEMA


@pytest.mark.parametrize(
    "name", ["Transfer", "TRANSFER", "trаnsfer", "transfer ", "os.transfer", "", "x"]
)
def test_h1_only_the_exact_name_is_found(alice: Any, name: str) -> None:
    make_function("transfer", acting=alice)

    assert registered(name) is None


@pytest.mark.parametrize(
    "name", ["Transfer", "os.transfer", "trаnsfer", "1st", "a-b", "", "a b", "x" * 101]
)
def test_h1_a_name_that_could_be_mistaken_is_refused(alice: Any, name: str) -> None:
    with pytest.raises(FunctionNameRefused):
        make_function(name, acting=alice)

    assert not Function.objects.exists()


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (
            {"type": "object", "properties": {"a": {"$ref": "http://evil.example/"}}},
            "A $ref must name a schema of this document, as #/$defs/name.",
        ),
        (
            {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}},
            "A $ref must name a schema of this document, as #/$defs/name.",
        ),
        (
            {"type": "object", "properties": {"a": {"$dynamicRef": "#a"}}},
            "'$dynamicRef' is not allowed.",
        ),
        (
            {"type": "object", "properties": {"a": {"pattern": r"(a)\1"}}},
            r"A back-reference cannot be matched in linear time: \1 at character 4.",
        ),
        (
            {"type": "object", "properties": {"a": {"uniqueItems": True}}},
            "uniqueItems needs a maxItems of at most 100.",
        ),
        (
            {"type": "object", "properties": {"a": {"type": "nonsense"}}},
            "The schema is not valid.",
        ),
        (
            {"type": "object", "additionalProperties": True},
            "A function takes no parameters but those that are described.",
        ),
        ({"type": "string"}, "Parameters are an object."),
        ({}, "Parameters are an object."),
    ],
)
def test_h2_h3_a_dangerous_schema_is_refused(
    client_for: Any, alice: Any, schema: dict[str, Any], told: str
) -> None:
    answer = client_for(alice).post(
        URL, {"name": "transfer", "schema": schema, "effect": "read"}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "schema_refused")
    [error] = answer.json()["errors"]
    assert error["pointer"].startswith("/schema")
    assert error["detail"] == told
    assert not Function.objects.exists()


def test_a_version_with_a_dangerous_schema_changes_nothing(alice: Any) -> None:
    make_function(acting=alice)

    with pytest.raises(SchemaRefused):
        add_function_version(
            "transfer", schema={"type": "array"}, effect="read", acting=alice
        )

    assert FunctionVersion.objects.count() == 1


def test_a_function_is_disabled_and_enabled(client_for: Any, alice: Any) -> None:
    make_function(acting=alice)
    client = client_for(alice)

    answer = client.patch(URL + "transfer/", {"enabled": False})
    again = client.patch(URL + "transfer/", {"enabled": False})

    assert answer.json()["enabled"] is again.json()["enabled"] is False
    found = registered("transfer")
    assert found is not None
    assert not found.is_enabled
    event = AuditEvent.objects.get(action="function.updated")
    assert event.details == {"changes": {"is_enabled": [True, False]}}


def test_a_name_is_registered_once(alice: Any) -> None:
    make_function(acting=alice)

    with pytest.raises(NameTaken):
        make_function(acting=alice)

    assert FunctionVersion.objects.count() == 1


def test_a_manager_reads_and_registers_none(
    client_for: Any, alice: Any, bob: Any
) -> None:
    make_function(acting=alice)
    client = client_for(bob)
    body: dict[str, Any] = {"schema": TRANSFER_SCHEMA, "effect": "read"}

    assert client.get(URL).json()["data"][0]["name"] == "transfer"
    assert client.get(URL + "transfer/").status_code == 200
    assert client.post(URL, {**body, "name": "other"}).status_code == 403
    assert client.post(URL + "transfer/versions/", body).status_code == 403
    assert client.patch(URL + "transfer/", {"enabled": False}).status_code == 403
    for refused in (
        lambda: make_function("other", acting=bob),
        lambda: add_function_version("transfer", **body, acting=bob),
        lambda: set_function_enabled("transfer", is_enabled=False, acting=bob),
    ):
        with pytest.raises(NotPermitted):
            refused()
    assert FunctionVersion.objects.count() == 1
    assert Function.objects.get().is_enabled


def test_a_function_that_is_none_is_not_found(client_for: Any, alice: Any) -> None:
    client = client_for(alice)

    assert client.get(URL + "nothing/").status_code == 404
    assert client.patch(URL + "nothing/", {"enabled": True}).status_code == 404
    with pytest.raises(NotFound):
        add_function_version(
            "nothing", schema=TRANSFER_SCHEMA, effect="read", acting=alice
        )


@pytest.mark.parametrize("field", ["id", "version", "enabled", "current_version"])
def test_c4_other_fields_are_refused(client_for: Any, alice: Any, field: str) -> None:
    body = {"name": "transfer", "schema": TRANSFER_SCHEMA, "effect": "read", field: "1"}

    assert client_for(alice).post(URL, body).status_code == 400
    assert not Function.objects.exists()


def test_a_function_is_not_registered_under_a_card_number(
    client_for: Any, alice: Any
) -> None:
    answer = client_for(alice).post(
        URL,
        {"name": "f4111111111111111", "schema": TRANSFER_SCHEMA, "effect": "send"},
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "function_name")
    assert registered("f4111111111111111") is None

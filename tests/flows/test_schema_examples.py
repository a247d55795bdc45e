"""What Swagger offers to try succeeds: each example is sent as the schema has it."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.utils import timezone

from agents.models import AgentCredential
from tests.declared import document
from tests.flows.requests import etag, hold
from tests.people import make_person

# The five that are asked most, with an example of their body.
OFFERED = {
    "auth_token_create",
    "auth_agent_token_create",
    "transactions_create",
    "transactions_approve",
    "transactions_capture",
}

pytestmark = pytest.mark.usefixtures("spacious_limits")


def operations() -> dict[str, dict[str, Any]]:
    """Return the document's operations by their names, each with path and method."""
    return {
        operation["operationId"]: operation | {"path": path, "method": method}
        for path, item in document()["paths"].items()
        for method, operation in item.items()
    }


def examples_of(operation: dict[str, Any]) -> list[Any]:
    """Return the examples of a body of JSON."""
    content = operation.get("requestBody", {}).get("content", {})
    offered = content.get("application/json", {}).get("examples", {})
    return [example["value"] for example in offered.values()]


def send(client, name: str, headers=None, **parameters: str):
    """Send the one example of an operation with the example of its key."""
    operation = operations()[name]
    [body] = examples_of(operation)
    sent = dict(headers or {})
    for parameter in operation.get("parameters", []):
        for example in parameter.get("examples", {}).values():
            sent[parameter["name"]] = example["value"]
    answer = client.generic(
        operation["method"].upper(),
        operation["path"].format(**parameters),
        json.dumps(body),
        content_type="application/json",
        headers=sent,
    )
    assert str(answer.status_code) in operation["responses"]
    return answer


def test_the_operations_with_an_example_are_these():
    found = {name for name, one in operations().items() if examples_of(one)}

    assert found == OFFERED


def test_the_example_of_signing_in_signs_in(api, database):
    [body] = examples_of(operations()["auth_token_create"])
    person = make_person(body["username"], "manager")
    person.set_password(body["password"])
    person.save(update_fields=["password"])

    answer = send(api(), "auth_token_create")

    assert answer.status_code == 200
    assert answer.json()["access"]


def test_the_example_of_an_agents_token_is_exchanged(api, agent, alice):
    [body] = examples_of(operations()["auth_agent_token_create"])
    AgentCredential.objects.create(
        pk=body["client_id"],
        agent=agent,
        created_by=alice,
        secret_hash=sha256(body["client_secret"].encode()).hexdigest(),
        expires_at=timezone.now() + timedelta(days=1),
    )

    answer = send(api(), "auth_agent_token_create")

    assert answer.status_code == 200
    assert answer.json()["access"]


def test_the_example_of_a_purchase_is_allowed_and_captured_by_the_next(shopper):
    asked = send(shopper, "transactions_create")
    assert (asked.status_code, asked.json()["outcome"]) == (201, "allow")

    taken = send(shopper, "transactions_capture", transaction_id=asked.json()["id"])

    assert taken.status_code == 200
    assert taken.json()["captured_amount"] == "20.00"


def test_the_example_of_an_approval_approves(shopper, manager):
    transaction_id = hold(shopper)

    answer = send(
        manager,
        "transactions_approve",
        {"If-Match": etag(manager, transaction_id)},
        transaction_id=transaction_id,
    )

    assert (answer.status_code, answer.json()["status"]) == (200, "authorized")


def test_every_operation_has_a_summary_of_its_own():
    summaries = [one.get("summary", "") for one in operations().values()]

    assert len(summaries) > 60
    assert "" not in summaries
    assert sorted(summaries) == sorted(set(summaries))

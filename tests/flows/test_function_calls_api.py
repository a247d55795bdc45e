"""Asking to call a function, through HTTP only."""

from __future__ import annotations

from datetime import datetime

import pytest
from rest_framework.test import APIClient

from audit.models import AuditEvent
from tests.factories import make_function
from tests.flows.requests import problem
from transactions.models import FunctionCall

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.fixture
def caller(shopper, agent, people, give_policy) -> APIClient:
    make_function(acting=people.alice)
    give_policy(agent, allowed_functions=["transfer"])
    return shopper


def call(client, **changes):
    body = {"function": "transfer", "parameters": {"iban": "DE00", "amount": 12.5}}
    return client.post("/api/v1/function-calls/", body | changes)


def test_a_function_call_is_answered(caller):
    response = call(caller)

    assert response.status_code == 201
    body = response.json()
    assert body.pop("id").startswith("fnc_")
    assert datetime.fromisoformat(body.pop("created_at")).tzinfo is not None
    assert body == {
        "outcome": "allow",
        "reasons": [
            {
                "code": "allowed_by_policy",
                "message": "Every check passed under the policy in force.",
            }
        ],
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"function": "Transfer"}, "function_unknown"),
        ({"parameters": {}}, "parameters_invalid"),
        ({"parameters": {"iban": "x", "amount": True}}, "parameters_invalid"),
        ({"parameters": {"iban": "x", "amount": 1, "to": "y"}}, "parameters_invalid"),
    ],
)
def test_h1_h4_a_denied_call_is_201_too(caller, changes, code):
    response = call(caller, **changes)

    assert response.status_code == 201
    assert response.json()["outcome"] == "deny"
    assert [reason["code"] for reason in response.json()["reasons"]] == [code]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"function": ""}, "blank"),
        ({"function": "x" * 101}, "max_length"),
        ({"function": None}, "null"),
        ({"function": ["transfer"]}, "invalid"),
        ({"parameters": []}, "not_a_dict"),
        ({"parameters": "x"}, "not_a_dict"),
        ({"parameters": None}, "null"),
        ({"grant": "x"}, "unknown_field"),
    ],
)
def test_a_malformed_call_is_400(caller, changes, code):
    response = call(caller, **changes)

    [name] = changes
    assert problem(response, 400, "invalid_request") == {(f"/{name}", code)}
    assert not FunctionCall.objects.exists()


def test_c11_people_do_not_call_functions(manager, api):
    problem(call(manager), 403, "permission_denied")
    problem(call(api()), 401, "not_authenticated")


@pytest.mark.parametrize("name", ["f4111111111111111", "token=abcdefgh"])
def test_a_functions_name_with_a_card_number_or_a_secret_is_refused(caller, name):
    response = call(caller, function=name)

    assert problem(response, 400, "invalid_request") == {
        ("/function", "name_sensitive")
    }
    assert not FunctionCall.objects.exists()
    assert not AuditEvent.objects.filter(action="function_call.decided").exists()

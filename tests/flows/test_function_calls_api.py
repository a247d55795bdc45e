"""Asking to call a function, through HTTP only."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from audit.models import AuditEvent
from tests.factories import make_agent, make_agent_token, make_function
from tests.flows.requests import SEED, URL, app_rows, problem
from tests.spending import call as spending_call
from transactions.calls.models import FunctionCall

pytestmark = pytest.mark.usefixtures("spacious_limits")

CALLS = "/api/v1/function-calls/"
GOOD = {"function": "transfer", "parameters": {"iban": "DE00", "amount": 12.5}}
_keys = iter(range(10**9))


@pytest.fixture
def caller(shopper, agent, people, give_policy) -> APIClient:
    make_function(acting=people.alice)
    give_policy(agent, allowed_functions=["transfer"])
    return shopper


def call(client, *, key=None, **changes):
    headers = {"Idempotency-Key": key or f"call-{next(_keys)}"}
    return client.post(CALLS, GOOD | changes, headers=headers)


def test_a_function_call_is_answered(caller, agent):
    response = call(caller)

    assert response.status_code == 201
    body = response.json()
    assert body.pop("id").startswith("fnc_")
    assert datetime.fromisoformat(body.pop("created_at")).tzinfo is not None
    assert body == {
        "object": "function_call",
        "agent": agent.pk,
        "function": "transfer",
        "function_version": 1,
        "status": "granted",
        "policy_version": 2,
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


def test_h5_a_call_takes_an_idempotency_key_and_a_repeat_gets_the_same_answer(caller):
    first, again = call(caller, key="once"), call(caller, key="once")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert FunctionCall.objects.count() == 1


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "idempotency_key_required"),
        ({"Idempotency-Key": " "}, "idempotency_key_required"),
        ({"Idempotency-Key": "a b"}, "idempotency_key_invalid"),
        ({"Idempotency-Key": "x" * 256}, "idempotency_key_invalid"),
    ],
)
def test_a_call_without_a_good_key_is_refused_as_a_transaction_is(
    caller, headers, code
):
    response = caller.post(CALLS, GOOD, headers=headers)

    assert response.status_code == 400
    assert response.json()["code"] == code
    assert not FunctionCall.objects.exists()
    spending = caller.post(URL, SEED, headers=headers)
    assert (spending.status_code, spending.json()["code"]) == (400, code)


def test_j2_another_call_under_the_same_key_is_422_and_changes_nothing(caller):
    call(caller, key="once")
    before = app_rows()

    problem(call(caller, key="once", parameters={}), 422, "idempotency_key_reused")

    assert app_rows() == before


def test_an_agent_reads_its_own_calls_and_people_those_of_their_team(
    caller, people, client_for, api, agent
):
    body = call(caller, key="once").json()
    other = make_agent(people.eve, acting=people.alice, name="southern")
    stranger = api(token=make_agent_token(other, acting=people.alice))
    foreign = spending_call(other).body["id"]

    for reader in (caller, client_for(people.carol), client_for(people.bob)):
        assert reader.get(f"{CALLS}{body['id']}/").json() == body
        assert reader.get(CALLS).json()["data"] == [body]
        problem(reader.get(f"{CALLS}{foreign}/"), 404, "not_found")
    for reader in (stranger, client_for(people.eve)):
        problem(reader.get(f"{CALLS}{body['id']}/"), 404, "not_found")
        assert [each["id"] for each in reader.get(CALLS).json()["data"]] == [foreign]
    seen = [each["id"] for each in client_for(people.alice).get(CALLS).json()["data"]]
    assert seen == [foreign, body["id"]]


def test_calls_are_cut_and_paged_like_transactions(caller, agent):
    allowed, denied = call(caller).json(), call(caller, parameters={}).json()
    unknown = call(caller, function="nobody").json()

    def ids(**query):
        return [each["id"] for each in caller.get(CALLS, query).json()["data"]]

    assert ids() == [unknown["id"], denied["id"], allowed["id"]]
    assert ids(ordering="created_at") == ids()[::-1]
    assert ids(outcome="allow") == ids(status="granted") == [allowed["id"]]
    assert ids(function="nobody") == [unknown["id"]]
    assert ids(agent="agt_0") == []
    assert len(ids(agent=agent.pk)) == 3
    assert ids(created_after=allowed["created_at"]) == [unknown["id"], denied["id"]]
    assert ids(created_before=denied["created_at"]) == [allowed["id"]]
    page = caller.get(CALLS, {"limit": 2}).json()
    assert [each["id"] for each in page["data"]] == [unknown["id"], denied["id"]]
    following = caller.get(page["next"]).json()
    assert [each["id"] for each in following["data"]] == [allowed["id"]]
    problem(caller.get(CALLS, {"colour": "red"}), 400, "invalid_request")
    assert unknown["function_version"] is None
    assert (allowed["function_version"], allowed["policy_version"]) == (1, 2)


def test_reading_calls_costs_the_same_for_one_and_for_many(caller):
    def queries_of_a_list():
        with CaptureQueriesContext(connection) as captured:
            assert caller.get(CALLS).status_code == 200
        return len(captured)

    call(caller)
    one = queries_of_a_list()
    for _ in range(5):
        call(caller)

    assert queries_of_a_list() == one

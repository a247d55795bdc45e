"""May this function be called with these parameters? Asked, answered, written down."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.queries import policy_rules
from agents.services.agents import update_agent
from agents.services.functions import add_function_version, set_function_enabled
from audit.base.core.codec import from_json
from audit.models import AuditEvent
from security.locks.models import ResourceLock
from tests import spending
from tests.factories import TRANSFER_SCHEMA, make_agent, make_function
from tests.spending import ADDRESS, everything, principal_of
from transactions.calls import services as calls
from transactions.calls.core.decision import CallFacts, decide_call
from transactions.calls.models import FunctionCall
from transactions.calls.services import request_function_call
from transactions.decisions.core.digest import digest
from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.reasons import Finding
from transactions.decisions.models import Decision, IdempotencyRecord
from transactions.errors import IdempotencyConflict

GOOD = {"iban": "DE00 1234", "amount": Decimal("12.50")}


@pytest.fixture
def caller(people, give_policy):
    """An agent that may call transfer, which is registered."""
    make_function(acting=people.alice)
    agent = make_agent(people.carol, acting=people.alice)
    return give_policy(agent, allowed_functions=["transfer", "not_registered"])


def call(agent, function="transfer", parameters=GOOD, **asked):
    body = spending.call(agent, function, parameters, **asked).body
    codes = [reason["code"] for reason in body["reasons"]]
    return FunctionCall.objects.get(pk=body["id"]), body["outcome"], codes


def test_a_call_that_fits_is_granted(caller):
    row, outcome, codes = call(caller)

    assert (outcome, codes) == ("allow", ["allowed_by_policy"])
    assert (row.function, row.status) == ("transfer", "granted")
    assert row.function_version.number == 1
    decision = Decision.objects.get(function_call=row)
    assert decision.policy_version_id == caller.policy_version_id
    assert decision.decided_at == row.created_at
    event = AuditEvent.objects.get(action="function_call.decided")
    assert (event.actor_id, event.address) == (caller.pk, ADDRESS)
    assert (event.outcome, event.target_id) == ("success", row.pk)
    assert event.details == {
        "function": "transfer",
        "outcome": "allow",
        "reasons": ["allowed_by_policy"],
        "digest": decision.digest,
        "agent": caller.pk,
        "mode": "live",
    }


def test_only_the_digest_of_the_parameters_is_kept(caller):
    parameters = {"iban": "SECRET-IBAN", "amount": Decimal("12.50"), "zz": "SECRET-2"}

    row, outcome, _ = call(caller, parameters=parameters)

    assert outcome == "deny"
    assert row.parameters_digest == digest(parameters)
    stored = [
        *FunctionCall.objects.values_list(),
        *Decision.objects.values_list(),
        *AuditEvent.objects.values_list(),
        *IdempotencyRecord.objects.values_list(),
    ]
    assert "SECRET" not in repr(stored)


def test_h5_the_digest_tells_a_number_from_its_text(caller):
    one, _, _ = call(caller, parameters={"iban": "x", "amount": Decimal("1.5")})
    two, _, _ = call(caller, parameters={"iban": "x", "amount": "1.5"})

    assert one.parameters_digest != two.parameters_digest


@pytest.mark.parametrize(
    "name",
    [
        "not_registered",
        "Transfer",
        "TRANSFER",
        "transf\u0435r",
        "transfer ",
        "a.transfer",
    ],
)
def test_h1_what_is_not_registered_under_exactly_that_name_is_denied(caller, name):
    row, outcome, codes = call(caller, name)

    assert (outcome, codes) == ("deny", ["function_unknown"])
    assert (row.function, row.status, row.function_version) == (name, "declined", None)
    event = AuditEvent.objects.get(action="function_call.decided")
    assert event.outcome == "refused"


def test_h7_a_disabled_function_is_denied_at_once(caller, people):
    set_function_enabled("transfer", is_enabled=False, acting=people.alice)

    assert call(caller)[1:] == ("deny", ["function_disabled"])


def test_h7_a_deactivated_agent_is_denied(caller, people):
    update_agent(caller.pk, is_active=False, acting=people.alice)

    assert call(caller)[1:] == ("deny", ["agent_inactive"])


def test_a_function_that_the_policy_does_not_list_is_denied(caller, give_policy):
    give_policy(caller, allowed_functions=[])

    assert call(caller)[1:] == (
        "deny",
        ["function_not_allowed", "effect_not_governed"],
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"iban": "x"},
        {"iban": "x", "amount": Decimal("0")},
        {"iban": "x", "amount": True},
        {"iban": "x", "amount": "12.50"},
        {"iban": 7, "amount": 1},
        {"iban": "x" * 35, "amount": 1},
        {"iban": "x", "amount": 1, "extra": 1},
        {"iban": "x", "amount": 1, "$schema": "http://json-schema.org/draft-04/schema"},
    ],
)
def test_h4_parameters_that_do_not_fit_are_denied(caller, parameters):
    assert call(caller, parameters=parameters)[1:] == ("deny", ["parameters_invalid"])


@pytest.mark.parametrize("number", [Decimal("NaN"), float("nan"), 1.5])
def test_h4_a_number_that_no_parser_lets_in_has_no_digest(caller, number):
    with pytest.raises(TypeError):
        call(caller, parameters={"iban": "x", "amount": number})

    assert FunctionCall.objects.count() == 0


def test_h10_a_schema_check_that_raises_denies_with_its_event(caller, monkeypatch):
    def fail(schema, parameters):
        raise RecursionError

    monkeypatch.setattr(calls, "check", fail)

    _, outcome, codes = call(caller)

    assert (outcome, codes) == ("deny", ["check_failed"])
    event = AuditEvent.objects.get(action="function_call.decided")
    assert event.details["reasons"] == ["check_failed"]


@pytest.mark.parametrize("kind", ["agent", "user", "function", "everything"])
def test_a_live_lock_denies(caller, kind):
    target = {"agent": caller.pk, "user": caller.owner_id, "function": "transfer"}
    ResourceLock.objects.create(kind=kind, target_id=target.get(kind, ""))

    assert call(caller)[1:] == ("deny", ["resource_locked"])


def test_without_a_policy_no_function_may_be_called(caller, people):
    bare = make_agent(people.carol, acting=people.alice, name="bare", policy=None)

    assert call(bare)[1:] == ("deny", ["no_policy"])


def test_a_newer_schema_counts_from_the_next_call_on(caller, people):
    add_function_version(
        "transfer",
        schema={"type": "object", "properties": {"to": {"type": "string"}}},
        effect="send",
        acting=people.alice,
    )

    assert call(caller)[1:] == ("deny", ["parameters_invalid"])
    row, outcome, _ = call(caller, parameters={"to": "x"})
    assert (outcome, row.function_version.number) == ("allow", 2)


def test_a_call_costs_three_statements(caller):
    call(caller)
    principal = principal_of(caller)

    with CaptureQueriesContext(connection) as captured:
        request_function_call(
            "transfer", GOOD, acting=principal, idempotency_key="counted"
        )

    inside = [
        query["sql"]
        for query in captured.captured_queries
        if "SAVEPOINT" not in query["sql"]
    ]
    assert len(inside) == 3, inside


@pytest.mark.parametrize("effect", ["write", "send", "admin"])
def test_an_effect_that_no_policy_names_is_denied_and_one_that_it_names_is_not(
    caller, people, give_policy, effect
):
    """Once an admin function {iban, amount} was allowed thirty times in a row."""
    make_function("wire", acting=people.alice, effect=effect)
    give_policy(caller, allowed_functions=None)

    assert call(caller, "wire")[1:] == ("deny", ["effect_not_governed"])
    decision = Decision.objects.latest("pk")
    assert decision.inputs["facts"]["effect"] == effect
    assert decision.findings[0]["message"] == (
        f"A function with the effect {effect} must be named in the policy."
    )
    give_policy(caller, allowed_functions=["wire"])
    assert call(caller, "wire")[1] == "allow"


def test_a_policy_that_names_no_function_lets_read(caller, people, give_policy):
    make_function("look_up", acting=people.alice, effect="read")
    give_policy(caller, allowed_functions=None)

    assert call(caller, "look_up")[1] == "allow"


def test_a_function_that_comes_to_send_is_no_reading_one_from_then_on(
    caller, people, give_policy
):
    make_function("look_up", acting=people.alice, effect="read")
    give_policy(caller, allowed_functions=None)
    add_function_version(
        "look_up", schema=TRANSFER_SCHEMA, effect="send", acting=people.alice
    )

    assert call(caller, "look_up")[1:] == ("deny", ["effect_not_governed"])


def test_j2_a_call_under_the_same_key_is_answered_once(caller):
    first = spending.call(caller, "transfer", GOOD, key="k")
    before = everything()

    again = spending.call(caller, "transfer", GOOD, key="k")

    assert (first.is_replay, again.is_replay) == (False, True)
    assert json.dumps(again.body) == json.dumps(first.body)
    assert everything() == before
    assert FunctionCall.objects.count() == 1


@pytest.mark.parametrize(
    ("function", "parameters"),
    [("transfer", {"iban": "DE00 1234", "amount": Decimal("12.51")}), ("other", GOOD)],
)
def test_j2_a_key_of_another_call_is_refused_and_changes_nothing(
    caller, function, parameters
):
    spending.call(caller, "transfer", GOOD, key="k")
    before = everything()

    with pytest.raises(IdempotencyConflict):
        spending.call(caller, function, parameters, key="k")

    assert everything() == before


def test_j2_a_key_of_a_transaction_is_no_key_of_a_call_nor_the_other_way(caller):
    spending.spend(caller, key="spent")
    spending.call(caller, "transfer", GOOD, key="called")
    before = everything()

    with pytest.raises(IdempotencyConflict):
        spending.call(caller, "transfer", GOOD, key="spent")
    with pytest.raises(IdempotencyConflict):
        spending.spend(caller, key="called")

    assert everything() == before


def test_a_call_decided_before_effects_counted_still_comes_out_the_same(caller):
    """Its facts lack the effect: it is derived as it was decided, bit for bit."""
    row, outcome, _ = call(caller)
    facts = dict(row.decision.inputs["facts"])
    assert (outcome, facts.pop("effect")) == ("allow", "send")
    policy = policy_rules(caller.policy_version_id)
    before = from_json(CallFacts, facts)

    assert before.effect is None
    assert decide_call(before, replace(policy, allowed_functions=None)) == (
        Outcome.ALLOW,
        (Finding("policy", "allowed_by_policy", Outcome.ALLOW),),
    )

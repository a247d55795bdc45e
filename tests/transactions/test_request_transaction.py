"""The main job against a real database: the answer, the rows, the events."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from audit.base.context import acting_as
from audit.base.errors import SensitiveDataRefused
from tests.factories import make_agent
from tests.spending import (
    ADDRESS,
    ask_for,
    events_since,
    everything,
    principal_of,
    set_aside_minor,
    spend,
)
from transactions.approvals.models import ApprovalRequest
from transactions.budgets.models import Budget, LedgerEntry, Reservation
from transactions.decisions.models import Decision, IdempotencyRecord
from transactions.errors import InvalidRequest
from transactions.risk.models import AgentActivity, MerchantActivity
from transactions.spending.models import Transaction
from transactions.spending.services.spending import request_transaction

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_an_allowed_request_is_answered_in_full(agent):
    answer = spend(agent, "49.99", description="Headphones", metadata={"order": "7"})

    body = dict(answer.body)
    assert answer.status_code == 201
    assert answer.is_replay is False
    assert re.fullmatch(r"txn_[0-9a-z]{26}", body.pop("id"))
    assert INSTANT.fullmatch(body["created_at"])
    assert body.pop("occurred_at") == body.pop("created_at")
    assert body == {
        "object": "transaction",
        "agent": agent.pk,
        "status": "authorized",
        "outcome": "allow",
        "amount": "49.99",
        "currency": "USD",
        "reserved_amount": "49.99",
        "captured_amount": "0.00",
        "refunded_amount": "0.00",
        "merchant": "Amazon",
        "category": "electronics",
        "merchant_country": None,
        "mcc": None,
        "description": "Headphones",
        "metadata": {"order": "7"},
        "risk_score": 0.1325,
        "risk_level": "normal",
        "risk_factors": {
            "amount": 0.0299,
            "merchant": 0.5,
            "velocity": 0.0,
            "pattern": 0.0,
        },
        "reasons": [
            {
                "code": "allowed_by_policy",
                "message": "Every check passed under the policy in force.",
            }
        ],
        "policy_version": 1,
        "approval": None,
    }


def test_an_allow_writes_every_row_once_and_reserves_the_money(agent):
    body = spend(agent).body

    row = Transaction.objects.get()
    assert (row.pk, row.status, row.amount_minor) == (body["id"], "authorized", 49_99)
    assert (row.merchant, row.merchant_key) == ("Amazon", "amazon")
    assert row.expires_at == row.created_at + timedelta(days=7)
    decision = Decision.objects.get()
    assert (decision.transaction_id, decision.outcome) == (row.pk, "allow")
    assert decision.policy_version_id == agent.policy_version_id
    assert decision.risk_bp == 1325
    reservation = Reservation.objects.get()
    assert (reservation.transaction_id, reservation.amount_minor) == (row.pk, 49_99)
    [entry] = LedgerEntry.objects.all()
    assert (entry.transaction_id, entry.kind) == (row.pk, "reserve")
    assert (entry.credit, entry.debit) == ("available", "reserved")
    assert (entry.amount_minor, entry.currency) == (49_99, "USD")
    assert Budget.objects.count() == 0  # The policy has no limit per period.
    assert (reservation.amount_minor, reservation.resolved_at) == (49_99, None)
    activity = AgentActivity.objects.get()
    assert (sum(activity.requests_by_minute), activity.allowed_count) == (1, 1)
    assert activity.allowed_sum_minor == 49_99
    assert activity.allowed_sum_of_squares == 49_99**2
    merchant = MerchantActivity.objects.get()
    assert (merchant.merchant_key, merchant.allowed_count) == ("amazon", 1)
    assert merchant.last_amount_minor == 49_99
    assert IdempotencyRecord.objects.get().status_code == 201
    assert ApprovalRequest.objects.count() == 0


def test_a_hold_waits_for_a_human_and_reserves_the_money(agent):
    body = spend(agent, "500.01").body

    approval = ApprovalRequest.objects.get()
    assert (body["status"], body["outcome"]) == ("pending_approval", "hold")
    assert body["reasons"] == [
        {
            "code": "amount_requires_approval",
            "message": "500.01 USD is above 500.00 USD, so a human decides.",
        }
    ]
    assert body["approval"] == {
        "id": approval.pk,
        "status": "waiting",
        "expires_at": approval.expires_at.isoformat().replace("+00:00", "Z"),
        "required_approvals": 1,
        "approvals_given": 0,
        "required_role": "manager",
        "escalates_at": None,
    }
    assert approval.expires_at == approval.created_at + timedelta(hours=24)
    assert Transaction.objects.get().expires_at is None
    assert set_aside_minor() == 500_01
    assert AgentActivity.objects.get().waiting_approvals == 1
    assert AgentActivity.objects.get().allowed_count == 0
    assert MerchantActivity.objects.get().allowed_count == 0


def test_a_deny_is_an_answer_and_reserves_nothing(agent):
    answer = spend(agent, "1000.01")

    assert answer.status_code == 201
    assert (answer.body["status"], answer.body["outcome"]) == ("declined", "deny")
    assert [reason["code"] for reason in answer.body["reasons"]] == [
        "amount_above_maximum"
    ]
    findings = Decision.objects.get().findings
    assert [finding["code"] for finding in findings] == [
        "amount_above_maximum",
        "amount_requires_approval",
    ]
    assert Budget.objects.count() == Reservation.objects.count() == 0
    assert ApprovalRequest.objects.count() == 0
    activity = AgentActivity.objects.get()
    assert (sum(activity.requests_by_minute), activity.allowed_count) == (1, 0)


def test_a_deny_leaves_an_existing_budget_as_it_was(agent):
    spend(agent, "100.00")

    spend(agent, "1000.01")

    assert set_aside_minor() == 100_00


@pytest.mark.parametrize(
    ("amount", "actions"),
    [
        ("49.99", ["transaction.requested", "transaction.decided"]),
        ("1000.01", ["transaction.requested", "transaction.decided"]),
        (
            "750.00",
            ["transaction.requested", "transaction.decided", "approval.requested"],
        ),
    ],
)
def test_l7_every_decision_is_told_to_the_log_with_actor_and_address(
    agent, amount, actions
):
    before = everything()["AuditEvent"]

    body = spend(agent, amount).body

    events = events_since(before)
    assert [event.action for event in events] == actions
    for event in events:
        assert (event.actor_kind, event.actor_id) == ("agent", agent.pk)
        assert (event.owner_id, event.actor_label) == (agent.owner_id, "shopping")
        assert (event.address, event.user_agent) == (ADDRESS, "tests")
        assert event.request_id == "req-1"
        assert event.outcome == "success"
    assert {event.target_id for event in events[:2]} == {body["id"]}
    assert events[0].details == {
        "agent": agent.pk,
        "mode": "live",
        "amount": amount,
        "currency": "USD",
        "merchant": "Amazon",
        "category": "electronics",
    }
    assert events[1].details == {
        "agent": agent.pk,
        "mode": "live",
        "outcome": body["outcome"],
        "reasons": [reason["code"] for reason in body["reasons"]],
        "risk_bp": round(body["risk_score"] * 10_000),
        "policy_version": 1,
        "digest": Decision.objects.get(transaction_id=body["id"]).digest,
    }


def test_the_log_names_who_asked_whatever_the_context_says(agent, people):
    before = everything()["AuditEvent"]

    with acting_as(people.alice):
        request_transaction(
            ask_for("750.00"), acting=principal_of(agent), idempotency_key="k"
        )

    events = events_since(before)
    assert [event.actor_id for event in events] == [agent.pk] * 3


@pytest.mark.usefixtures("as_owner")
def test_l8_without_the_audit_row_nothing_is_decided(agent):
    before = everything()
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE audit_auditevent"
            " ADD CONSTRAINT log_full CHECK (false) NOT VALID"
        )

    with pytest.raises(Exception, match="log_full"):
        spend(agent)

    assert everything() == before


def test_the_amount_may_be_a_json_number_and_the_currency_given(agent):
    for amount in (Decimal("49.99"), 50, "49.99"):
        assert spend(agent, amount, currency="USD").body["currency"] == "USD"


def test_e2_another_currency_than_the_policy_is_denied_never_compared(agent):
    body = spend(agent, "10.00", currency="EUR").body

    assert (body["outcome"], body["amount"], body["currency"]) == (
        "deny",
        "10.00",
        "EUR",
    )
    assert [reason["code"] for reason in body["reasons"]] == ["currency_mismatch"]


@pytest.mark.parametrize(
    ("amount", "currency", "pointer", "code"),
    [
        ("0", None, "/amount", "amount_not_positive"),
        ("-1", None, "/amount", "amount_not_positive"),
        ("0.001", None, "/amount", "amount_too_many_decimals"),
        ("1e3", None, "/amount", "amount_not_a_number"),
        ("10.50", "JPY", "/amount", "amount_too_many_decimals"),
        ("10", "usd", "/currency", "currency_unknown"),
        ("10", "XXX", "/currency", "currency_unknown"),
    ],
)
def test_e1_what_is_no_amount_is_refused_and_nothing_is_written(
    agent, amount, currency, pointer, code
):
    before = everything()

    with pytest.raises(InvalidRequest) as refusal:
        spend(agent, amount, currency=currency)

    assert (refusal.value.pointer, refusal.value.code) == (pointer, code)
    assert everything() == before


def test_without_a_policy_everything_is_denied_but_needs_its_currency(people):
    bare = make_agent(people.carol, acting=people.alice, name="bare", policy=None)

    body = spend(bare, "10.00", currency="USD").body

    assert (body["outcome"], body["policy_version"]) == ("deny", None)
    assert [reason["code"] for reason in body["reasons"]] == ["no_policy"]
    assert (body["risk_score"], body["risk_factors"]) == (None, {})
    with pytest.raises(InvalidRequest) as refusal:
        spend(bare, "10.00")
    assert refusal.value.pointer == "/currency"


def test_g1_card_numbers_and_secrets_in_free_text_are_not_stored(agent):
    body = spend(
        agent,
        description="card 4111 1111 1111 1111",
        metadata={"note": "4111111111111111", "api_key": "abc"},
    ).body

    row = Transaction.objects.get()
    assert row.description == "card ****1111"
    assert row.metadata == {"note": "****1111", "api_key": "****"}
    assert (body["description"], body["metadata"]) == (row.description, row.metadata)
    # Nor in the inputs, whose digests may have these four digits by chance.
    inputs = repr(Decision.objects.get().inputs)
    assert "4111111111111111" not in inputs
    assert "4111 1111" not in inputs
    assert "****1111" in inputs


def test_g3_a_card_security_code_is_refused_and_nothing_is_written(agent):
    before = everything()

    with pytest.raises(SensitiveDataRefused):
        spend(agent, metadata={"cvv": "123"})

    assert everything() == before


def test_e5_format_strings_are_stored_literally(agent):
    text = "{0.__class__} %s %n {merchant} '; DROP TABLE agents_agent; --"

    row = Transaction.objects.get(pk=spend(agent, description=text).body["id"])

    assert row.description == text
    denied = spend(agent, merchant="{amount} %(limit)s").body
    assert denied["reasons"][0]["message"] == (
        "{amount} %(limit)s is not an allowed merchant."
    )


def test_an_alias_of_a_blocked_category_is_blocked(agent):
    for category in ("casino", "Gambling", "ADULT"):
        body = spend(agent, category=category).body
        assert [reason["code"] for reason in body["reasons"]] == ["category_blocked"]


def test_ask_for_makes_what_the_api_makes():
    assert ask_for().digest() == ask_for().digest()
    assert ask_for("49.99").digest() != ask_for("49.990").digest()

"""Decisions are history, and hold all that is needed to derive them again."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import DatabaseError, connection, transaction

from agents.queries import policy_rules
from tests.spending import everything, held, spend
from transactions.approvals.models import ApprovalRequest
from transactions.budgets.models import Budget, LedgerEntry, Reservation
from transactions.decisions.core.activity import Activity, RecentRequest
from transactions.decisions.core.facts import (
    Facts,
    MerchantHistory,
    SharedSpent,
    SpendingRequest,
    Spent,
    Thresholds,
)
from transactions.decisions.models import Decision
from transactions.spending.core.decision import decide
from transactions.spending.models import Transaction


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE transactions_decision SET outcome = 'allow'",
        "UPDATE transactions_decision SET risk_bp = 0 WHERE outcome = 'deny'",
        "DELETE FROM transactions_decision",
        "TRUNCATE transactions_decision CASCADE",
        "TRUNCATE transactions_transaction CASCADE",
        "UPDATE transactions_transaction SET amount_minor = 1",
        "UPDATE transactions_transaction SET merchant = 'Other', status = 'authorized'",
        'UPDATE transactions_transaction SET metadata = \'{"a": "b"}\'',
        "UPDATE transactions_transaction SET credential_id = 'crd_other'",
        "DELETE FROM transactions_transaction",
    ],
)
def test_l1_what_was_asked_and_decided_cannot_be_changed_or_removed(
    agent, refusal: str, sql: str
):
    spend(agent, "1000.01")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    before = everything()

    with (
        pytest.raises(DatabaseError, match=refusal),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    assert everything() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.update(outcome="allow"),
        lambda rows: rows.delete(),
        lambda rows: rows.bulk_update(
            [Decision(pk=rows.get().pk, outcome="allow")], ["outcome"]
        ),
        lambda rows: rows.get().delete(),
        lambda rows: rows.get().save(update_fields=["risk_bp"]),
    ],
)
def test_l1_nor_through_the_orm(agent, change):
    spend(agent, "1000.01")
    before = everything()

    denied = "permission denied for table transactions_decision"
    with pytest.raises(DatabaseError, match=denied), transaction.atomic():
        change(Decision.objects.all())

    assert everything() == before


@pytest.mark.parametrize(
    ("amount", "values"),
    [
        ("49.99", {"description": "Headphones"}),
        ("500.01", {}),
        ("1000.01", {"merchant": "Target", "category": "casino"}),
        ("5.00", {"currency": "EUR"}),
    ],
)
def test_j16_the_verdict_can_be_reached_again_from_the_record_alone(
    agent, give_policy, amount, values
):
    give_policy(agent, daily_budget="900.00", max_transactions_per_hour=30)
    for n in range(7):
        spend(agent, f"1{n}.00")
    body = spend(agent, amount, **values).body

    record = Decision.objects.get(transaction_id=body["id"])
    verdict = decide(
        facts_of(record.inputs["facts"]),
        policy_rules(record.policy_version_id),
        Thresholds(**record.inputs["thresholds"]),
    )

    assert verdict.outcome == record.outcome == body["outcome"]
    assert [finding.as_json() for finding in verdict.findings] == record.findings
    assert verdict.risk.score_bp == record.risk_bp
    assert {
        name: getattr(verdict.risk, name) for name in record.risk_factors_bp
    } == record.risk_factors_bp


def facts_of(record) -> Facts:
    activity, merchant = dict(record["activity"]), dict(record["merchant"])
    for values, names in (
        (activity, ["minute", "last_request_at"]),
        (merchant, ["last_request_at"]),
    ):
        for name in names:
            values[name] = values[name] and datetime.fromisoformat(values[name])
    activity |= {
        name: tuple(value)
        for name, value in activity.items()
        if isinstance(value, list)
    }
    activity["recent"] = tuple(
        RecentRequest(**each | {"at": datetime.fromisoformat(each["at"])})
        for each in activity["recent"]
    )
    merchant["lookalikes"] = tuple(merchant["lookalikes"])
    return Facts(
        request=SpendingRequest(**record["request"]),
        agent_is_active=record["agent_is_active"],
        owner_is_active=record["owner_is_active"],
        credential_is_live=record["credential_is_live"],
        locks=tuple(record["locks"]),
        activity=Activity(**activity),
        merchant=MerchantHistory(**merchant),
        spent=tuple(Spent(**item) for item in record["spent"]),
        shared=tuple(SharedSpent(**item) for item in record["shared"]),
        now=datetime.fromisoformat(record["now"]),
    )


def ledger_line(**values):
    line = LedgerEntry.objects.get()
    for name, value in values.items():
        setattr(line, name, value)
    line.pk = None
    line.save(force_insert=True)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda: Budget.objects.update(limit_minor=1), "budget_within_limit"),
        (lambda: Budget.objects.update(reserved_minor=-1), "budget_not_negative"),
        (lambda: Budget.objects.update(limit_count=0), "budget_within_count"),
        (
            lambda: Reservation.objects.update(captured_minor=750_01),
            "reservation_resolved_with_its_time",
        ),
        (
            lambda: Reservation.objects.update(refunded_minor=1),
            "refunds_within_captures",
        ),
        (
            lambda: Reservation.objects.update(released_minor=750_00),
            "reservation_resolved_with_its_time",
        ),
        (
            lambda: Reservation.objects.update(amount_minor=749_99),
            "transactions_reservation refuses UPDATE: its rows are history",
        ),
        (
            lambda: Reservation.objects.all().delete(),
            "transactions_reservation refuses DELETE: its rows are history",
        ),
        (
            lambda: LedgerEntry.objects.update(amount_minor=1),
            "permission denied for table transactions_ledgerentry",
        ),
        (
            lambda: LedgerEntry.objects.all().delete(),
            "permission denied for table transactions_ledgerentry",
        ),
        (lambda: ledger_line(amount_minor=-1), "ledger_amount_positive"),
        (lambda: ledger_line(credit="captured"), "ledger_kind_between_its_accounts"),
        (
            lambda: Transaction.objects.update(status="captured"),
            "does not go from pending_approval to captured",
        ),
        (
            lambda: Transaction.objects.update(amount_minor=0),
            "transactions_transaction refuses UPDATE: its rows are history",
        ),
        (
            lambda: ApprovalRequest.objects.update(status="approved"),
            "approval_resolved_with_its_time",
        ),
    ],
)
def test_the_database_holds_the_invariants_too(agent, give_policy, change, refusal):
    give_policy(agent, daily_budget="900.00")
    held(agent)
    before = everything()

    with pytest.raises(DatabaseError, match=refusal), transaction.atomic():
        change()

    assert everything() == before

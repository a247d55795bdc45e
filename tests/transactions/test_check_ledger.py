"""`manage.py check_ledger` finds each kind of damage and names it."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from tests.factories import SEED_POLICY, make_agent
from tests.spending import approve, deny, held, principal_of, spend
from tests.transactions.moving import OPERATIONS, reverse_late, take_late
from transactions.budgets.services.shared_budgets import (
    SharedBudgetTerms,
    set_shared_budget,
)
from transactions.money.queries import RULES, money_faults
from transactions.money.services.late_captures import report_late_capture

POLICY = {
    **SEED_POLICY,
    "allowed_merchants": None,
    "max_transaction_amount": "1000.00",
    "requires_approval_above": "500.00",
    "daily_budget": "5000.00",
    "limits": [
        {"period": "day", "window": "rolling", "amount": "5000.00", "count": 90},
        {"period": "month", "per": "merchant", "amount": "5000.00"},
    ],
}


def act(agent, operation, transaction_id, key, **values):
    return OPERATIONS[operation](
        transaction_id,
        acting=principal_of(agent),
        idempotency_key=f"{operation}-{key}",
        **values,
    )


@pytest.fixture
def lived(people, alice, bob):
    """An agent that has done all that can be done, under a shared budget; its ids."""
    terms = SharedBudgetTerms(
        team_id=people.bob.team_id, currency="USD", period="day", limit_minor=9000_00
    )
    set_shared_budget(terms, acting=alice)
    agent = make_agent(people.carol, acting=alice, policy=POLICY)
    ids = {}
    for n, name in enumerate(("captured", "part", "voided", "late", "wrong", "open")):
        ids[name] = spend(agent, f"{100 + n}.00", merchant=f"Shop {n}").body["id"]
    whole, part = {"amount": None, "is_final": False}, {"amount": "10.00"}
    act(agent, "increment", ids["captured"], 1, amount="5.00")
    act(agent, "capture", ids["captured"], 1, **whole)
    act(agent, "refund", ids["captured"], 1, reason="", **part)
    act(agent, "capture", ids["part"], 2, is_final=False, **part)
    act(agent, "void", ids["voided"], 3)
    act(agent, "void", ids["late"], 4)
    report_late_capture(ids["late"], amount="7.00", reference="late-1", acting=alice)
    act(agent, "void", ids["wrong"], 5)
    take_late(ids["wrong"], "900.00", "late-2", people=(alice, bob))
    reverse_late(ids["wrong"], "late-2", people=(alice, bob))
    ids["declined"] = spend(agent, "1000.01").body["id"]
    ids["denied"] = deny(held(agent), bob).transaction_id
    ids["approved"] = approve(held(agent, "751.00"), bob).transaction_id
    waiting = held(agent, "752.00")
    ids |= {"waiting": waiting.transaction_id, "approval": waiting.pk}
    return agent, ids


TABLES = (
    "transactions_ledgerentry",
    "transactions_latecapture",
    "transactions_latecapturereversal",
    "transactions_refund",
    "transactions_reservation",
    "transactions_transaction",
    "audit_auditevent",
)


def damage(sql, *parameters):
    """Run SQL as somebody who can write past the platform, and its triggers."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(sql, parameters)


def test_a_whole_life_adds_up(committed_db, lived):
    out = StringIO()

    call_command("check_ledger", stdout=out)

    assert out.getvalue() == f"All money adds up, by {len(RULES)} rules.\n"


def test_the_command_names_what_does_not_add_up(as_owner, lived):
    agent, _ = lived
    damage("UPDATE transactions_agentactivity SET waiting_approvals = 2")
    out = StringIO()

    with pytest.raises(CommandError, match=r"1 figures do not add up\.") as error:
        call_command("check_ledger", stdout=out)

    assert error.value.returncode == 1
    assert out.getvalue() == (
        f"{agent.pk}: an agent's waiting approvals are counted (2, 1)\n"
    )


RESERVATION = "a reservation is the sum of its ledger entries"
ASTRAY = "a ledger entry is of its transaction's agent and currency"
BALANCES = "an agent's accounts balance and hold what is reserved"
CHILDREN = "late captures and refunds are those that were reported"
AGENT_BUDGET = "an agent's budget is the sum of what counts in it"
SHARED_BUDGET = "a shared budget is the sum of what counts in it"
STATUS = "a status fits its figures"
APPROVAL = "what waits has a waiting approval request"
WAITING = "an agent's waiting approvals are counted"
ANSWER = "an answer has its transaction"
EVENTS = "every step has its audit event"

DAMAGES = {
    "an entry raised": (
        "UPDATE transactions_ledgerentry SET amount_minor = amount_minor + 1 "
        "WHERE transaction_id = %s AND kind = 'reserve'",
        "open",
        {RESERVATION, BALANCES},
    ),
    "an entry lost": (
        "DELETE FROM transactions_ledgerentry WHERE transaction_id = %s "
        "AND kind = 'capture'",
        "part",
        {RESERVATION, BALANCES, EVENTS},
    ),
    "an entry doubled": (
        "INSERT INTO transactions_ledgerentry (transaction_id, agent_id, kind, credit, "
        "debit, amount_minor, currency, created_at) SELECT transaction_id, agent_id, "
        "kind, credit, debit, amount_minor, currency, created_at "
        "FROM transactions_ledgerentry WHERE transaction_id = %s AND kind = 'capture'",
        "captured",
        {RESERVATION, BALANCES, EVENTS},
    ),
    "an entry in another currency": (
        "UPDATE transactions_ledgerentry SET currency = 'EUR' "
        "WHERE transaction_id = %s AND kind = 'reserve'",
        "open",
        {ASTRAY, BALANCES},
    ),
    "an entry of another agent": (
        "UPDATE transactions_ledgerentry SET agent_id = "
        "(SELECT max(id) FROM agents_agent WHERE id <> agent_id) "
        "WHERE transaction_id = %s",
        "open",
        {ASTRAY, BALANCES},
    ),
    "a reservation raised": (
        "UPDATE transactions_reservation SET amount_minor = amount_minor + 1 "
        "WHERE transaction_id = %s",
        "open",
        {RESERVATION, BALANCES, AGENT_BUDGET, SHARED_BUDGET},
    ),
    "a reservation lost": (
        "DELETE FROM transactions_reservation WHERE transaction_id = %s",
        "open",
        {RESERVATION, BALANCES, AGENT_BUDGET, SHARED_BUDGET, STATUS},
    ),
    "a reservation out of its shared budget": (
        "UPDATE transactions_reservation SET shared_budgets = '{}' "
        "WHERE transaction_id = %s",
        "open",
        {SHARED_BUDGET},
    ),
    "a refund lost": (
        "DELETE FROM transactions_refund WHERE transaction_id = %s",
        "captured",
        {CHILDREN},
    ),
    "a late capture raised": (
        "UPDATE transactions_latecapture SET amount_minor = 1 "
        "WHERE transaction_id = %s",
        "late",
        {CHILDREN},
    ),
    "a reversal lost": (
        "DELETE FROM transactions_latecapturereversal v USING transactions_latecapture "
        "c WHERE c.id = v.late_capture_id AND c.transaction_id = %s",
        "wrong",
        {CHILDREN},
    ),
    "a reversal's entry lost": (
        "DELETE FROM transactions_ledgerentry WHERE transaction_id = %s "
        "AND kind = 'reversal'",
        "wrong",
        {RESERVATION, BALANCES, EVENTS},
    ),
    "a reversal untold": (
        "DELETE FROM audit_auditevent WHERE target_id = %s "
        "AND action = 'transaction.late_capture_reversed'",
        "wrong",
        {EVENTS},
    ),
    "what is above forgotten": (
        "UPDATE transactions_budget SET late_above_minor = late_above_minor + 1 "
        "WHERE scope = 'shared' AND %s <> ''",
        "late",
        {SHARED_BUDGET},
    ),
    "an agent's budget raised": (
        "UPDATE transactions_budget b SET reserved_minor = reserved_minor + 1 "
        "FROM transactions_transaction t WHERE t.id = %s AND b.holder = t.agent_id",
        "open",
        {AGENT_BUDGET},
    ),
    "a count in a budget raised": (
        "UPDATE transactions_budget b SET count = count + 1 "
        "FROM transactions_transaction t WHERE t.id = %s AND b.holder = t.agent_id",
        "open",
        {AGENT_BUDGET},
    ),
    "a shared budget raised": (
        "UPDATE transactions_budget SET posted_minor = posted_minor + 1 "
        "WHERE scope = 'shared' AND %s <> ''",
        "open",
        {SHARED_BUDGET},
    ),
    "a status ahead of its money": (
        "UPDATE transactions_transaction SET status = 'captured' WHERE id = %s",
        "open",
        {STATUS},
    ),
    "a status behind its money": (
        "UPDATE transactions_transaction SET status = 'authorized' WHERE id = %s",
        "voided",
        {STATUS, EVENTS},
    ),
    "a denial undone": (
        "UPDATE transactions_transaction SET status = 'authorized' WHERE id = %s",
        "declined",
        {STATUS},
    ),
    "an approval past the approvers": (
        "UPDATE transactions_transaction SET status = 'authorized' WHERE id = %s",
        "waiting",
        {APPROVAL},
    ),
    "an approval that waits for nothing": (
        "UPDATE transactions_approvalrequest SET status = 'waiting', resolved_at = NULL"
        " WHERE transaction_id = %s",
        "denied",
        {APPROVAL, WAITING, EVENTS},
    ),
    "an answer to nothing": (
        "UPDATE transactions_idempotencyrecord SET "
        "response = replace(response, %s, 'txn_none')",
        "open",
        {ANSWER},
    ),
    "a decision untold": (
        "DELETE FROM audit_auditevent WHERE target_id = %s "
        "AND action = 'transaction.decided'",
        "declined",
        {EVENTS},
    ),
    "a void untold": (
        "DELETE FROM audit_auditevent WHERE target_id = %s "
        "AND action = 'transaction.voided'",
        "voided",
        {EVENTS},
    ),
    "an approval told twice": (
        "UPDATE audit_auditevent SET action = 'approval.approved' WHERE target_id = %s",
        "approval",
        {EVENTS},
    ),
}


def test_each_damage_is_found_and_named_and_no_other(as_owner, people, lived):
    make_agent(people.bob, acting=people.alice, name="bystander")
    found, ids = {}, lived[1]
    for name, (sql, about, _) in DAMAGES.items():
        with transaction.atomic():
            damage(sql, ids[about])
            found[name] = list(money_faults())
            transaction.set_rollback(True)

    rules = {name: {fault.rule for fault in each} for name, each in found.items()}
    assert rules == {name: rules for name, (_, _, rules) in DAMAGES.items()}
    for name, (_, about, broken) in DAMAGES.items():
        if broken & {RESERVATION, ASTRAY, CHILDREN, STATUS, APPROVAL}:
            assert ids[about] in {fault.id for fault in found[name]}, name

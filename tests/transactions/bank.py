"""Many workers that move money at random at the same time, and the answers to each."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.db import OperationalError, connection, connections
from django.db.models import F

from accounts.models import User
from agents.models import Agent
from audit.base.errors import DomainError
from tests.factories import SEED_POLICY, make_agent
from tests.people import People, make_person
from tests.spending import approve, deny, principal_of, spend
from tests.transactions.moving import OPERATIONS
from transactions.approvals.models import ApprovalRequest
from transactions.budgets.models import Budget, LedgerEntry, SharedBudget
from transactions.budgets.services.shared_budgets import (
    SharedBudgetTerms,
    set_shared_budget,
)
from transactions.decisions.models import IdempotencyRecord
from transactions.money.queries import money_faults
from transactions.spending.models import Transaction

POLICY = {
    **SEED_POLICY,
    "allowed_merchants": None,
    "requires_approval_above": "90.00",
    "limits": [
        {"period": "all_time", "amount": "1200.00"},
        {"period": "day", "window": "rolling", "amount": "1100.00", "count": 60},
        {"period": "month", "per": "merchant", "amount": "700.00"},
    ],
}


@dataclass
class Bank:
    """Agents of two teams under shared budgets; histories grow with each answer."""

    agents: list[Agent]
    approvers: list[User]
    told: list[tuple[str, str, str, str, Any]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)


def open_bank(people: People) -> Bank:
    for team, limit in ((people.north, 2000_00), (None, 3000_00)):
        terms = SharedBudgetTerms(
            team_id=team.pk if team else None,
            currency="USD",
            period="all_time",
            limit_minor=limit,
        )
        set_shared_budget(terms, acting=people.alice)
    owners = [people.carol, people.bob, people.eve, people.dave]
    return Bank(
        agents=[
            make_agent(owners[n % 4], acting=people.alice, name=f"{n}", policy=POLICY)
            for n in range(6)
        ],
        approvers=[make_person(name, User.Role.ADMIN) for name in ("frank", "grace")],
    )


def work(bank: Bank, worker: int, rounds: int) -> None:
    """Do so many operations; each that was acknowledged is sent again, sometimes."""
    dice = random.Random(worker)
    try:
        for number in range(rounds):
            _wait_for_connection()
            _step(bank, dice, f"{worker}-{number}")
            connections.close_all()
    except BaseException as failure:  # noqa: BLE001 - the test reports it.
        bank.failures.append(failure)
    finally:
        connections.close_all()


def _wait_for_connection() -> None:
    """Wait in line, because there are more workers than the pool has connections."""
    while True:
        try:
            return connection.ensure_connection()
        except OperationalError as error:
            if "couldn't get a connection" not in str(error):
                raise


def _step(bank: Bank, dice: random.Random, key: str) -> None:
    operation = dice.choice(["ask"] * 4 + ["capture", "void", "increment", "decide"])
    try:
        if operation == "ask":
            _ask(bank, dice, key)
        elif operation == "decide":
            _decide(bank, dice)
        else:
            _move(bank, dice, operation, key)
    except DomainError as refusal:
        bank.refused.append((key, refusal.code))


def _ask(bank: Bank, dice: random.Random, key: str) -> None:
    agent = dice.choice(bank.agents)
    amount, shop = f"{dice.randint(1, 120)}.{dice.randint(10, 99)}", dice.randint(0, 4)

    def send():
        return spend(agent, amount, merchant=f"Shop {shop}", key=key)

    _acknowledge(bank, dice, "ask", agent, key, send)


def _move(bank: Bank, dice: random.Random, operation: str, key: str) -> None:
    agent = dice.choice(bank.agents)
    rows = Transaction.objects.filter(agent=agent).order_by("-created_at")
    found = rows.values_list("pk", flat=True)[:12]
    if not found:
        return
    values: dict[str, dict[str, Any]] = {
        "capture": {"amount": dice.choice([None, "3.00"]), "is_final": False},
        "increment": {"amount": f"{dice.randint(1, 9)}.00"},
    }
    asked = dice.choice(found)

    def send():
        return OPERATIONS[operation](
            asked,
            acting=principal_of(agent),
            idempotency_key=key,
            **values.get(operation, {}),
        )

    _acknowledge(bank, dice, operation, agent, key, send)


def _acknowledge(bank, dice, operation, agent, key, send) -> None:
    answer = send()
    bank.told.append((operation, agent.pk, key, answer.body["id"], answer.body))
    if dice.random() < 0.3:
        again = send()
        assert again.is_replay
        assert again.body == answer.body


def _decide(bank: Bank, dice: random.Random) -> None:
    waiting = ApprovalRequest.objects.filter(status="waiting").order_by("?").first()
    if waiting is not None:
        act = dice.choice([approve, approve, deny])
        done = act(waiting, dice.choice(bank.approvers))
        bank.told.append((act.__name__, "", "", done.pk, done.status))


def run(bank: Bank, *, workers: int, rounds: int) -> None:
    with ThreadPoolExecutor(workers) as threads:
        for worker in range(workers):
            threads.submit(work, bank, worker, rounds)


def assert_sound(bank: Bank) -> None:
    """All adds up; each acknowledged step is there once, and none that was refused."""
    assert bank.failures == []
    assert list(money_faults()) == []
    asked = [(key, pk) for kind, _, key, pk, _ in bank.told if kind == "ask"]
    assert sorted(Transaction.objects.values_list("pk", flat=True)) == sorted(
        pk for _, pk in asked
    )
    keys = Counter(IdempotencyRecord.objects.values_list("key", flat=True))
    assert keys == Counter(key for _, _, key, _, _ in bank.told if key)
    assert not keys.keys() & {key for key, _ in bank.refused}
    moved = ("capture", "increment")
    entries = Counter(
        LedgerEntry.objects.filter(kind__in=moved).values_list("kind", "transaction_id")
    )
    assert entries == Counter(
        (kind, pk) for kind, _, _, pk, _ in bank.told if kind in moved
    )
    words = [
        (pk, what) for kind, _, _, pk, what in bank.told if kind in ("approve", "deny")
    ]
    assert sorted(words) == sorted(
        ApprovalRequest.objects.exclude(status="waiting").values_list("pk", "status")
    )
    assert_never_overspent(bank)


def assert_never_overspent(bank: Bank) -> None:
    """Replay the ledger in the order of its locks: no limit was ever passed.

    Entries of one agent are numbered while its row is held, those under one shared
    budget while that is: the order of ids is the order of commits for each of them.
    """
    assert not Budget.objects.filter(
        limit_minor__lt=F("reserved_minor") + F("posted_minor") + F("late_minor")
    ).exists()
    limits = dict(SharedBudget.objects.values_list("pk", "limit_minor"))
    limits |= {agent.pk: 1100_00 for agent in bank.agents}
    spent: Counter[str] = Counter()
    signs = {"reserve": 1, "increment": 1, "release": -1}
    rows = LedgerEntry.objects.order_by("id").values_list(
        "kind", "amount_minor", "agent_id", "transaction__reservation__shared_budgets"
    )
    for kind, amount_minor, agent_id, shared in rows:
        for holder in (agent_id, *shared):
            spent[holder] += signs.get(kind, 0) * amount_minor
            assert 0 <= spent[holder] <= limits[holder]
    held = Budget.objects.filter(holder__in=limits, scope__in=("shared", "agent"))
    for budget in held.filter(window="calendar_all_time"):
        held_minor = budget.reserved_minor + budget.posted_minor
        assert held_minor == spent[budget.holder]

"""The same Idempotency-Key: the same answer, once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.base import purging
from platform_site.schedule import SCHEDULE
from tests.factories import make_agent
from tests.spending import everything, spend
from transactions import tasks
from transactions.decisions.models import IdempotencyRecord
from transactions.decisions.services.retention import retire_idempotency_records
from transactions.errors import IdempotencyConflict
from transactions.spending.models import Transaction


@pytest.mark.parametrize("amount", ["49.99", "750.00", "1000.01"])
def test_j2_the_same_key_and_body_get_the_same_answer_and_no_new_rows(agent, amount):
    first = spend(agent, amount, key="k", description="ж", metadata={"b": "1", "a": ""})
    before = everything()

    again = spend(agent, amount, key="k", description="ж", metadata={"b": "1", "a": ""})

    assert again.is_replay is True
    assert again.status_code == first.status_code
    # Byte for byte, the order of the keys included.
    assert json.dumps(again.body) == json.dumps(first.body)
    assert everything() == before


@pytest.mark.parametrize(
    "other",
    [
        {"amount": "49.98"},
        {"merchant": "Walmart"},
        {"category": "groceries"},
        {"currency": "USD"},
        {"description": "Paper"},
        {"metadata": {"a": "1"}},
    ],
)
def test_j2_the_same_key_with_another_body_is_refused_and_changes_nothing(agent, other):
    spend(agent, key="k")
    before = everything()

    with pytest.raises(IdempotencyConflict):
        spend(agent, key="k", **other)

    assert everything() == before


def test_j2_another_agents_key_is_another_key(agent, people):
    second = make_agent(people.carol, acting=people.alice, name="second")

    one, two = spend(agent, key="k"), spend(second, key="k")

    assert (one.is_replay, two.is_replay) == (False, False)
    assert one.body["id"] != two.body["id"]
    assert Transaction.objects.count() == IdempotencyRecord.objects.count() == 2


def test_another_key_is_another_request(agent):
    assert spend(agent, key="a").body["id"] != spend(agent, key="A").body["id"]


def test_p6_a_repeat_is_answered_whatever_became_of_the_policy(agent, give_policy):
    first = spend(agent, key="k")
    give_policy(
        agent,
        currency="JPY",  # In which 49.99 is no amount at all.
        max_transaction_amount="1",
        requires_approval_above=None,
        allowed_merchants=[],
    )

    assert spend(agent, key="k").body == first.body


def test_p6_a_repeat_is_answered_although_the_agent_was_stopped_since(agent):
    first = spend(agent, key="k")
    agent.is_active = False
    agent.save(update_fields=["is_active"])

    assert spend(agent, key="k").body == first.body
    assert spend(agent).body["outcome"] == "deny"


def test_answers_are_kept_for_thirty_days_and_then_forgotten_in_batches(
    committed_db, agent, monkeypatch
):
    monkeypatch.setattr(purging, "BATCH", 2)
    now, month = timezone.now(), timedelta(days=30)
    for n in range(5):
        spend(agent, key=f"old-{n}")
    IdempotencyRecord.objects.update(created_at=now - month - timedelta(seconds=1))
    kept = spend(agent, key="kept")
    IdempotencyRecord.objects.filter(key="kept").update(created_at=now - month)
    spend(agent, key="new")
    before = everything()

    assert retire_idempotency_records(now=now) == 5

    after = everything()
    assert len(after.pop("IdempotencyRecord")) == 2
    del before["IdempotencyRecord"]
    assert after == before
    assert retire_idempotency_records(now=now) == 0
    assert spend(agent, key="kept").body == kept.body
    assert spend(agent, key="old-0").is_replay is False
    assert Transaction.objects.count() == 8


def test_a_clock_that_is_ahead_for_a_while_lets_no_retry_spend_twice(agent):
    first = spend(agent, key="k")

    later = timezone.now() + timedelta(days=400)
    assert retire_idempotency_records(now=later) == 0

    assert spend(agent, key="k").body == first.body
    assert Transaction.objects.count() == 1


def test_the_schedule_forgets_old_answers_every_hour():
    name = SCHEDULE["idempotency-retirement"]["task"]

    assert name == tasks.retire_idempotency_records.name

"""A locked or deactivated agent takes no more money, and may still give back."""

from __future__ import annotations

import pytest
from django.utils import timezone

from agents.models import Agent
from audit.models import AuditEvent
from security.locks.models import ResourceLock
from tests.spending import principal_of
from tests.transactions.moving import act, money, status
from transactions import errors
from transactions.money.services.captures import capture, increment


def test_a_suspended_agent_sets_no_more_aside(limited, asked):
    principal = principal_of(limited)
    Agent.objects.filter(pk=limited.pk).update(is_active=False)

    with pytest.raises(errors.IncrementRefused) as refused:
        increment(asked, amount="1.00", acting=principal, idempotency_key="k")

    assert [r["code"] for r in refused.value.reasons] == ["agent_inactive"]
    assert money(asked) == [100, 0, 0, 0, 0]


@pytest.mark.parametrize("kind", ["agent", "user", "merchant", "everything"])
def test_what_was_locked_since_takes_no_money_until_it_is_unlocked(
    limited, asked, kind
):
    targets = {"agent": limited.pk, "user": limited.owner_id, "merchant": "amazon"}
    lock = ResourceLock.objects.create(
        kind=kind, target_id=targets.get(kind, ""), locked_by="x"
    )

    with pytest.raises(errors.StillRefused) as refused:
        act(limited, "capture", asked, key="one", amount="60.00")

    assert [r["code"] for r in refused.value.reasons] == ["resource_locked"]
    assert (status(asked), money(asked)) == ("authorized", [100, 0, 0, 0, 0])
    event = AuditEvent.objects.get(action="transaction.capture_refused")
    assert event.details["amount"] == "60.00"
    assert event.details["reasons"] == ["resource_locked"]

    lock.released_at = timezone.now()
    lock.save(update_fields=["released_at"])
    act(limited, "capture", asked, key="one", amount="60.00")
    assert money(asked) == [100, 60, 0, 0, 0]


def test_what_is_locked_may_still_give_back(limited, asked):
    act(limited, "capture", asked, amount="60.00")
    ResourceLock.objects.create(kind="agent", target_id=limited.pk, locked_by="x")

    act(limited, "refund", asked, amount="10.00")
    act(limited, "void", asked)

    assert (status(asked), money(asked)) == ("voided", [100, 60, 40, 0, 10])


def test_j11_an_agent_stopped_after_it_signed_in_takes_no_money(limited, asked):
    principal = principal_of(limited)
    Agent.objects.filter(pk=limited.pk).update(is_active=False)

    with pytest.raises(errors.StillRefused) as refused:
        capture(
            asked, amount=None, is_final=False, acting=principal, idempotency_key="k"
        )

    assert [r["code"] for r in refused.value.reasons] == ["agent_inactive"]
    assert money(asked) == [100, 0, 0, 0, 0]

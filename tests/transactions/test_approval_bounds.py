"""Who may not approve, and that an approval is of exactly the row that was held."""

from __future__ import annotations

import pytest
from django.db import connection

from agents.models import AgentCredential
from security.locks.models import ResourceLock
from tests.factories import make_credential
from tests.spending import approve, deny, everything, held, seen_by
from transactions.approvals.models import ApprovalRequest
from transactions.errors import ApprovalChanged, NotAllowedToApprove
from transactions.risk.models import AgentActivity


@pytest.mark.parametrize("act", [approve, deny])
def test_who_issued_the_credential_that_asked_cannot_decide(agent, people, act):
    """A manager with a credential of carol's agent could ask, then approve."""
    make_credential(agent, acting=people.bob)
    approval = held(agent)
    assert approval.transaction.credential.created_by == people.bob
    before = everything()

    with pytest.raises(NotAllowedToApprove):
        act(approval, people.bob)

    assert everything() == before


def test_who_issued_another_credential_of_the_agent_may_decide(agent, people):
    approval = held(agent)
    make_credential(agent, acting=people.bob)

    assert approval.transaction.credential.created_by == people.alice
    assert approve(approval, people.bob).status == "approved"


@pytest.mark.parametrize("act", [approve, deny])
def test_m4_a_locked_person_decides_nothing(agent, bob, act):
    approval = held(agent)
    digest = seen_by(bob, approval)
    ResourceLock.objects.create(kind="user", target_id=bob.pk, reason="x")
    before = everything()

    with pytest.raises(NotAllowedToApprove):
        act(approval, bob, digest=digest)

    assert everything() == before


@pytest.mark.usefixtures("as_owner")
@pytest.mark.parametrize(
    "change",
    [
        "amount_minor = 99999",
        "merchant = 'Walmart', merchant_key = 'walmart'",
        "description = 'Something else'",
        "currency = 'EUR'",
    ],
)
@pytest.mark.parametrize("act", [approve, deny])
def test_k5_a_row_that_says_something_else_than_was_held_is_refused(
    agent, bob, act, change
):
    approval = held(agent)
    digest = seen_by(bob, approval)
    rewrite(change)
    before = everything()

    with pytest.raises(ApprovalChanged):
        act(approval, bob, digest=digest)

    assert everything() == before


def rewrite(change):
    """Change a transaction as only somebody above the triggers can."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE transactions_transaction DISABLE TRIGGER USER")
        cursor.execute(f"UPDATE transactions_transaction SET {change}")  # noqa: S608
        cursor.execute("ALTER TABLE transactions_transaction ENABLE TRIGGER USER")


@pytest.mark.parametrize("act", [approve, deny])
def test_a_reason_is_masked_in_its_own_column_too(agent, bob, act):
    approval = held(agent)

    act(approval, bob, reason="Card 4111 1111 1111 1111, password=hunter2")

    stored = ApprovalRequest.objects.get().reason
    assert stored == "Card ****1111, password=****"


def test_a_reason_that_masking_makes_longer_still_fits(agent, bob):
    approval = held(agent)

    approve(approval, bob, reason="cvv=1 " * 83)

    assert len(ApprovalRequest.objects.get().reason) == 500
    assert AgentActivity.objects.get().waiting_approvals == 0
    assert AgentCredential.objects.count() == 1

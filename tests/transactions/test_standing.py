"""An agent without standing is refused by the decision, not only by authentication."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from agents.models import AgentCredential
from tests.factories import make_function
from tests.spending import (
    approve,
    call,
    credential_of,
    everything,
    held,
    principal_of,
    set_aside_minor,
    spend,
)
from transactions.errors import StillRefused
from transactions.spending.models import Transaction


def deactivate_owner(agent):
    User.objects.filter(pk=agent.owner_id).update(is_active=False)


def revoke(agent):
    AgentCredential.objects.filter(agent=agent).update(revoked_at=timezone.now())


def expire(agent):
    past = timezone.now() - timedelta(seconds=1)
    AgentCredential.objects.filter(agent=agent).update(expires_at=past)


LOSSES = pytest.mark.parametrize(
    ("lose", "code"),
    [
        (deactivate_owner, "owner_inactive"),
        (revoke, "credential_revoked"),
        (expire, "credential_revoked"),
    ],
)


def codes(body):
    return [reason["code"] for reason in body["reasons"]]


@LOSSES
def test_a_request_authenticated_before_the_loss_is_denied(
    agent, lose, code, monkeypatch
):
    principal = principal_of(agent)
    monkeypatch.setattr("tests.spending.principal_of", lambda _agent: principal)
    assert spend(agent).body["outcome"] == "allow"
    lose(agent)

    body = spend(agent, "51.00").body

    assert (body["outcome"], codes(body)) == ("deny", [code])
    assert set_aside_minor() == 49_99


@LOSSES
def test_a_function_call_authenticated_before_the_loss_is_denied(
    agent, alice, give_policy, lose, code
):
    make_function(acting=alice)
    give_policy(agent, allowed_functions=["transfer"])
    principal, parameters = principal_of(agent), {"iban": "DE00", "amount": 1}
    before = call(agent, parameters=parameters, acting=principal)
    assert before.body["outcome"] == "allow"
    lose(agent)

    body = call(agent, parameters=parameters, acting=principal).body

    assert (body["outcome"], codes(body)) == ("deny", [code])


def test_what_was_held_is_not_authorized_once_the_owner_is_deactivated(agent, bob):
    approval = held(agent)
    deactivate_owner(agent)
    before = everything()

    with pytest.raises(StillRefused) as refusal:
        approve(approval, bob)

    assert [reason["code"] for reason in refusal.value.reasons] == ["owner_inactive"]
    after = everything()
    del before["AuditEvent"], after["AuditEvent"]
    assert after == before
    assert Transaction.objects.get().status == "pending_approval"


def test_a_hold_outlives_the_credential_that_asked_for_a_human_decides(agent, bob):
    """Credentials rotate; a human decides about who answers for the agent."""
    approval = held(agent)
    AgentCredential.objects.filter(pk=credential_of(agent).pk).update(
        revoked_at=timezone.now()
    )

    assert approve(approval, bob).status == "approved"

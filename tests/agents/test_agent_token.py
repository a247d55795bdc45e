from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import TestCase
from django.utils import timezone

from accounts.tokens import AgentAccess, decode
from agents.errors import CredentialRefused
from agents.models import Agent, AgentCredential
from agents.services.credentials import IssuedCredential, exchange_credential
from audit.models import AuditEvent

URL = "/api/v1/auth/agent-token/"


def given(credential: IssuedCredential, **changes: str) -> dict[str, str]:
    return {
        "client_id": credential.id,
        "client_secret": credential.client_secret,
    } | changes


def test_a_credential_is_exchanged_for_a_token(
    api: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    answer = api().post(URL, given(credential))

    assert answer.status_code == 200, answer.content
    assert set(answer.json()) == {"access", "expires_in"}
    assert answer.json()["expires_in"] == 3600
    token = decode(answer.json()["access"], AgentAccess)
    assert (token.subject, token.session) == (shopping.pk, credential.id)
    assert AgentCredential.objects.get().last_used_at is not None
    event = AuditEvent.objects.get(action="agent.token_issued")
    assert (event.actor_kind, event.actor_id) == ("agent", shopping.pk)
    assert event.owner_id == shopping.owner_id
    assert event.details == {"credential": credential.id}


def revoke(credential: AgentCredential) -> None:
    credential.revoked_at = timezone.now()
    credential.save(update_fields=["revoked_at"])


def expire(credential: AgentCredential) -> None:
    credential.expires_at = timezone.now() - timedelta(seconds=1)
    credential.save(update_fields=["expires_at"])


def deactivate_agent(credential: AgentCredential) -> None:
    credential.agent.is_active = False
    credential.agent.save(update_fields=["is_active"])


def deactivate_owner(credential: AgentCredential) -> None:
    credential.agent.owner.is_active = False
    credential.agent.owner.save(update_fields=["is_active"])


ENDINGS = {
    "revoked": revoke,
    "expired": expire,
    "agent_inactive": deactivate_agent,
    "owner_inactive": deactivate_owner,
}


@pytest.mark.parametrize("reason", ENDINGS)
def test_a8_a_dead_credential_gets_no_token(
    api: Any, credential: IssuedCredential, reason: str
) -> None:
    ENDINGS[reason](AgentCredential.objects.get())

    answer = api().post(URL, given(credential))

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_client")
    event = AuditEvent.objects.get(action="agent.token_refused")
    assert event.details["reason"] == reason
    assert event.outcome == "refused"
    assert not AuditEvent.objects.filter(action="agent.token_issued").exists()
    assert AgentCredential.objects.get().last_used_at is None


@pytest.mark.parametrize(
    ("secret", "status", "code"),
    [
        ("wrong", 401, "invalid_client"),
        ("ü" * 43, 401, "invalid_client"),
        (" ", 401, "invalid_client"),
        ("", 400, "invalid_request"),
    ],
)
def test_a_wrong_secret_gets_no_token(
    api: Any, credential: IssuedCredential, secret: str, status: int, code: str
) -> None:
    answer = api().post(URL, given(credential, client_secret=secret))

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert AgentCredential.objects.get().last_used_at is None


def test_a7_nobody_learns_what_was_wrong(
    api: Any, credential: IssuedCredential
) -> None:
    unknown = given(credential, client_id="crd_00000000000000000000000000")
    wrong = given(credential, client_secret="x" * 43)
    answers = [api().post(URL, body).json() for body in (unknown, wrong)]
    revoke(AgentCredential.objects.get())
    answers.append(api().post(URL, given(credential)).json())

    for answer in answers:
        answer.pop("request_id")
    assert answers[0] == answers[1] == answers[2]


def test_a7_every_refusal_is_the_same_work(credential: IssuedCredential) -> None:
    for client_id in (credential.id, "crd_00000000000000000000000000"):
        # Savepoint, look, event, release.
        with TestCase().assertNumQueries(4), pytest.raises(CredentialRefused):
            exchange_credential(client_id, "x" * 43)


def test_one_refusal_is_one_event(api: Any, credential: IssuedCredential) -> None:
    before = AuditEvent.objects.count()

    api().post(URL, given(credential, client_secret="x"))

    assert AuditEvent.objects.count() == before + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "\x00"},
        {"client_id": "x" * 129},
        {"client_secret": "x" * 129},
        {"scope": "admin"},
    ],
)
def test_a_malformed_request_is_refused(
    api: Any, credential: IssuedCredential, changes: dict[str, str]
) -> None:
    assert api().post(URL, given(credential, **changes)).status_code == 400


def test_get_is_refused(api: Any, credential: IssuedCredential) -> None:
    assert api().get(URL).status_code == 405


def test_a_secret_sent_as_the_client_id_is_not_written_down(
    api: Any, credential: IssuedCredential
) -> None:
    swapped = {"client_id": credential.client_secret, "client_secret": credential.id}

    assert api().post(URL, swapped).status_code == 401

    event = AuditEvent.objects.get(action="agent.token_refused")
    assert event.details == {"reason": "unknown_client", "client_id": ""}
    assert credential.client_secret not in str(list(AuditEvent.objects.values()))

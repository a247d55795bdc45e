from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents.errors import CredentialExpiryRefused
from agents.models import Agent, AgentCredential
from agents.services.agents import create_agent
from agents.services.credentials import (
    IssuedCredential,
    issue_credential,
    revoke_credential,
)
from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent


def url(agent: Agent, credential_id: str = "") -> str:
    end = f"{credential_id}/" if credential_id else ""
    return f"/api/v1/agents/{agent.pk}/credentials/{end}"


def test_a_manager_issues_a_credential_for_90_days(
    client_for: Any, bob: Any, shopping: Agent
) -> None:
    before = timezone.now()

    answer = client_for(bob).post(url(shopping), {})

    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert set(body) == {
        "id",
        "client_id",
        "client_secret",
        "signing_secret",
        "signature_algorithm",
        "expires_at",
    }
    assert body["signature_algorithm"] == "hmac-sha256"
    assert body["id"] == body["client_id"]
    assert len(body["client_secret"]) == len(body["signing_secret"]) == 43
    lasts = datetime.fromisoformat(body["expires_at"]).astimezone(UTC) - before
    assert timedelta(days=90) <= lasts < timedelta(days=90, minutes=1)


def test_g9_a_secret_is_shown_once_and_stored_hashed(
    client_for: Any, bob: Any, shopping: Agent
) -> None:
    client = client_for(bob)
    issued = client.post(url(shopping), {}).json()

    row = AgentCredential.objects.get(pk=issued["id"])
    assert (
        row.secret_hash == hashlib.sha256(issued["client_secret"].encode()).hexdigest()
    )
    shown_later = client.get(url(shopping)).content.decode()
    stored = _raw_row(issued["id"])
    events = str(list(AuditEvent.objects.values()))
    assert issued["id"] in shown_later
    assert issued["id"] in stored
    assert issued["id"] in events
    for secret in (issued["client_secret"], issued["signing_secret"]):
        assert secret not in shown_later
        assert secret not in stored
        assert secret not in events
    assert row.signing_secret == issued["signing_secret"]


def test_secrets_are_in_no_repr(credential: IssuedCredential) -> None:
    assert credential.client_secret not in repr(credential)
    assert credential.signing_secret not in repr(credential)


def test_credentials_are_listed_without_secrets(
    client_for: Any, bob: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    answer = client_for(bob).get(url(shopping))

    assert [set(item) for item in answer.json()["data"]] == [
        {
            "id",
            "client_id",
            "signature_algorithm",
            "public_key",
            "replaces",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        }
    ]


def test_revoking_is_audited_and_once(
    client_for: Any, bob: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    client = client_for(bob)

    first = client.delete(url(shopping, credential.id))
    at = AgentCredential.objects.get().revoked_at
    second = client.delete(url(shopping, credential.id))

    assert (first.status_code, second.status_code) == (204, 204)
    assert at is not None
    assert AgentCredential.objects.get().revoked_at == at
    event = AuditEvent.objects.get(action="credential.revoked")
    assert event.details == {"agent": shopping.pk, "reason": "by_api"}
    assert event.owner_id == shopping.owner_id


@pytest.mark.parametrize("days", [0, -1, 366, 10**20])
def test_a_credential_ends_within_a_year(
    client_for: Any, bob: Any, shopping: Agent, days: int
) -> None:
    answer = client_for(bob).post(url(shopping), {"expires_in_days": days})

    assert answer.status_code == 400
    with pytest.raises(CredentialExpiryRefused):
        issue_credential(shopping.pk, expires_in_days=days, acting=bob)
    assert not AgentCredential.objects.exists()


def test_an_owner_issues_and_revokes_none(
    client_for: Any, carol: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    client = client_for(carol)

    assert client.post(url(shopping), {}).status_code == 403
    assert client.delete(url(shopping, credential.id)).status_code == 403
    with pytest.raises(NotPermitted):
        issue_credential(shopping.pk, acting=carol)
    assert AgentCredential.objects.get().revoked_at is None


def test_c2_a_foreign_manager_finds_none(
    client_for: Any, eve: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    client = client_for(eve)

    assert client.get(url(shopping)).status_code == 404
    assert client.post(url(shopping), {}).status_code == 404
    assert client.delete(url(shopping, credential.id)).status_code == 404
    assert AgentCredential.objects.get().revoked_at is None


def test_c3_a_credential_is_found_under_its_own_agent_only(
    bob: Any, carol: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    other = create_agent("other", owner_id=carol.pk, acting=bob)

    with pytest.raises(NotFound):
        revoke_credential(other.pk, credential.id, acting=bob)

    assert AgentCredential.objects.get().revoked_at is None


@pytest.mark.parametrize("field", ["client_secret", "secret_hash", "expires_at"])
def test_c4_nobody_chooses_a_secret(
    client_for: Any, bob: Any, shopping: Agent, field: str
) -> None:
    assert client_for(bob).post(url(shopping), {field: "x"}).status_code == 400
    assert not AgentCredential.objects.exists()


def _raw_row(credential_id: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(c)::text, encode(signing_secret, 'escape')"
            " FROM agents_agentcredential c WHERE id = %s",
            [credential_id],
        )
        return str(cursor.fetchone())


def test_a_credential_knows_who_issued_it(shopping: Agent, bob: Any) -> None:
    issued = issue_credential(shopping.pk, acting=bob)

    assert AgentCredential.objects.get(pk=issued.id).created_by_id == bob.pk

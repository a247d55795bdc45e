"""Credentials with keys of the agent's own, and their successors."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.errors import CredentialEnded
from agents.models import Agent, AgentCredential
from agents.services.agents import create_agent
from agents.services.credentials import (
    IssuedCredential,
    exchange_credential,
    issue_credential,
    revoke_credential,
    rotate_credential,
)
from audit.base.core.readers import rfc3339
from audit.models import AuditEvent
from security.errors import StepUpRequired
from tests.security.keys import OwnKey


def url(agent: Agent, credential_id: str = "") -> str:
    end = f"{credential_id}/rotate/" if credential_id else ""
    return f"/api/v1/agents/{agent.pk}/credentials/{end}"


def token_of(issued: dict[str, Any]) -> Any:
    return exchange_credential(issued["client_id"], issued["client_secret"])


def status_with(api: Any, access: str) -> Any:
    """Return what the API answers to a token of an agent: 200, or 401 if it is dead."""
    return api(token=access).get("/api/v1/transactions/").status_code


def test_a_public_key_stands_in_for_the_signing_secret(
    client_for: Any, bob: Any, shopping: Agent
) -> None:
    own = OwnKey()

    issued = client_for(bob).post(url(shopping), {"public_key": own.public_text})

    assert issued.status_code == 201
    body = issued.json()
    assert (body["signing_secret"], body["signature_algorithm"]) == ("", "ed25519")
    row = AgentCredential.objects.get()
    assert (row.signing_secret, row.public_key) == ("", own.public_text)
    [listed] = client_for(bob).get(url(shopping)).json()["data"]
    assert (listed["signature_algorithm"], listed["public_key"]) == (
        "ed25519",
        own.public_text,
    )


@pytest.mark.parametrize(
    "public_key",
    [
        "x",
        "é" * 44,
        b64encode(bytes(32)).decode(),
        b64encode(bytes([1, *bytes(31)])).decode(),
        b64encode(b"x" * 31).decode(),
        OwnKey(b"k" * 32).public_text[:-4],
        "-----BEGIN PUBLIC KEY-----",
        "A" * 65,
    ],
)
def test_a_public_key_that_is_none_is_refused(
    client_for: Any, bob: Any, shopping: Agent, public_key: str
) -> None:
    answer = client_for(bob).post(url(shopping), {"public_key": public_key})

    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/public_key"]
    assert not AgentCredential.objects.exists()


def test_a_successor_overlaps_for_a_day(
    client_for: Any, bob: Any, shopping: Agent, api: Any
) -> None:
    client = client_for(bob)
    old = client.post(url(shopping), {}).json()
    old_token = token_of(old).access

    answer = client.post(url(shopping, old["id"]), {})

    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    new = answer.json()
    assert new["id"] != old["id"]
    assert new["client_secret"] != old["client_secret"]
    assert status_with(api, old_token) == 200
    assert status_with(api, token_of(old).access) == 200
    assert status_with(api, token_of(new).access) == 200
    row = AgentCredential.objects.get(pk=old["id"])
    left = row.expires_at - timezone.now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    assert AgentCredential.objects.get(pk=new["id"]).replaces_id == old["id"]
    event = AuditEvent.objects.get(action="credential.rotated")
    assert event.target_id == old["id"]
    assert event.details == {
        "agent": shopping.pk,
        "successor": new["id"],
        "expires_at": rfc3339(row.expires_at),
    }


def test_after_the_overlap_the_old_one_is_dead_and_its_tokens_with_it(
    client_for: Any, bob: Any, shopping: Agent, api: Any
) -> None:
    client = client_for(bob)
    old = client.post(url(shopping), {}).json()
    old_token = token_of(old).access

    new = client.post(url(shopping, old["id"]), {"overlap_hours": 0}).json()

    assert status_with(api, old_token) == 401
    body = {"client_id": old["id"], "client_secret": old["client_secret"]}
    assert client.post("/api/v1/auth/agent-token/", body).status_code == 401
    assert status_with(api, token_of(new).access) == 200


def test_the_overlap_never_makes_a_credential_last_longer(
    bob: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    soon = timezone.now() + timedelta(hours=1)
    AgentCredential.objects.update(expires_at=soon)

    rotate_credential(shopping.pk, credential.id, overlap_hours=168, acting=bob)

    assert AgentCredential.objects.get(pk=credential.id).expires_at == soon


@pytest.mark.parametrize("state", ["revoked", "expired", "rotated"])
def test_what_has_ended_is_not_rotated(
    client_for: Any, bob: Any, shopping: Agent, credential: IssuedCredential, state: str
) -> None:
    if state == "revoked":
        revoke_credential(shopping.pk, credential.id, acting=bob)
    elif state == "expired":
        AgentCredential.objects.update(expires_at=timezone.now())
    else:
        rotate_credential(shopping.pk, credential.id, acting=bob)
    before = list(AgentCredential.objects.values())

    answer = client_for(bob).post(url(shopping, credential.id), {})

    assert (answer.status_code, answer.json()["code"]) == (409, "credential_ended")
    with pytest.raises(CredentialEnded):
        rotate_credential(shopping.pk, credential.id, acting=bob)
    assert list(AgentCredential.objects.values()) == before


@pytest.mark.parametrize("hours", [-1, 169, 10**20])
def test_an_overlap_is_a_week_at_most(
    client_for: Any, bob: Any, shopping: Agent, credential: IssuedCredential, hours: int
) -> None:
    body = {"overlap_hours": hours}

    answer = client_for(bob).post(url(shopping, credential.id), body)

    assert answer.status_code == 400
    assert AgentCredential.objects.count() == 1


def test_an_own_key_gives_way_to_a_new_own_key_only(
    client_for: Any, bob: Any, shopping: Agent
) -> None:
    client, first, second = client_for(bob), OwnKey(), OwnKey()
    old = client.post(url(shopping), {"public_key": first.public_text}).json()

    for body in ({}, {"public_key": first.public_text}):
        answer = client.post(url(shopping, old["id"]), body)
        assert (answer.status_code, answer.json()["code"]) == (
            400,
            "public_key_refused",
        )
    assert AgentCredential.objects.count() == 1

    new = client.post(url(shopping, old["id"]), {"public_key": second.public_text})
    assert new.json()["signature_algorithm"] == "ed25519"


def test_a_shared_secret_gives_way_to_an_own_key(
    bob: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    key = OwnKey().public_text

    new = rotate_credential(shopping.pk, credential.id, public_key=key, acting=bob)

    assert (new.signature_algorithm, new.signing_secret) == ("ed25519", "")


def test_keys_take_a_fresh_proof_and_revoking_none(
    bob: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    bob.authenticated_at = timezone.now() - timedelta(minutes=6)

    with pytest.raises(StepUpRequired):
        issue_credential(shopping.pk, acting=bob)
    with pytest.raises(StepUpRequired):
        rotate_credential(shopping.pk, credential.id, acting=bob)
    assert AgentCredential.objects.count() == 1

    revoke_credential(shopping.pk, credential.id, acting=bob)
    assert AgentCredential.objects.get().revoked_at is not None


def test_c2_another_managers_credential_is_not_found(
    client_for: Any, eve: Any, carol: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    assert client_for(eve).post(url(shopping, credential.id), {}).status_code == 404
    assert client_for(carol).post(url(shopping, credential.id), {}).status_code == 403
    assert AgentCredential.objects.count() == 1


def test_c3_a_credential_is_rotated_under_its_own_agent_only(
    client_for: Any, bob: Any, carol: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    other = create_agent("other", owner_id=carol.pk, acting=bob)

    assert client_for(bob).post(url(other, credential.id), {}).status_code == 404
    assert AgentCredential.objects.count() == 1

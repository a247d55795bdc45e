from __future__ import annotations

import secrets
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import TestCase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.tokens import AgentAccess, PersonAccess
from agents.models import Agent, AgentCredential
from agents.permissions import IsAgent
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from agents.principals import AgentPrincipal
from agents.services.agents import create_agent, update_agent
from agents.services.credentials import (
    IssuedCredential,
    issue_credential,
    revoke_credential,
)
from audit.base import context
from audit.base.context import Principal
from audit.models import AuditEvent
from security.incidents.services import detect_incidents
from security.signing.core.keys import HmacKey
from security.signing.core.signatures import RequestParts, sign
from tests.factories import SEED_POLICY

PATH = "/api/v1/somewhere/"


class WhoView(APIView):
    """Any endpoint that is for agents."""

    permission_classes = [IsAgent]

    def post(self, request: Request) -> Response:
        return Response({"who": request.user, "data": request.data})


def ask(token: str | None, **headers: str) -> Response:
    if token is not None:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    request = APIRequestFactory().post(
        PATH, b'{"a": 1}', content_type="application/json", **headers
    )
    with context.acting_as(context.Anonymous()):
        return WhoView.as_view()(request)


def signed(key_id: str, secret: str, body: bytes = b'{"a": 1}') -> dict[str, str]:
    made = sign(
        RequestParts("POST", PATH, "", body),
        key=HmacKey(secret),
        key_id=key_id,
        created=int(time.time()),
        nonce=secrets.token_urlsafe(16),
    )
    return {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in made.items()
    }


def test_a_token_makes_the_agent_the_caller(
    carol: Any, shopping: Agent, credential: IssuedCredential, agent_token: str
) -> None:
    answer = ask(agent_token)

    assert answer.status_code == 200
    caller: Principal = answer.data["who"]
    assert isinstance(caller, AgentPrincipal)
    assert (caller.kind, caller.principal_id) == ("agent", shopping.pk)
    assert (caller.owner_id, caller.label) == (carol.pk, "shopping")
    assert caller.mode == "live"
    assert not caller.is_human
    assert not caller.has_perm("audit.view_auditevent")


def test_authentication_is_one_query(agent_token: str) -> None:
    with TestCase().assertNumQueries(1):
        assert ask(agent_token).status_code == 200


def test_b13_a_revoked_credential_is_refused_at_once(
    bob: Any, shopping: Agent, agent_token: str
) -> None:
    credential = AgentCredential.objects.get()
    assert ask(agent_token).status_code == 200

    revoke_credential(shopping.pk, credential.pk, acting=bob)

    assert ask(agent_token).status_code == 401


@pytest.mark.parametrize("what", ["agent", "owner", "credential"])
def test_a8_a_token_of_the_inactive_is_refused(
    bob: Any, carol: Any, shopping: Agent, agent_token: str, what: str
) -> None:
    assert ask(agent_token).status_code == 200

    if what == "agent":
        update_agent(shopping.pk, is_active=False, acting=bob)
    elif what == "owner":
        carol.is_active = False
        carol.save(update_fields=["is_active"])
    else:
        AgentCredential.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert ask(agent_token).status_code == 401


def test_a_credential_answers_for_its_own_agent_only(
    bob: Any, carol: Any, credential: IssuedCredential
) -> None:
    other = create_agent("other", owner_id=carol.pk, acting=bob)
    agent_id = AgentCredential.objects.get().agent_id
    own = AgentAccess.issue(subject=agent_id, session=credential.id)

    stolen = AgentAccess.issue(subject=other.pk, session=credential.id)

    assert ask(own).status_code == 200
    assert ask(stolen).status_code == 401


def test_b7_a_persons_token_is_no_agents(
    shopping: Agent, credential: IssuedCredential
) -> None:
    own = AgentAccess.issue(subject=shopping.pk, session=credential.id)

    crossed = PersonAccess.issue(subject=shopping.pk, session=credential.id)

    assert ask(own).status_code == 200
    assert ask(crossed).status_code == 401


def test_c11_a_person_is_refused_at_an_agents_endpoint(
    client_for: Any, alice: Any
) -> None:
    header = client_for(alice)._credentials["HTTP_AUTHORIZATION"]

    answer = ask(header.removeprefix("Bearer "))

    assert answer.status_code == 403


def test_c11_an_agent_is_refused_at_a_persons_endpoints(
    api: Any, shopping: Agent, agent_token: str
) -> None:
    client = api(token=agent_token)

    for method, path in [
        ("get", "me/"),
        ("get", "agents/"),
        ("post", "agents/"),
        ("get", f"agents/{shopping.pk}/"),
        ("patch", f"agents/{shopping.pk}/"),
        ("get", f"agents/{shopping.pk}/policy/"),
        ("put", f"agents/{shopping.pk}/policy/"),
        ("get", f"agents/{shopping.pk}/policy/versions/"),
        ("get", f"agents/{shopping.pk}/credentials/"),
        ("post", f"agents/{shopping.pk}/credentials/"),
        ("delete", f"agents/{shopping.pk}/credentials/crd_1/"),
        ("post", f"agents/{shopping.pk}/lock/"),
        ("post", f"agents/{shopping.pk}/unlock/"),
        ("get", "functions/"),
        ("post", "functions/"),
        ("get", "functions/transfer/"),
        ("patch", "functions/transfer/"),
        ("post", "functions/transfer/versions/"),
    ]:
        answer = getattr(client, method)(f"/api/v1/{path}")
        assert answer.status_code == 403, (method, path)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.", "\x00"])
def test_nonsense_is_refused(db: Any, token: str) -> None:
    assert ask(token).status_code == 401


def test_without_a_token_nobody_is_let_in(db: Any) -> None:
    assert ask(None).status_code == 401


def require_signature(agent: Agent, acting: Any) -> None:
    terms = parse_terms({**SEED_POLICY, "requires_signature": True})
    set_policy(agent.pk, terms, acting=acting)


def test_a_signed_request_is_taken_where_signatures_are_required(
    bob: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    require_signature(shopping, bob)
    token = AgentAccess.issue(subject=shopping.pk, session=credential.id)

    answer = ask(token, **signed(credential.id, credential.signing_secret))

    assert answer.status_code == 200, answer.data
    assert answer.data["data"] == {"a": 1}


def test_a_policy_can_refuse_what_is_not_signed(
    bob: Any, shopping: Agent, agent_token: str
) -> None:
    require_signature(shopping, bob)

    answer = ask(agent_token)

    assert (answer.status_code, answer.data["code"]) == (401, "signature_required")


def test_f4_a_signature_by_another_key_is_refused(
    bob: Any, shopping: Agent, credential: IssuedCredential
) -> None:
    token = AgentAccess.issue(subject=shopping.pk, session=credential.id)
    other = issue_credential(shopping.pk, acting=bob)

    with_other_id = ask(token, **signed(other.id, other.signing_secret))
    with_other_secret = ask(token, **signed(credential.id, other.signing_secret))

    for answer in (with_other_id, with_other_secret):
        assert (answer.status_code, answer.data["code"]) == (401, "signature_refused")
    refusals = AuditEvent.objects.filter(action="signature.refused").order_by("id")
    assert [event.details["code"] for event in refusals] == [
        "key_mismatch",
        "signature_mismatch",
    ]
    assert {event.actor_id for event in refusals} == {shopping.pk}


def test_f1_a_wrong_signature_is_refused_where_none_is_needed(
    shopping: Agent, credential: IssuedCredential
) -> None:
    token = AgentAccess.issue(subject=shopping.pk, session=credential.id)

    answer = ask(token, **signed(credential.id, credential.signing_secret, b'{"a": 2}'))

    assert (answer.status_code, answer.data["code"]) == (401, "signature_refused")
    refusal = AuditEvent.objects.get(action="signature.refused")
    assert refusal.details["code"] == "digest_mismatch"


def test_f2_a_signature_is_good_once(
    shopping: Agent, credential: IssuedCredential
) -> None:
    token = AgentAccess.issue(subject=shopping.pk, session=credential.id)
    headers = signed(credential.id, credential.signing_secret)

    assert ask(token, **headers).status_code == 200
    again = ask(token, **headers)
    assert (again.status_code, again.data["code"]) == (401, "signature_refused")
    refusal = AuditEvent.objects.get(action="signature.refused")
    assert refusal.details["code"] == "nonce_reused"


def test_a_client_that_signs_in_the_form_of_before_is_refused_and_not_locked(
    shopping: Agent, credential: IssuedCredential
) -> None:
    """Its mistake is reported each time; an administrator need not release it."""
    token = AgentAccess.issue(subject=shopping.pk, session=credential.id)

    for number in range(12):
        headers = signed(credential.id, credential.signing_secret)
        refused = ask(token, **headers, HTTP_IDEMPOTENCY_KEY=f"order-{number}")
        assert (refused.status_code, refused.data["code"]) == (401, "signature_refused")

    refusals = AuditEvent.objects.filter(action="signature.refused")
    assert {(event.actor_id, event.details["code"]) for event in refusals} == {
        (shopping.pk, "components_incomplete")
    }
    assert refusals.count() > 5
    assert detect_incidents(now=timezone.now()) == []
    good = signed(credential.id, credential.signing_secret)
    assert ask(token, **good).status_code == 200


def test_an_agent_that_a_policy_now_wants_to_sign_is_refused_and_not_locked(
    bob: Any, shopping: Agent, agent_token: str
) -> None:
    require_signature(shopping, bob)

    for _ in range(6):
        assert ask(agent_token).data["code"] == "signature_required"

    told = AuditEvent.objects.filter(details__code="signature_required")
    assert told.count() == 6
    assert detect_incidents(now=timezone.now()) == []

"""A foreign client signs, as docs/signed-requests.md shows, over real sockets."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

import pytest
import requests
from http_message_signatures.algorithms import ED25519, HMAC_SHA256

from agents.models import Agent
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from agents.services.credentials import exchange_credential, issue_credential
from tests.factories import SEED_POLICY, make_agent
from tests.house.source import ROOT
from tests.people import People
from tests.security.keys import OwnKey
from transactions.calls.models import FunctionCall
from transactions.spending.models import Transaction

CODE = re.search(
    r"```python\n(.*?)```", (ROOT / "docs" / "signed-requests.md").read_text(), re.S
)
BODY = {"amount": "49.99", "merchant": "Amazon", "category": "electronics"}
both = pytest.mark.parametrize("algorithm", [HMAC_SHA256, ED25519])


class Signer:
    """An agent whose policy takes signed requests only, and what the document says."""

    def __init__(self, server: str, people: People, algorithm: Any) -> None:
        self.agent: Agent = make_agent(people.carol, acting=people.bob)
        terms = parse_terms({**SEED_POLICY, "requires_signature": True})
        set_policy(self.agent.pk, terms, acting=people.bob)
        self.algorithm = algorithm
        own = OwnKey()
        issued = issue_credential(
            self.agent.pk,
            public_key=own.public_text if algorithm is ED25519 else "",
            acting=people.bob,
        )
        self.client_id = issued.id
        self.key: Any = own.private
        if algorithm is HMAC_SHA256:
            self.key = issued.signing_secret.encode()
        token = exchange_credential(issued.id, issued.client_secret)
        self.headers = {"Authorization": f"Bearer {token.access}"}
        self.url = f"{server}/api/v1/transactions/"
        assert CODE is not None
        self.document: dict[str, Any] = {}
        exec(CODE[1], self.document)  # noqa: S102 - our own document.

    def request(self, method: str = "POST", **changes: Any) -> requests.Request:
        headers = {**self.headers, "Idempotency-Key": "one"}
        if method == "POST":
            changes = {"json": BODY, **changes}
        return requests.Request(method, self.url, headers=headers, **changes)

    def send(self, request: requests.Request, **changes: Any) -> requests.Response:
        options = {"key": self.key, "algorithm": self.algorithm, **changes}
        answer = self.document["send"](request, client_id=self.client_id, **options)
        assert isinstance(answer, requests.Response)
        return answer


@pytest.fixture
def signer(server: str, people: People, algorithm: Any) -> Signer:
    return Signer(server, people, algorithm)


@both
def test_f13_what_a_foreign_client_signs_is_taken(signer: Signer):
    answer = signer.send(signer.request())

    assert (answer.status_code, answer.json()["outcome"]) == (201, "allow")
    assert Transaction.objects.get().agent_id == signer.agent.pk


@both
def test_a_get_with_a_query_is_signed_alike(signer: Signer):
    answer = signer.send(signer.request("GET", params={"status": "authorized"}))

    assert (answer.status_code, answer.json()["data"]) == (200, [])


@both
def test_f1_what_was_changed_on_the_way_is_refused(signer: Signer):
    class Meddling(requests.Session):
        def send(self, request: Any, **options: Any) -> requests.Response:
            request.body = request.body.replace(b"49.99", b"59.99")
            return super().send(request, **options)

    signer.document["requests"] = type("module", (), {"Session": Meddling})
    answer = signer.send(signer.request())

    assert (answer.status_code, answer.json()["code"]) == (401, "signature_refused")
    assert not Transaction.objects.exists()


@both
def test_f14_another_idempotency_key_makes_no_second_transaction(signer: Signer):
    class Swapping(requests.Session):
        def send(self, request: Any, **options: Any) -> requests.Response:
            request.headers["Idempotency-Key"] = "two"
            return super().send(request, **options)

    session = requests.Session
    signer.document["requests"] = type("module", (), {"Session": Swapping})
    swapped = signer.send(signer.request())
    assert (swapped.status_code, swapped.json()["code"]) == (401, "signature_refused")
    assert not Transaction.objects.exists()

    signer.document["requests"] = type("module", (), {"Session": session})
    again = signer.send(signer.request())
    assert (again.status_code, Transaction.objects.count()) == (201, 1)


@both
def test_f14_another_idempotency_key_makes_no_second_function_call(signer: Signer):
    class Swapping(requests.Session):
        def send(self, request: Any, **options: Any) -> requests.Response:
            request.headers["Idempotency-Key"] = "two"
            return super().send(request, **options)

    body = {"function": "look_up", "parameters": {}}
    signer.url = signer.url.replace("transactions", "function-calls")
    session = requests.Session
    signer.document["requests"] = type("module", (), {"Session": Swapping})
    swapped = signer.send(signer.request(json=body))
    assert (swapped.status_code, swapped.json()["code"]) == (401, "signature_refused")
    assert not FunctionCall.objects.exists()

    signer.document["requests"] = type("module", (), {"Session": session})
    answers = [signer.send(signer.request(json=body)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [
        None,
        "true",
    ]
    assert FunctionCall.objects.count() == 1


@both
def test_f4_another_key_is_refused(signer: Signer):
    other = OwnKey().private if signer.algorithm is ED25519 else b"another secret"

    answer = signer.send(signer.request(), key=other)

    assert (answer.status_code, answer.json()["code"]) == (401, "signature_refused")
    assert not Transaction.objects.exists()


@pytest.mark.parametrize("algorithm", [ED25519])
def test_f4_the_public_key_is_no_shared_secret(signer: Signer, people: People):
    """The confusion of algorithms that JWT libraries are known for."""
    public = signer.key.public_key().public_bytes_raw()

    for secret in (public, b64encode(public)):
        answer = signer.send(signer.request(), key=secret, algorithm=HMAC_SHA256)
        assert (answer.status_code, answer.json()["code"]) == (401, "signature_refused")

    assert not Transaction.objects.exists()


@both
def test_what_is_not_signed_is_refused(signer: Signer):
    with requests.Session() as session:
        answer = session.send(signer.request().prepare(), timeout=30)

    assert (answer.status_code, answer.json()["code"]) == (401, "signature_required")
    assert not Transaction.objects.exists()

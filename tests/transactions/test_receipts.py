"""Signed receipts: readers, content, and that an outsider can check them."""

from __future__ import annotations

import json

import pytest
from django.db import connection, transaction

from audit.models import AuditEvent, AuditLeaf
from tests.audit.logs import seal
from tests.factories import make_agent, make_agent_token
from tests.flows.requests import problem
from tests.spending import approve, held, spend
from tests.transactions.test_replays import decision_of, forge
from transactions.approvals.models import ApprovalRequest
from transactions.evidence.keys import signing_key
from transactions.spending.models import Transaction

URL = "/api/v1/transactions/"
OTHER_SEED = "b3RoZXItcmVjZWlwdC1zaWduaW5nLWtleS0wMTIzNDU="

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.mark.parametrize("amount", ["49.99", "750.00", "1000.01"])
def test_a_receipt_tells_the_decision_and_its_place_in_the_log(
    agent, receipt_for, amount
):
    body = spend(agent, amount, merchant="Amazon").body
    decision = decision_of(body)
    seal()
    event = AuditEvent.objects.get(action="transaction.decided", target_id=body["id"])

    answer = receipt_for(body)

    assert answer.status_code == 200
    signed = answer.json()
    assert signed["receipt"] == {
        "version": 1,
        "issuer": "local/audit",
        "transaction": body["id"],
        "agent": agent.pk,
        "outcome": body["outcome"],
        "amount": amount,
        "currency": "USD",
        "merchant": "Amazon",
        "category": "electronics",
        "reasons": [reason["code"] for reason in body["reasons"]],
        "policy_version": 1,
        "decision": {"id": decision.pk, "digest": decision.digest},
        "decided_at": body["created_at"],
        "event": {
            "id": event.pk,
            "action": "transaction.decided",
            "leaf_hash": bytes(AuditLeaf.objects.get(event_id=event.pk).hash).hex(),
        },
    }
    assert signed["algorithm"] == "Ed25519"
    assert signed["key_id"] == signing_key().public.key_id
    assert set(signed) == {"receipt", "signature", "algorithm", "key_id"}


def test_it_is_the_same_each_time_whatever_became_of_the_transaction(
    agent, people, receipt_for
):
    approval = held(agent)
    body = {"id": approval.transaction_id}
    first = receipt_for(body).content

    approve(ApprovalRequest.objects.get(), people.bob)

    assert Transaction.objects.get().status == "authorized"
    assert receipt_for(body).content == first
    assert json.loads(first)["receipt"]["outcome"] == "hold"


def test_c2_the_agent_that_asked_and_people_in_scope_get_it(
    agent, people, client_for, api
):
    path = f"{URL}{spend(agent).body['id']}/receipt/"
    other = make_agent(people.carol, acting=people.alice, name="other")
    mine, others = (make_agent_token(it, acting=people.alice) for it in (agent, other))

    answers = {api(token=mine).get(path).content}
    answers |= {
        client_for(person).get(path).content
        for person in (people.alice, people.bob, people.carol)
    }

    assert len(answers) == 1
    for stranger in (
        client_for(people.dave),
        client_for(people.eve),
        api(token=others),
    ):
        problem(stranger.get(path), 404, "not_found")
    assert api().get(path).status_code == 401
    problem(api(token=mine).get(f"{path}?x=1"), 400, "invalid_request")


def test_a_decision_without_a_policy_has_one_too(people, receipt_for):
    agent = make_agent(people.carol, acting=people.alice, policy=None)
    body = spend(agent, currency="USD").body

    receipt = receipt_for(body).json()["receipt"]

    assert (receipt["policy_version"], receipt["reasons"]) == (None, ["no_policy"])


@pytest.mark.parametrize(
    "forgery", [{"outcome": "allow"}, {"digest": "0" * 64}, {"risk_bp": 1}]
)
def test_j16_what_was_forged_is_never_signed(agent, as_owner, receipt_for, forgery):
    body = spend(agent, "1000.01").body
    forge(decision_of(body), **forgery)

    problem(receipt_for(body), 409, "record_damaged")


def test_what_the_log_tells_nothing_of_has_none(agent, as_owner, receipt_for):
    older, retired = spend(agent).body, spend(agent).body
    forge(decision_of(older), digest="", engine_version=None)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER USER")
        AuditEvent.objects.filter(target_id=retired["id"]).delete()
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER USER")

    problem(receipt_for(older), 409, "no_receipt")
    problem(receipt_for(retired), 409, "no_receipt")

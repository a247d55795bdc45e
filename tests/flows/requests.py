"""Requests that the flows make, and how they read the answers."""

from __future__ import annotations

from agents.models import PolicyVersion
from platform_site.error_codes import error_details
from tests.factories import SEED_POLICY
from tests.spending import everything

URL = "/api/v1/transactions/"
# The specification's own request.
SEED = {"amount": 49.99, "merchant": "Amazon", "category": "electronics"}

# More than the owner of a live agent sets alone.
LOOSER = {**SEED_POLICY, "max_transaction_amount": "5000.00"}

_keys = iter(range(10**9))


def create(client, body=None, *, key=None, **changes):
    """POST the example request with changes, under a new key unless one is given."""
    return client.post(
        URL,
        SEED | changes if body is None else body,
        headers={"Idempotency-Key": key or f"flow-{next(_keys)}"},
    )


def post_raw(client, raw, content_type="application/json"):
    return client.post(
        URL,
        raw,
        content_type=content_type,
        headers={"Idempotency-Key": f"raw-{next(_keys)}"},
    )


def hold(client, amount="750.00"):
    response = create(client, amount=amount)
    assert response.json()["outcome"] == "hold", response.json()
    return response.json()["id"]


def etag(client, transaction_id) -> str:
    return client.get(f"{URL}{transaction_id}/")["ETag"]


def resolve(client, transaction_id, verb, reason="Because.", tag=None):
    headers = {"If-Match": tag or etag(client, transaction_id)}
    return client.post(
        f"{URL}{transaction_id}/{verb}/", {"reason": reason}, headers=headers
    )


def problem(response, status, code):
    """Assert that a response is that problem; return its list of errors."""
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/problem+json")
    body = response.json()
    assert (body["status"], body["code"]) == (status, code), body
    assert code in error_details()
    assert body["request_id"] == response["X-Request-ID"]
    return {(error["pointer"], error["code"]) for error in body.get("errors", [])}


def app_rows():
    """All rows but the log's, which may record refusals."""
    rows = everything()
    del rows["AuditEvent"]
    return rows


def ask_for_policy(client, agent, terms=LOOSER):
    answer = client.put(f"/api/v1/agents/{agent.pk}/policy/", terms)
    assert answer.status_code == 202, answer.content
    return answer


def numbers(agent):
    versions = PolicyVersion.objects.filter(agent=agent).order_by("number")
    return list(versions.values_list("number", flat=True))

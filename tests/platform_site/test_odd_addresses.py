"""NUL and impossible instants in an address are the caller's mistake, not ours."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from django.test import Client

from tests.browsing import sign_in

API = "/api/v1"
LATE, EARLY = quote("9999-12-31T23:59:59-23:00"), quote("0001-01-01T00:00:00+23:00")


def cursor(position: str) -> str:
    return quote(base64.b64encode(f"p={quote(position)}".encode()).decode())


IN_THE_API = [
    *(
        f"{API}/{path}/"
        for path in (
            "transactions/%00",
            "agents/%00",
            "agents/a%00b/policy",
            "agents/%00/credentials/%00",
            "functions/%00",
            "audit/events/%00",
            "auth/sessions/%00",
            "security/incidents/%00",
            "approvals/%00",
            "%00",
        )
    ),
    f"{API}/transactions/?agent=%00",
    f"{API}/transactions/?agent=a\x00b",
    f"{API}/audit/events/?target=%00",
    *(f"{API}/transactions/?created_after={at}" for at in (LATE, EARLY)),
    *(f"{API}/transactions/?created_before={at}" for at in (LATE, EARLY)),
    *(f"{API}/audit/events/?occurred_after={at}" for at in (LATE, EARLY)),
    f"{API}/audit/events/?cursor={cursor('9999-12-31T23:59:59-23:00')}",
]
ON_PAGES = [
    "/approvals/%00/",
    "/transactions/%00/",
    "/agents/%00/",
    "/transactions/?before=%00",
    "/transactions/?agent=%00",
    "/errors/%00/",
    "/static/%00",
    "/admin/accounts/user/%00/change/",
    "/admin/security/resourcelock/%00/change/",
    "/admin/audit/auditevent/?target_id=%00",
    "/admin/audit/auditevent/?q=%00",
    f"/admin/audit/auditevent/?occurred_at__gte={LATE}",
    f"/admin/transactions/transaction/?created_at__gte={EARLY}",
]


@pytest.mark.usefixtures("spacious_limits")
@pytest.mark.parametrize("address", IN_THE_API)
def test_an_impossible_address_of_the_api_is_answered_as_a_problem(
    client_for, alice, address: str
):
    answer = client_for(alice).get(address)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    is_nul = "%00" in address or "\x00" in address
    code = "bad_request" if is_nul else "invalid_request"
    assert (answer.json()["status"], answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("address", ON_PAGES)
def test_an_impossible_address_of_a_page_is_refused(alice, address: str):
    client = Client(raise_request_exception=False)
    sign_in(client, alice)

    answer = client.get(address)

    assert answer.status_code == 400


def test_an_encoded_percent_sign_is_no_nul(alice):
    client = Client()
    sign_in(client, alice)

    assert client.get("/admin/audit/auditevent/?q=%2500").status_code == 200

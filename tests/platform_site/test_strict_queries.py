"""Nothing in an address is taken without a word, nor left out without one."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from platform_site.middleware import PAGE_PARAMETERS
from tests.browsing import sign_in


@pytest.fixture
def client(alice) -> Client:
    client = Client()
    sign_in(client, alice)
    return client


@pytest.mark.parametrize(
    "address",
    [
        "/transactions/?outcome=allow&outcome=deny",
        "/approvals/?page=1&page=2",
        "/admin/accounts/user/?role__exact=admin&role__exact=user",
        "/accounts/login/?next=/a/&next=/b/",
        "/transactions/?q=1",
        "/approvals/?q=1",
        "/dashboard/?page=1",
        "/?utm_source=x",
        "/livez?x",
        "/errors/not_found/?x=1",
        "/accounts/login/?q=1",
        "/admin/agents/agent/add/?name=x",
        "/admin/agents/agentcredential/?_facets=1",
        "/admin/security/alert/?q=1",
        "/admin/accounts/user/?o=99",
        "/admin/accounts/user/?o=x",
        "/admin/accounts/user/?is_active__exact=7",
        "/admin/accounts/user/?e=1",
        "/admin/audit/auditevent/?within=year",
        "/admin/audit/auditevent/export/csv/?within=year",
    ],
)
def test_a_page_refuses_what_it_would_leave_out(client, address):
    answer = client.get(address)

    assert answer.status_code == 400
    assert answer.context["code"] == "parameter_refused"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("outcome=allow&outcome=deny", "parameter_refused"),
        ("limit=1&limit=2", "parameter_refused"),
        ("wait=1", "invalid_request"),
    ],
)
def test_the_api_refuses_what_it_would_leave_out(client_for, alice, query, code):
    answer = client_for(alice).get(f"/api/v1/transactions/?{query}")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == code


def test_the_page_of_the_api_refuses_it_too(client):
    answer = client.get("/api/docs/?x=1")

    assert (answer.status_code, answer.json()["code"]) == (400, "parameter_refused")


def test_a_page_takes_its_own_parameters(client):
    for address in (
        "/transactions/?outcome=allow&status=&agent=&before=",
        "/api/docs/?script=",
        "/approvals/?page=1",
        "/agents/?page=1",
        "/change-requests/?page=1",
    ):
        assert client.get(address).status_code == 200


def test_every_page_that_is_named_exists():
    assert all(reverse(name) for name in PAGE_PARAMETERS)

"""Times and numbers are read one way everywhere: RFC 3339 and ASCII digits."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.browsing import sign_in
from tests.factories import make_agent, make_agent_token
from tests.flows.requests import app_rows, create
from transactions.approvers.models import ApprovalDelegation

API = "/api/v1"
ARABIC_DATE = "٢٠٢٦-١١-٣٠T٠٨:١٥:٠٠Z"
LOOSE = [
    ARABIC_DATE,
    "2026-11-30",
    "2026-11-30T08:15:00",
    "20261130T081500Z",
    "2026-W48-1T08:15:00Z",
]
TIMED = [
    "transactions/?created_after=",
    "transactions/?created_before=",
    "audit/events/?occurred_after=",
    "audit/events/?occurred_before=",
]

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.fixture
def tester(people, api):
    """A client of a test agent, which may send a clock."""
    agent = make_agent(people.carol, acting=people.alice, mode="test", name="trial")
    return api(token=make_agent_token(agent, acting=people.alice))


def test_a_time_in_lower_case_is_the_time(tester):
    body = create(tester, occurred_at="2024-02-29t23:59:59.5z").json()

    assert body["occurred_at"] == "2024-02-29T23:59:59.500000Z"


@pytest.mark.parametrize("text", LOOSE)
def test_a_time_of_a_body_is_read_strictly(tester, text: str):
    before = app_rows()

    answer = create(tester, occurred_at=text)

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/occurred_at", "invalid")
    assert "2026-11-30T08:15:00Z" in error["detail"]
    assert app_rows() == before


@pytest.mark.parametrize("address", TIMED)
@pytest.mark.parametrize("text", LOOSE)
def test_a_time_of_a_query_is_read_strictly(client_for, alice, address, text):
    answer = client_for(alice).get(f"{API}/{address}{quote(text)}")

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["code"] == "invalid"


@pytest.mark.parametrize("address", TIMED)
def test_a_time_of_a_query_may_be_in_lower_case(client_for, alice, address):
    answer = client_for(alice).get(f"{API}/{address}2026-11-30t08:15:00z")

    assert answer.status_code == 200


@pytest.mark.parametrize("text", LOOSE)
def test_a_delegations_times_are_read_strictly(client_for, bob, eve, text):
    answer = client_for(bob).post(
        f"{API}/approval-delegations/",
        {"delegate": eve.pk, "ends_at": text, "reason": "Away."},
    )

    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/ends_at"]
    assert not ApprovalDelegation.objects.exists()


@pytest.mark.parametrize("number", ["٧", "+1", "1_0", "1.0", " 1"])
@pytest.mark.parametrize(
    "address",
    [
        "transactions/?limit=",
        "audit/proofs/consistency/?to=1&from=",
        "audit/proofs/consistency/?from=1&to=",
    ],
)
def test_a_number_of_a_query_is_ascii_digits(client_for, alice, address, number):
    answer = client_for(alice).get(f"{API}/{address}{quote(number)}")

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["code"] == "invalid"


def test_a_pages_times_and_numbers_are_ascii_digits(people, agent):
    browser = Client()
    sign_in(browser, people.bob)
    form = {"delegate": people.eve.pk, "reason": "Away.", "starts_at": ""}

    told = browser.post(
        "/approvals/delegations/", form | {"ends_at": "٢٠٢٦-١١-٣٠T٠٨:١٥"}
    )
    assert "Write a date and a time." in told.content.decode()
    assert not ApprovalDelegation.objects.exists()
    assert browser.get(f"/agents/?page={quote('١')}").status_code == 404


@pytest.mark.parametrize(
    "command",
    [
        ["replay_decisions", "--limit", "٧"],
        ["verify_audit", "--jobs", "٢"],
        ["verify_audit", "--jobs", "0"],
        ["retire_audit", "--before", "٢٠٢٥-٠١"],
        ["export_audit", "--occurred-after", ARABIC_DATE],
        ["export_audit", "--occurred-after", "2026-11-30"],
        ["up", "--port", "٨٠٠٠"],
        ["replay", "nothing.csv", "--limit", "٧"],
        ["replay", "nothing.csv", "--speed", "٧"],
    ],
)
def test_a_commands_times_and_numbers_are_ascii_digits(database, command):
    with pytest.raises(CommandError):
        call_command(*command)

"""Late captures and their reversals, through HTTP only."""

from __future__ import annotations

import pytest

from tests.flows.requests import URL, app_rows, create, problem
from tests.people import make_person

pytestmark = pytest.mark.usefixtures("spacious_limits")
CHANGES = "/api/v1/change-requests/"


@pytest.fixture
def path(shopper) -> str:
    """The address of a voided transaction of 100.00."""
    path = f"{URL}{create(shopper, amount='100.00').json()['id']}/"
    shopper.post(f"{path}void/", {}, headers={"Idempotency-Key": "void"})
    return path


@pytest.fixture
def second(people, client_for):
    return client_for(make_person("frank", role="manager", team=people.north))


def late(client, path, amount="100.00", reference="rail-1"):
    body = {"amount": amount, "reference": reference}
    return client.post(f"{path}late-capture/", body)


def reverse(client, path, **changes):
    body = {"reference": "rail-1", "reason": "Another shop's."} | changes
    return client.post(f"{path}late-capture/reverse/", body)


def agree(client, answer):
    return client.post(f"{CHANGES}{answer.json()['id']}/approve/", {"reason": ""})


def captured(client, path):
    body = client.get(path).json()
    return body["status"], body["captured_amount"]


def test_j17_more_than_was_authorized_waits_for_another_person(
    path, shopper, manager, second
):
    told = late(manager, path)
    asked = late(manager, path, "0.01", "rail-2")

    assert (told.status_code, told.json()["captured_amount"]) == (200, "100.00")
    body = asked.json()
    assert (asked.status_code, body["object"], body["kind"], body["status"]) == (
        202,
        "change_request",
        "late_capture",
        "waiting",
    )
    assert body["target"]["id"] == f"{told.json()['id']}/rail-2"
    assert body["changes"] == {"captured_late": [None, "0.01 USD"]}
    assert captured(shopper, path) == ("captured", "100.00")
    problem(agree(manager, asked), 403, "own_change")
    assert captured(shopper, path) == ("captured", "100.00")

    assert agree(second, asked).status_code == 200

    assert captured(shopper, path) == ("captured", "100.01")


def test_j17_a_wrong_report_is_reversed_once_another_person_agrees(
    path, shopper, manager, second
):
    late(manager, path)

    asked = reverse(manager, path)

    assert (asked.status_code, asked.json()["kind"]) == (202, "late_reversal")
    assert captured(shopper, path) == ("captured", "100.00")
    assert agree(second, asked).json()["status"] == "approved"
    assert captured(shopper, path) == ("captured", "0.00")
    again = reverse(manager, path)
    assert (again.status_code, again.json()["captured_amount"]) == (200, "0.00")
    problem(late(manager, path), 409, "report_changed")


@pytest.mark.parametrize(
    ("changes", "status", "code", "pointer"),
    [
        ({"reference": "rail-2"}, 400, "reference_unknown", "/reference"),
        ({"reference": "a b"}, 400, "invalid", "/reference"),
        ({"reason": ""}, 400, "blank", "/reason"),
        ({"reason": "x" * 501}, 400, "max_length", "/reason"),
        ({"amount": "1.00"}, 400, "unknown_field", "/amount"),
    ],
)
def test_a_bad_reversal_is_told_by_its_field(
    path, manager, changes, status, code, pointer
):
    late(manager, path)
    before = app_rows()

    response = reverse(manager, path, **changes)

    assert response.status_code == status, response.content
    errors = response.json()["errors"]
    assert [(e["pointer"], e["code"]) for e in errors] == [(pointer, code)]
    assert app_rows() == before


def test_j17_the_largest_amount_again_and_again_is_refused_with_its_field(
    path, manager, second
):
    assert agree(second, late(manager, path, "10000000000000.00")).status_code == 200
    before = app_rows()

    refused = [late(manager, path, amount, "b") for amount in ("0.01", "1" + "0" * 13)]

    for response in refused:
        assert problem(response, 400, "amount_too_large") == {
            ("/amount", "amount_too_large")
        }
    assert app_rows() == before


def test_j17_what_is_above_denies_no_other_agent_of_a_shared_budget(
    path, shopper, manager, second, alice, client_for, people
):
    admin = client_for(alice)
    budgets = "/api/v1/shared-budgets/"
    body = {"team": people.north.pk, "currency": "USD", "period": "day"}
    admin.post(budgets, body | {"limit": "200.00"})

    agree(second, late(manager, path, "5000.00"))

    [shown] = manager.get(budgets).json()["data"]
    assert {
        name: shown[name]
        for name in (
            "reserved",
            "posted",
            "captured_late",
            "captured_late_above",
            "available",
        )
    } == {
        "reserved": "0.00",
        "posted": "0.00",
        "captured_late": "5000.00",
        "captured_late_above": "4900.00",
        "available": "100.00",
    }

"""Capturing, voiding, raising, refunding and sharing budgets, through HTTP only."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from tests.flows.requests import URL, app_rows, create, hold, problem
from tests.people import make_person
from tests.spending import everything

pytestmark = pytest.mark.usefixtures("spacious_limits")

BUDGETS = "/api/v1/shared-budgets/"
_keys = iter(range(10**9))


def act(client, transaction_id, verb, body=None, *, key=None):
    return client.post(
        f"{URL}{transaction_id}/{verb}/",
        body or {},
        headers={"Idempotency-Key": key or f"money-{next(_keys)}"},
    )


@pytest.fixture
def authorized(shopper) -> str:
    return create(shopper, amount="100.00").json()["id"]


def test_the_life_of_money(shopper, authorized):
    answers = [
        act(shopper, authorized, "increment", {"amount": "20.00"}),
        act(shopper, authorized, "capture", {"amount": "50.00"}),
        act(shopper, authorized, "capture", {"amount": 60, "final": True}),
        act(shopper, authorized, "refund", {"amount": "10.00", "reason": "Broken"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 201]
    assert [
        (a.json()["status"], a.json()["reserved_amount"], a.json()["captured_amount"])
        for a in answers[:3]
    ] == [
        ("authorized", "120.00", "0.00"),
        ("partially_captured", "70.00", "50.00"),
        ("captured", "0.00", "110.00"),
    ]
    refund = answers[3].json()
    assert (refund["object"], refund["amount"]) == ("refund", "10.00")
    seen = shopper.get(f"{URL}{authorized}/").json()
    assert (seen["amount"], seen["refunded_amount"]) == ("100.00", "10.00")


def test_a_void_and_its_repeat(shopper, authorized):
    first = act(shopper, authorized, "void", key="once")
    again = act(shopper, authorized, "void", key="once")

    assert first.json()["status"] == "voided"
    assert again.json() == first.json()
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("verb", ["capture", "void", "refund", "increment"])
def test_money_moves_only_under_a_key(shopper, authorized, verb):
    before = app_rows()

    response = shopper.post(f"{URL}{authorized}/{verb}/", {"amount": "1.00"})

    assert problem(response, 400, "idempotency_key_required") == {
        ("/headers/Idempotency-Key", "idempotency_key_required")
    }
    assert app_rows() == before


@pytest.mark.parametrize(
    ("verb", "body", "status", "code", "pointer"),
    [
        ("capture", {"amount": "100.01"}, 409, "amount_above_rest", "/amount"),
        ("capture", {"amount": "1.001"}, 400, "amount_too_many_decimals", "/amount"),
        ("capture", {"amount": [1]}, 400, "amount_not_a_number", "/amount"),
        ("capture", {"amount": True}, 400, "amount_not_a_number", "/amount"),
        ("capture", {"final": "perhaps"}, 400, "invalid", "/final"),
        ("capture", {"sum": 1}, 400, "unknown_field", "/sum"),
        ("void", {"amount": "1.00"}, 400, "unknown_field", "/amount"),
        ("increment", {}, 400, "required", "/amount"),
        ("refund", {"reason": "x" * 501}, 400, "max_length", "/reason"),
    ],
)
def test_a_bad_body_is_told_by_its_field(
    shopper, authorized, verb, body, status, code, pointer
):
    before = app_rows()

    response = act(shopper, authorized, verb, body)

    assert response.status_code == status, response.content
    errors = response.json()["errors"]
    assert [(e["pointer"], e["code"]) for e in errors] == [(pointer, code)]
    assert app_rows() == before


def test_what_the_policy_does_not_allow_is_told_with_its_reasons(shopper, authorized):
    response = act(shopper, authorized, "increment", {"amount": "901.00"})

    assert response.status_code == 409
    body = response.json()
    assert body["code"] == "increment_refused"
    assert [error["code"] for error in body["errors"]] == ["amount_above_maximum"]


def test_states_are_kept(shopper, authorized):
    problem(act(shopper, authorized, "refund"), 409, "invalid_state")
    act(shopper, authorized, "void")
    problem(act(shopper, authorized, "capture"), 409, "invalid_state")


def test_a_refusal_names_the_state_and_what_would_work(shopper, authorized):
    waiting, denied = hold(shopper), create(shopper, amount=2000).json()["id"]

    def refused(transaction_id, verb):
        response = act(shopper, transaction_id, verb)
        problem(response, 409, "invalid_state")
        return response.json()["detail"]

    assert refused(waiting, "void") == (
        "The transaction is pending_approval: it waits for a human; cancel it instead."
    )
    assert refused(authorized, "cancel") == (
        "The transaction is authorized: capture or void it instead."
    )
    assert refused(denied, "refund") == (
        "The transaction is declined: nothing can follow; make a new request."
    )


@pytest.mark.parametrize("verb", ["void", "cancel"])
def test_giving_back_takes_no_fields(shopper, verb):
    transaction_id = hold(shopper) if verb == "cancel" else create(shopper).json()["id"]
    before = app_rows()

    response = act(shopper, transaction_id, verb, {"junk": 1})

    assert problem(response, 400, "invalid_request") == {("/junk", "unknown_field")}
    assert app_rows() == before
    assert act(shopper, transaction_id, verb).status_code == 200


def test_deriving_a_decision_anew_takes_no_fields(shopper, manager, authorized):
    response = manager.post(f"{URL}{authorized}/replay/", {"junk": 1})

    assert problem(response, 400, "invalid_request") == {("/junk", "unknown_field")}
    assert not AuditEvent.objects.filter(action="decision.replayed").exists()


def test_a_late_capture_is_reported_by_people(shopper, manager, authorized):
    act(shopper, authorized, "void")
    path, body = (
        f"{URL}{authorized}/late-capture/",
        {
            "amount": "100.00",
            "reference": "rail-1",
        },
    )

    refused = shopper.post(path, body)
    told = manager.post(path, body)
    changed = manager.post(path, body | {"amount": "2.00"})

    assert refused.status_code == 403
    assert (told.status_code, told.json()["status"]) == (200, "captured")
    assert told.json()["captured_amount"] == "100.00"
    assert problem(changed, 409, "report_changed") == {("/amount", "report_changed")}


def test_an_administrator_sets_what_a_team_may_spend(
    shopper, manager, alice, client_for, people
):
    admin = client_for(alice)
    body = {
        "team": people.north.pk,
        "currency": "USD",
        "period": "day",
        "limit": "60.00",
    }

    answer = admin.post(BUDGETS, body)
    create(shopper, amount="49.99")
    denied = create(shopper, amount="10.02").json()

    assert answer.status_code == 200
    assert (answer.json()["available"], answer.json()["time_zone"]) == ("60.00", "UTC")
    assert [reason["code"] for reason in denied["reasons"]] == [
        "shared_budget_exceeded"
    ]
    page = manager.get(BUDGETS).json()
    assert (page["next"], page["previous"]) == (None, None)
    assert page["data"] == [
        {
            "id": answer.json()["id"],
            "object": "shared_budget",
            "team": people.north.pk,
            "currency": "USD",
            "period": "day",
            "time_zone": "UTC",
            "active": True,
            "limit": "60.00",
            "reserved": "49.99",
            "posted": "0.00",
            "captured_late": "0.00",
            "captured_late_above": "0.00",
            "available": "10.01",
        }
    ]
    assert manager.post(BUDGETS, body).status_code == 403


def test_c15_a_looser_shared_budget_is_202_until_another_administrator_agrees(
    alice, people, client_for
):
    admin = client_for(alice)
    other = client_for(make_person("grace", "admin"))
    body = {"team": people.north.pk, "currency": "USD", "period": "day"}
    budget = admin.post(BUDGETS, body | {"limit": "60.00"}).json()

    answer = admin.post(BUDGETS, body | {"limit": "70.00"})

    asked = answer.json()
    assert answer.status_code == 202
    assert (asked["kind"], asked["status"]) == ("shared_budget", "waiting")
    assert asked["target"] == {"id": budget["id"], "label": "North, Day, USD"}
    assert asked["changes"] == {"limit": ["60.00 USD", "70.00 USD"]}
    assert [each["limit"] for each in admin.get(BUDGETS).json()["data"]] == ["60.00"]
    address = f"/api/v1/change-requests/{asked['id']}/approve/"
    problem(admin.post(address), 403, "own_change")
    assert other.post(address).json()["status"] == "approved"
    assert [each["limit"] for each in admin.get(BUDGETS).json()["data"]] == ["70.00"]


def test_shared_budgets_come_in_pages(alice, client_for):
    admin = client_for(alice)
    body = {"team": None, "currency": "USD", "limit": "60.00"}
    ids = [
        admin.post(BUDGETS, body | {"period": period}).json()["id"]
        for period in ("day", "week", "month")
    ]

    first = admin.get(BUDGETS, {"limit": 2}).json()
    second = admin.get(first["next"]).json()

    shown = [*first["data"], *second["data"]]
    assert [budget["id"] for budget in shown] == ids[::-1]
    assert second["next"] is None
    problem(admin.get(BUDGETS, {"colour": "red"}), 400, "invalid_request")


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"limit": "1.001"}, "/limit", "amount_too_many_decimals"),
        ({"limit": "-1"}, "/limit", "amount_not_positive"),
        ({"currency": "XXX"}, "/currency", "currency_unknown"),
        ({"period": "hour"}, "/period", "invalid_choice"),
        ({"time_zone": "Mars/Base"}, "/time_zone", "time_zone_unknown"),
        ({"colour": "red"}, "/colour", "unknown_field"),
        ({"team": "tea_foo"}, "/team", "team_unknown"),
    ],
)
def test_a_budget_that_cannot_be_is_told_by_its_field(
    alice, client_for, changes, pointer, code
):
    admin = client_for(alice)
    before = everything()["SharedBudget"]
    body = {"team": None, "currency": "USD", "period": "day", "limit": "1.00"}

    response = admin.post(BUDGETS, body | changes)

    assert response.status_code == 400, response.content
    errors = response.json()["errors"]
    assert [(e["pointer"], e["code"]) for e in errors] == [(pointer, code)]
    assert everything()["SharedBudget"] == before


def test_a_policy_with_limits_is_set_and_shown(manager, agent):
    path = f"/api/v1/agents/{agent.pk}/policy/"
    policy = manager.get(path).json()
    names = ("id", "object", "agent", "version", "created_by", "created_at")
    terms = {name: value for name, value in policy.items() if name not in names}
    limits = [{"period": "week", "per": "merchant", "count": 3}]

    answer = manager.put(path, terms | {"limits": limits, "time_zone": "Asia/Tokyo"})
    refused = manager.put(path, terms | {"limits": [{"period": "week"}]})

    assert answer.status_code == 200
    assert answer.json()["limits"] == [
        {
            "period": "week",
            "window": "calendar",
            "per": "merchant",
            "name": "",
            "amount": None,
            "count": 3,
        }
    ]
    assert manager.get(path).json()["time_zone"] == "Asia/Tokyo"
    assert problem(refused, 400, "invalid_request") == {
        ("/limits/0", "limit_of_nothing")
    }

"""Reading transactions by API: whose, which, and what is behind them."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta

import pytest
from django.db import connections

from tests.factories import make_agent, make_agent_token
from tests.flows.requests import URL, create, hold, problem, resolve
from transactions.approvals import api as views
from transactions.spending.api.views import readable_transaction

pytestmark = pytest.mark.usefixtures("spacious_limits")


def test_an_agent_reads_its_own_and_nobody_elses(shopper, people, api):
    mine = create(shopper).json()
    other = make_agent(people.carol, acting=people.alice, name="other")
    stranger = api(token=make_agent_token(other, acting=people.alice))

    assert shopper.get(f"{URL}{mine['id']}/").json() == mine
    assert shopper.get(URL).json()["data"] == [mine]
    assert stranger.get(URL).json()["data"] == []
    problem(stranger.get(f"{URL}{mine['id']}/"), 404, "not_found")
    problem(stranger.post(f"{URL}{mine['id']}/cancel/"), 404, "not_found")


def test_c2_people_read_what_is_in_their_scope(shopper, people, client_for):
    body = create(shopper).json()
    one = f"{URL}{body['id']}/"

    for person in (people.alice, people.bob, people.carol):
        client = client_for(person)
        assert client.get(one).json() == body
        assert [row["id"] for row in client.get(URL).json()["data"]] == [body["id"]]
        assert client.get(f"{one}decision/").status_code == 200
    for person in (people.dave, people.eve):
        client = client_for(person)
        problem(client.get(one), 404, "not_found")
        problem(client.get(f"{one}decision/"), 404, "not_found")
        assert client.get(URL).json() == {"data": [], "next": None, "previous": None}


def test_nobody_reads_without_a_token(api, shopper):
    one = f"{URL}{create(shopper).json()['id']}/"

    for path in (URL, one, f"{one}decision/"):
        assert api().get(path).status_code == 401
    assert create(api()).status_code == 401


def test_the_list_is_filtered_ordered_and_paged(shopper, agent, manager):
    allowed, held, denied = (
        create(shopper, amount=amount).json() for amount in (10, 600, 2000)
    )
    times = [datetime.fromisoformat(one["created_at"]) for one in (allowed, denied)]

    def listed(**query):
        response = manager.get(URL, query)
        assert response.status_code == 200, response.content
        return [row["id"] for row in response.json()["data"]]

    newest_first = [denied["id"], held["id"], allowed["id"]]
    assert listed() == newest_first
    assert listed(ordering="created_at") == newest_first[::-1]
    assert listed(status="pending_approval") == [held["id"]]
    assert listed(outcome="deny") == [denied["id"]]
    assert listed(agent=agent.pk) == newest_first
    assert listed(agent="agt_other") == []
    assert listed(created_after=times[0].isoformat()) == newest_first[:2]
    assert listed(created_before=times[1].isoformat()) == newest_first[1:]
    assert listed(created_after=(times[1] + timedelta(days=1)).isoformat()) == []
    page = manager.get(URL, {"limit": 2}).json()
    assert [row["id"] for row in page["data"]] == newest_first[:2]
    rest = manager.get(page["next"]).json()
    assert [row["id"] for row in rest["data"]] == newest_first[2:]
    assert rest["next"] is None


UNKNOWN, INVALID = "unknown_parameter", "invalid"


@pytest.mark.parametrize(
    ("path", "name", "value", "code"),
    [
        ("", "stauts", "declined", UNKNOWN),
        ("", "status", "no such status", "invalid_choice"),
        ("", "outcome", "maybe", "invalid_choice"),
        ("", "ordering", "amount_minor", INVALID),
        ("", "ordering", "agent__owner__password", INVALID),
        ("", "agent__owner__password__startswith", "p", UNKNOWN),
        ("", "created_after", "yesterday", INVALID),
        ("", "limit", "0", INVALID),
        ("", "limit", "1e20", INVALID),
        ("", "cursor", "cD1ub3QtYS1kYXRl", INVALID),
        ("one/", "wait", "-1", "wait_out_of_range"),
        ("one/", "wait", "31", "wait_out_of_range"),
        ("one/", "wait", "abc", "wait_out_of_range"),
        ("one/", "wiat", "1", UNKNOWN),
        ("one/decision/", "verbose", "1", UNKNOWN),
    ],
)
def test_c5_an_unknown_query_parameter_or_value_is_400(
    shopper, manager, path, name, value, code
):
    transaction_id = create(shopper).json()["id"]
    address = URL + path.replace("one", transaction_id, 1)
    assert manager.get(address).status_code == 200

    response = manager.get(address, {name: value})

    is_wait = code == "wait_out_of_range"
    pointer = f"/query/{name}" if is_wait else f"/{name}"
    problem_code = code if is_wait else "invalid_request"
    assert problem(response, 400, problem_code) == {(pointer, code)}


def test_the_list_costs_the_same_whatever_its_length(
    shopper, manager, django_assert_num_queries
):
    for amount in (1, 2, 600, 700, 2000):
        create(shopper, amount=amount)
    manager.get(URL)

    # The session, the person's permissions being none of them; then one for all rows,
    # and one for the votes on those that were held.
    with django_assert_num_queries(3):
        assert len(manager.get(URL).json()["data"]) == 5


def test_the_decision_shows_all_that_is_behind_the_verdict(shopper, agent, manager):
    body = create(shopper, amount=2000, merchant="Target").json()

    decision = manager.get(f"{URL}{body['id']}/decision/").json()

    assert decision["outcome"] == "deny"
    assert [finding["code"] for finding in decision["findings"]] == [
        "amount_above_maximum",
        "amount_requires_approval",
        "merchant_not_allowed",
    ]
    assert decision["policy_version"] == agent.policy_version_id
    assert decision["inputs"]["facts"]["request"]["amount_minor"] == 2000_00
    assert decision["inputs"]["thresholds"]["risk_deny_above_bp"] == 8_000
    assert decision["risk_bp"] == round(body["risk_score"] * 10_000)
    assert set(decision["risk_factors_bp"]) == {
        "amount",
        "merchant",
        "velocity",
        "pattern",
    }


def test_c11_an_agent_does_not_read_what_is_behind_the_verdict(shopper):
    transaction_id = create(shopper).json()["id"]

    problem(shopper.get(f"{URL}{transaction_id}/decision/"), 403, "permission_denied")


def test_wait_returns_at_once_when_nothing_waits(shopper):
    transaction_id = create(shopper).json()["id"]
    started = time.monotonic()

    assert shopper.get(f"{URL}{transaction_id}/?wait=30").status_code == 200

    assert time.monotonic() - started < 25


def test_wait_returns_the_present_state_when_time_is_up(shopper):
    transaction_id = hold(shopper)
    started = time.monotonic()

    body = shopper.get(f"{URL}{transaction_id}/?wait=1").json()

    assert body["status"] == "pending_approval"
    assert 1 <= time.monotonic() - started < 25


def test_wait_returns_as_soon_as_a_human_has_decided(
    committed_db, shopper, manager, monkeypatch
):
    transaction_id = hold(shopper)
    look, looks = readable_transaction, list[str]()

    def look_and_decide(request, key):
        """Return what is read, and let the manager decide after the second look."""
        found = look(request, key)
        looks.append(found.status)
        if len(looks) == 2:
            deciding = threading.Thread(target=decide)
            deciding.start()
            deciding.join()
        return found

    def decide():
        monkeypatch.undo()  # The manager looks, too.
        assert resolve(manager, transaction_id, "approve").status_code == 200
        monkeypatch.setattr(views, "readable_transaction", look_and_decide)
        connections.close_all()

    monkeypatch.setattr(views, "readable_transaction", look_and_decide)
    body = shopper.get(f"{URL}{transaction_id}/?wait=30").json()

    assert body["status"] == "authorized"
    assert looks == ["pending_approval", "pending_approval", "authorized"]

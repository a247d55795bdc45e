"""Spending through HTTP only: real tokens, real limits of the wire."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime, timedelta

import pytest
from django.db import connections
from rest_framework.test import APIClient

from accounts import services as account_services
from agents import services as agent_services
from tests.factories import make_agent, make_agent_token, make_function
from tests.spending import everything
from transactions.models import Transaction

pytestmark = pytest.mark.usefixtures("spacious_limits")

URL = "/api/v1/transactions/"
# The seed's own request.
SEED = {"amount": 49.99, "merchant": "Amazon", "category": "electronics"}


@pytest.fixture
def shopper(agent, people, api) -> APIClient:
    """A client with the seed's agent's real token."""
    return api(token=make_agent_token(agent, acting=people.alice))


@pytest.fixture
def manager(bob, client_for) -> APIClient:
    return client_for(bob)


_keys = iter(range(10**9))


def create(client, body=None, *, key=None, **changes):
    """POST the seed's request with changes, under a new key unless one is given."""
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
    assert body["request_id"] == response["X-Request-ID"]
    return {(error["pointer"], error["code"]) for error in body.get("errors", [])}


def app_rows():
    """All rows of the app; refusals themselves may be told to the log."""
    rows = everything()
    del rows["AuditEvent"]
    return rows


# Creating.


def test_the_seeds_request_works_as_it_stands(shopper):
    response = create(shopper)

    assert response.status_code == 201
    body = response.json()
    assert (body["outcome"], body["status"]) == ("allow", "authorized")
    assert (body["amount"], body["currency"]) == ("49.99", "USD")
    assert "Idempotent-Replayed" not in response
    assert Transaction.objects.get().amount_minor == 49_99


def test_allow_hold_and_deny_are_all_201(shopper):
    answers = [create(shopper, amount=amount) for amount in (500, 500.01, 1000.01)]

    assert [one.status_code for one in answers] == [201, 201, 201]
    assert [one.json()["outcome"] for one in answers] == ["allow", "hold", "deny"]


@pytest.mark.parametrize(
    ("amount", "stored"),
    [
        ("49.99", 49_99),
        ("49.9", 49_90),
        (50, 50_00),
        ("0.01", 1),
        ("0050.00", 50_00),
    ],
)
def test_amounts_come_as_text_and_as_json_numbers(shopper, amount, stored):
    assert create(shopper, amount=amount).status_code == 201
    assert Transaction.objects.get().amount_minor == stored


@pytest.mark.parametrize(
    ("raw", "stored"),
    [(b"0.1", 10), (b"49.990", None), (b"1e2", 100_00), (b"4.35", 4_35)],
)
def test_json_numbers_are_exact(shopper, raw, stored):
    response = post_raw(
        shopper, b'{"amount": %s, "merchant": "Amazon", "category": "books"}' % raw
    )

    if stored is None:
        assert problem(response, 400, "amount_too_many_decimals")
    else:
        assert response.status_code == 201, response.content
        assert Transaction.objects.get().amount_minor == stored


@pytest.mark.parametrize(
    ("currency", "amount", "shown", "stored"),
    [
        ("JPY", "1200", "1200", 1200),
        ("KWD", "12.345", "12.345", 12345),
        ("KWD", "12.3", "12.300", 12300),
    ],
)
def test_e2_currencies_have_their_own_decimals(
    shopper, agent, give_policy, currency, amount, shown, stored
):
    give_policy(
        agent,
        currency=currency,
        max_transaction_amount="5000",
        requires_approval_above=None,
    )

    body = create(shopper, amount=amount).json()

    assert (body["amount"], body["currency"]) == (shown, currency)
    assert (body["outcome"], Transaction.objects.get().amount_minor) == (
        "allow",
        stored,
    )


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        # E1
        ({"amount": "NaN"}, ("/amount", "amount_not_a_number")),
        ({"amount": "Infinity"}, ("/amount", "amount_not_a_number")),
        ({"amount": "-Infinity"}, ("/amount", "amount_not_a_number")),
        ({"amount": "1e400"}, ("/amount", "amount_not_a_number")),
        ({"amount": "-0"}, ("/amount", "amount_not_positive")),
        ({"amount": 0}, ("/amount", "amount_not_positive")),
        ({"amount": -5}, ("/amount", "amount_not_positive")),
        ({"amount": -0.01}, ("/amount", "amount_not_positive")),
        ({"amount": "0.001"}, ("/amount", "amount_too_many_decimals")),
        ({"amount": "1e-30"}, ("/amount", "amount_not_a_number")),
        ({"amount": 1e-30}, ("/amount", "amount_too_many_decimals")),
        ({"amount": "9" * 20}, ("/amount", "amount_too_large")),
        ({"amount": 10**19}, ("/amount", "amount_too_large")),
        ({"amount": "1,000"}, ("/amount", "amount_not_a_number")),
        ({"amount": "٤٩"}, ("/amount", "amount_not_a_number")),
        ({"amount": " 5"}, ("/amount", "amount_not_a_number")),
        ({"amount": "$5"}, ("/amount", "amount_not_a_number")),
        ({"amount": ""}, ("/amount", "amount_not_a_number")),
        ({"amount": True}, ("/amount", "amount_not_a_number")),
        ({"amount": [5]}, ("/amount", "amount_not_a_number")),
        ({"amount": {"value": 5}}, ("/amount", "amount_not_a_number")),
        ({"amount": None}, ("/amount", "null")),
        # E2
        ({"currency": "usd"}, ("/currency", "currency_unknown")),
        ({"currency": "XXX"}, ("/currency", "currency_unknown")),
        ({"currency": "US"}, ("/currency", "min_length")),
        ({"currency": "USDX"}, ("/currency", "max_length")),
        ({"currency": None}, ("/currency", "null")),
        ({"currency": "JPY"}, ("/amount", "amount_too_many_decimals")),
        # The rest of the body.
        ({"merchant": "A"}, ("/merchant", "min_length")),
        ({"merchant": ""}, ("/merchant", "blank")),
        ({"merchant": "  "}, ("/merchant", "merchant_not_clean")),
        ({"merchant": "Amazon "}, ("/merchant", "merchant_not_clean")),
        ({"merchant": "Ama\nzon"}, ("/merchant", "merchant_not_clean")),
        ({"merchant": "x" * 201}, ("/merchant", "max_length")),
        ({"merchant": ["Amazon"]}, ("/merchant", "invalid")),
        ({"merchant": None}, ("/merchant", "null")),
        ({"category": "unheard of"}, ("/category", "category_unknown")),
        ({"category": 7}, ("/category", "category_unknown")),
        ({"description": "x" * 1001}, ("/description", "max_length")),
        ({"metadata": {"k": "x" * 501}}, ("/metadata/k", "max_length")),
        ({"metadata": {"k": {"deep": 1}}}, ("/metadata/k", "invalid")),
        ({"metadata": {str(n): "" for n in range(21)}}, ("/metadata", "too_many_keys")),
        ({"metadata": {"x" * 41: ""}}, ("/metadata", "key_too_long")),
        ({"metadata": []}, ("/metadata", "not_a_dict")),
        ({"occurred_at": "yesterday"}, ("/occurred_at", "invalid")),
        (
            {"occurred_at": "2024-01-01T00:00:00Z"},
            ("/occurred_at", "occurred_at_not_permitted"),
        ),
        # C4: nothing of ours can be set from outside.
        ({"status": "authorized"}, ("/status", "unknown_field")),
        ({"risk_score": 0}, ("/risk_score", "unknown_field")),
        ({"agent": "agt_other"}, ("/agent", "unknown_field")),
        ({"owner": "usr_other"}, ("/owner", "unknown_field")),
        ({"created_at": "2020-01-01T00:00:00Z"}, ("/created_at", "unknown_field")),
    ],
)
def test_e1_e2_c4_bad_input_is_refused_with_a_pointer_and_writes_nothing(
    shopper, changes, error
):
    before = everything()

    response = create(shopper, **changes)

    assert 400 <= response.status_code < 500
    body = response.json()
    assert error in {(one["pointer"], one["code"]) for one in body["errors"]}, body
    assert everything() == before


@pytest.mark.parametrize("missing", ["amount", "merchant", "category"])
def test_each_obligatory_field_is_missed(shopper, missing):
    body = {name: value for name, value in SEED.items() if name != missing}

    assert problem(create(shopper, body), 400, "invalid_request") == {
        (f"/{missing}", "required")
    }


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (b"[" * 200_000, "application/json"),
        (b'{"a":' * 100_000, "application/json"),
        (b'{"amount": NaN}', "application/json"),
        (b'{"amount": Infinity}', "application/json"),
        (b'{"amount": 1e999999999}', "application/json"),
        (b'{"amount": 1, "amount": 2}', "application/json"),
        (b'{"amount": ' + b"9" * 5_000 + b"}", "application/json"),
        (b'{"merchant": "\xff\xfe"}', "application/json"),
        ('{"amount": 1}'.encode("utf-16"), "application/json"),
        (rb'{"merchant": "\ud800"}', "application/json"),
        (rb'{"merchant": "Ama\u0000zon"}', "application/json"),
        (b'{"amount": 1} x', "application/json"),
        (b"", "application/json"),
        (b"null", "application/json"),
        (b"[]", "application/json"),
        (b'"text"', "application/json"),
        (b"7", "application/json"),
        (b"amount=1&merchant=Amazon", "application/x-www-form-urlencoded"),
        (b"<amount>1</amount>", "application/xml"),
        (b'{"amount": 1}', "text/plain"),
        (b'{"a": "' + b"x" * (10 * 1024 * 1024) + b'"}', "application/json"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_e3_what_is_no_json_object_is_refused_and_writes_nothing(
    shopper, raw, content_type
):
    before = app_rows()

    response = post_raw(shopper, raw, content_type)

    assert 400 <= response.status_code < 500, response.status_code
    assert response["Content-Type"].startswith("application/problem+json")
    assert app_rows() == before


@pytest.mark.parametrize(
    "instant",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_a_test_agents_clock_may_be_strange_but_never_breaks_us(people, api, instant):
    tester = make_agent(people.carol, acting=people.alice, name="t", mode="test")
    client = api(token=make_agent_token(tester, acting=people.alice))

    for amount in (10, 20):
        assert create(client, occurred_at=instant, amount=amount).status_code in (
            201,
            400,
        )


@pytest.mark.parametrize("key", [None, "", " ", "a b", "x" * 256, "ключ", "a\tb"])
def test_an_idempotency_key_is_obligatory(shopper, key):
    before = everything()
    headers = {} if key is None else {"Idempotency-Key": key}

    response = shopper.post(URL, SEED, headers=headers)

    assert problem(response, 400, "idempotency_key_required") == {
        ("/headers/Idempotency-Key", "idempotency_key_required")
    }
    assert everything() == before


def test_j2_a_repeat_is_marked_and_is_the_same_byte_for_byte(shopper):
    first = create(shopper, key="k", metadata={"z": "1", "a": "2"})
    again = create(shopper, key="k", metadata={"z": "1", "a": "2"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert Transaction.objects.count() == 1


def test_j2_another_body_under_the_same_key_is_422(shopper):
    create(shopper, key="k")
    before = app_rows()

    assert problem(
        create(shopper, key="k", amount=5), 422, "idempotency_key_reused"
    ) == (set())
    assert app_rows() == before


# Reading.


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


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("", {"stauts": "declined"}),
        ("", {"status": "no such status"}),
        ("", {"outcome": "maybe"}),
        ("", {"ordering": "amount_minor"}),
        ("", {"ordering": "agent__owner__password"}),
        ("", {"agent__owner__password__startswith": "p"}),
        ("", {"created_after": "yesterday"}),
        ("", {"limit": "0"}),
        ("", {"limit": "1e20"}),
        ("", {"cursor": "cD1ub3QtYS1kYXRl"}),
        ("one", {"wait": "-1"}),
        ("one", {"wait": "31"}),
        ("one", {"wait": "abc"}),
        ("one", {"wiat": "1"}),
        ("one/decision/", {"verbose": "1"}),
    ],
)
def test_c5_an_unknown_query_parameter_or_value_is_400(shopper, manager, path, query):
    transaction_id = create(shopper).json()["id"]

    response = manager.get(URL + path.replace("one", transaction_id, 1), query)

    if path == "one":
        response = manager.get(f"{URL}{transaction_id}/", query)
    body = response.json()
    assert (response.status_code, body["status"]) == (400, 400)
    assert body["errors"]


def test_the_list_costs_the_same_whatever_its_length(
    shopper, manager, django_assert_num_queries
):
    for amount in (1, 2, 600, 2000):
        create(shopper, amount=amount)
    manager.get(URL)

    # The session, the person's permissions being none of them; then one for all rows.
    with django_assert_num_queries(2):
        assert len(manager.get(URL).json()["data"]) == 4


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


# Approving.


def test_a_manager_approves_by_api(shopper, manager):
    transaction_id = hold(shopper)

    response = resolve(manager, transaction_id, "approve")

    body = response.json()
    assert response.status_code == 200
    assert (body["status"], body["outcome"]) == ("authorized", "hold")
    assert body["approval"]["status"] == "approved"
    assert shopper.get(f"{URL}{transaction_id}/").json() == body


def test_a_manager_denies_by_api_and_must_say_why(shopper, manager):
    transaction_id = hold(shopper)

    for reason in ("", "   "):
        response = resolve(manager, transaction_id, "deny", reason)
        assert problem(response, 400, "invalid_request") == {("/reason", "blank")}
    body = resolve(manager, transaction_id, "deny").json()

    assert (body["status"], body["approval"]["status"]) == ("declined", "denied")


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_the_etag_that_was_seen_is_obligatory_and_must_fit(shopper, manager, verb):
    transaction_id = hold(shopper)
    path = f"{URL}{transaction_id}/{verb}/"
    before = app_rows()

    problem(manager.post(path, {"reason": "r"}), 428, "if_match_required")
    for tag in ('"old"', "*", 'W/"old"', "ж"):
        response = resolve(manager, transaction_id, verb, tag=tag)
        problem(response, 412, "approval_changed")
    assert app_rows() == before


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_k2_k4_what_is_resolved_is_409(shopper, manager, verb):
    transaction_id = hold(shopper)
    tag = etag(manager, transaction_id)
    resolve(manager, transaction_id, "approve", tag=tag)

    problem(resolve(manager, transaction_id, verb, tag=tag), 409, "approval_resolved")


def test_k4_what_was_never_held_is_409(shopper, manager):
    for amount in (10, 2000):
        transaction_id = create(shopper, amount=amount).json()["id"]
        response = resolve(manager, transaction_id, "approve", tag='"x"')
        problem(response, 409, "invalid_state")


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_who_may_not_approve(shopper, people, client_for, api, verb):
    transaction_id = hold(shopper)
    tag = etag(client_for(people.bob), transaction_id)
    before = app_rows()

    for client, status, code in (
        (api(), 401, "not_authenticated"),
        (client_for(people.carol), 403, "permission_denied"),  # A user, and the owner.
        (client_for(people.dave), 403, "permission_denied"),
        (client_for(people.eve), 404, "not_found"),  # Another team's manager.
        (client_for(people.alice), 403, "not_allowed_to_approve"),  # Made the agent.
        (shopper, 403, "permission_denied"),  # K14: the agent itself.
    ):
        response = resolve(client, transaction_id, verb, tag=tag)
        problem(response, status, code)
    assert app_rows() == before


def test_k6_a_manager_who_lost_the_role_is_refused_at_once(shopper, people, client_for):
    transaction_id = hold(shopper)
    client = client_for(people.bob)
    tag = etag(client, transaction_id)
    account_services.update_user(user=people.bob, role="user", acting=people.alice)

    assert resolve(client, transaction_id, "approve", tag=tag).status_code in (401, 403)
    assert Transaction.objects.get().status == "pending_approval"


def test_m6_still_refused_tells_why(shopper, manager, agent, give_policy):
    transaction_id = hold(shopper)
    give_policy(agent, max_transaction_amount="700.00")

    response = resolve(manager, transaction_id, "approve")

    problem(response, 409, "still_refused")
    assert response.json()["detail"] == (
        "750.00 USD is above the maximum of 700.00 USD."
    )
    assert manager.get(f"{URL}{transaction_id}/").json()["status"] == "pending_approval"


def test_c11_k13_only_post_does_anything_and_people_do_not_spend(
    shopper, manager, people, client_for
):
    transaction_id = hold(shopper)
    before = app_rows()

    for verb in ("approve", "deny", "cancel"):
        for client in (manager, shopper):
            response = client.get(f"{URL}{transaction_id}/{verb}/")
            assert response.status_code in (403, 405)
    problem(create(client_for(people.alice)), 403, "permission_denied")
    problem(manager.post(f"{URL}{transaction_id}/cancel/"), 403, "permission_denied")
    assert manager.put(f"{URL}{transaction_id}/", {}).status_code == 405
    assert manager.delete(f"{URL}{transaction_id}/").status_code == 405
    assert app_rows() == before


def test_an_agent_takes_its_request_back(shopper):
    transaction_id = hold(shopper)

    body = shopper.post(f"{URL}{transaction_id}/cancel/").json()

    assert (body["status"], body["approval"]["status"]) == ("canceled", "canceled")
    response = shopper.post(f"{URL}{transaction_id}/cancel/")
    problem(response, 409, "invalid_state")


# Waiting.


def test_wait_returns_at_once_when_nothing_waits(shopper):
    transaction_id = create(shopper).json()["id"]
    started = time.monotonic()

    assert shopper.get(f"{URL}{transaction_id}/?wait=30").status_code == 200

    assert time.monotonic() - started < 2


def test_wait_returns_the_present_state_when_time_is_up(shopper):
    transaction_id = hold(shopper)
    started = time.monotonic()

    body = shopper.get(f"{URL}{transaction_id}/?wait=1").json()

    assert body["status"] == "pending_approval"
    assert 0.9 < time.monotonic() - started < 5


def test_wait_returns_as_soon_as_a_human_has_decided(committed_db, shopper, manager):
    transaction_id = hold(shopper)

    def decide():
        time.sleep(0.3)
        resolve(manager, transaction_id, "approve")
        connections.close_all()

    deciding = threading.Thread(target=decide)
    deciding.start()
    started = time.monotonic()
    body = shopper.get(f"{URL}{transaction_id}/?wait=20").json()
    deciding.join()

    assert body["status"] == "authorized"
    assert time.monotonic() - started < 10


# Function calls.


@pytest.fixture
def caller(shopper, agent, people, give_policy) -> APIClient:
    make_function(acting=people.alice)
    give_policy(agent, allowed_functions=["transfer"])
    return shopper


def call(client, **changes):
    body = {"function": "transfer", "parameters": {"iban": "DE00", "amount": 12.5}}
    return client.post("/api/v1/function-calls/", body | changes)


def test_a_function_call_is_answered(caller):
    response = call(caller)

    assert response.status_code == 201
    body = response.json()
    assert body.pop("id").startswith("fnc_")
    assert datetime.fromisoformat(body.pop("created_at")).tzinfo is not None
    assert body == {
        "outcome": "allow",
        "reasons": [
            {
                "code": "allowed_by_policy",
                "message": "Every check passed under the policy in force.",
            }
        ],
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"function": "Transfer"}, "function_unknown"),
        ({"parameters": {}}, "parameters_invalid"),
        ({"parameters": {"iban": "x", "amount": True}}, "parameters_invalid"),
        ({"parameters": {"iban": "x", "amount": 1, "to": "y"}}, "parameters_invalid"),
    ],
)
def test_h1_h4_a_denied_call_is_201_too(caller, changes, code):
    response = call(caller, **changes)

    assert response.status_code == 201
    assert response.json()["outcome"] == "deny"
    assert [reason["code"] for reason in response.json()["reasons"]] == [code]


@pytest.mark.parametrize(
    "changes",
    [
        {"function": ""},
        {"function": "x" * 101},
        {"function": None},
        {"function": ["transfer"]},
        {"parameters": []},
        {"parameters": "x"},
        {"parameters": None},
        {"grant": "x"},
    ],
)
def test_a_malformed_call_is_400(caller, changes):
    response = call(caller, **changes)

    assert problem(response, 400, "invalid_request")


def test_c11_people_do_not_call_functions(manager, api):
    problem(call(manager), 403, "permission_denied")
    problem(call(api()), 401, "not_authenticated")


def test_a8_a_deactivated_agents_token_is_refused(shopper, agent, people):
    agent_services.update_agent(agent.pk, is_active=False, acting=people.alice)

    assert create(shopper).status_code == 401
    assert Transaction.objects.count() == 0


def test_every_answer_is_json_and_carries_its_request_id(shopper):
    response = shopper.post(
        URL,
        SEED,
        headers={"Idempotency-Key": "k", "X-Request-ID": "my-request"},
    )

    assert response["X-Request-ID"] == "my-request"
    assert json.loads(response.content)["object"] == "transaction"
    assert response["RateLimit"]

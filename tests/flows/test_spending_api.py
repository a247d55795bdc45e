"""Asking to spend, through HTTP only: what goes in, what comes out."""

from __future__ import annotations

import json
from itertools import product

import pytest

from agents.services.agents import update_agent
from tests.factories import SEED_POLICY, make_agent, make_agent_token
from tests.flows.requests import SEED, URL, app_rows, create, post_raw, problem
from tests.spending import everything
from transactions.spending.models import Transaction

pytestmark = pytest.mark.usefixtures("spacious_limits")


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
        ({"category": 7}, ("/category", "invalid")),
        ({"merchant": 12}, ("/merchant", "invalid")),
        ({"mcc": 5411}, ("/mcc", "invalid")),
        ({"description": 5}, ("/description", "invalid")),
        ({"metadata": {"k": 5}}, ("/metadata/k", "invalid")),
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

    assert response.status_code == 400
    errors = response.json()["errors"]
    assert [(one["pointer"], one["code"]) for one in errors] == [error]
    assert everything() == before


@pytest.mark.parametrize("missing", ["amount", "merchant", "category"])
def test_each_obligatory_field_is_missed(shopper, missing):
    body = {name: value for name, value in SEED.items() if name != missing}

    assert problem(create(shopper, body), 400, "invalid_request") == {
        (f"/{missing}", "required")
    }


FAR_AWAY = {
    **SEED_POLICY,
    "time_zone": "America/New_York",
    "limits": [
        {"period": period, "window": window, "amount": "100.00"}
        for period, window in product(
            ("hour", "day", "week", "month"), ("calendar", "rolling")
        )
    ]
    + [{"period": "all_time", "amount": "100.00"}],
}


@pytest.fixture
def tester(people, api):
    """The client of a test agent with limits of every kind, far from UTC."""
    agent = make_agent(
        people.carol, acting=people.alice, name="t", mode="test", policy=FAR_AWAY
    )
    return api(token=make_agent_token(agent, acting=people.alice))


@pytest.mark.parametrize("instant", ["1971-01-01T00:00:00Z", "9997-12-31T23:59:59Z"])
def test_a_test_agents_clock_may_be_far_away(tester, instant):
    first, second = (
        create(tester, occurred_at=instant, amount=amount) for amount in (60, 50)
    )

    assert (first.status_code, first.json()["outcome"]) == (201, "allow")
    assert (second.status_code, second.json()["outcome"]) == (201, "deny")


@pytest.mark.parametrize(
    "instant",
    [
        "0001-01-01T00:00:00Z",
        "1970-12-31T23:59:59Z",
        "1971-01-01T00:00:00+00:01",
        "9998-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_a_test_agents_clock_stays_where_periods_are(tester, instant):
    before = app_rows()

    response = create(tester, occurred_at=instant)

    assert problem(response, 400, "invalid_request") == {
        ("/occurred_at", "instant_out_of_range")
    }
    assert app_rows() == before


@pytest.mark.parametrize(
    "instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_an_instant_that_is_none_in_utc_is_refused(tester, instant):
    response = create(tester, occurred_at=instant)

    assert problem(response, 400, "invalid_request") == {("/occurred_at", "overflow")}


@pytest.mark.parametrize("key", [None, "", " ", "a b", "x" * 256, "ключ", "a\tb"])
def test_an_idempotency_key_is_obligatory(shopper, key):
    before = everything()
    headers = {} if key is None else {"Idempotency-Key": key}

    response = shopper.post(URL, SEED, headers=headers)

    missing = key is None or not key.strip()
    code = "idempotency_key_required" if missing else "idempotency_key_invalid"
    assert problem(response, 400, code) == {("/headers/Idempotency-Key", code)}
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

    response = create(shopper, key="k", amount=5)

    assert problem(response, 422, "idempotency_key_reused") == set()
    assert "for another request" in response.json()["detail"]
    assert app_rows() == before


def test_a8_a_deactivated_agents_token_is_refused(shopper, agent, people):
    assert create(shopper).status_code == 201
    update_agent(agent.pk, is_active=False, acting=people.alice)

    problem(create(shopper, amount="20.00"), 401, "token_ended")
    assert Transaction.objects.count() == 1


def test_every_answer_is_json_and_carries_its_request_id(shopper):
    response = shopper.post(
        URL,
        SEED,
        headers={"Idempotency-Key": "k", "X-Request-ID": "my-request"},
    )

    assert response["X-Request-ID"] == "my-request"
    assert json.loads(response.content)["object"] == "transaction"
    assert response["RateLimit"]


def test_a_query_parameter_that_is_not_known_is_refused_before_anything(shopper):
    before = app_rows()

    response = shopper.post(
        f"{URL}?x=1", SEED, headers={"Idempotency-Key": "with-a-query"}
    )

    assert problem(response, 400, "invalid_request") == {("/x", "unknown_parameter")}
    assert app_rows() == before


@pytest.mark.parametrize(
    "merchant", ["Shop 4111 1111 1111 1111", "password=hunter2", "SSN 123-45-6789"]
)
def test_a_merchants_name_with_a_card_number_or_a_secret_is_refused(shopper, merchant):
    before = app_rows()

    response = create(shopper, merchant=merchant)

    assert problem(response, 400, "invalid_request") == {
        ("/merchant", "name_sensitive")
    }
    assert app_rows() == before
    assert merchant not in str(everything())
    assert "4111 1111" not in str(everything())
    assert "hunter2" not in str(everything())


def test_j4_a_hundred_requests_just_below_the_approval_limit_are_not_all_allowed(
    shopper,
):
    bodies = [create(shopper, amount=f"499.{99 - n}").json() for n in range(5)]

    assert bodies[0]["outcome"] == "allow"
    for body in bodies[1:]:
        assert body["outcome"] == "hold"
        assert "approval_limit_split" in {r["code"] for r in body["reasons"]}

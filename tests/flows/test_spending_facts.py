"""The optional facts of a request, from the body to every record of it."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from audit.models import AuditEvent
from tests.factories import make_agent, make_agent_token
from tests.flows.requests import SEED, URL, create, problem
from tests.spending import ask_for, everything
from transactions.decisions.models import Decision
from transactions.risk.models import AgentActivity, MerchantActivity
from transactions.spending.models import Transaction

FACTS = {"merchant_country": "DE", "mcc": "5732"}

pytestmark = pytest.mark.usefixtures("spacious_limits")


def test_facts_are_told_back_stored_and_logged(shopper, agent, give_policy):
    give_policy(agent, allowed_countries=["DE"], blocked_mcc_groups=["gambling"])

    body = create(shopper, **FACTS).json()

    assert {name: body[name] for name in FACTS} == FACTS
    assert body["outcome"] == "allow"
    row = Transaction.objects.get()
    assert (row.merchant_country, row.mcc) == ("DE", "5732")
    asked = Decision.objects.get().inputs["facts"]["request"]
    assert {name: asked[name] for name in FACTS} == FACTS
    event = AuditEvent.objects.get(action="transaction.requested")
    assert {name: event.details[name] for name in FACTS} == FACTS
    assert shopper.get(f"{URL}{row.pk}/").json() == body


def test_without_them_an_answer_says_null(shopper):
    body = create(shopper).json()

    assert (body["merchant_country"], body["mcc"]) == (None, None)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"merchant_country": "de"}, ("/merchant_country", "country_unknown")),
        ({"merchant_country": "UK"}, ("/merchant_country", "country_unknown")),
        ({"merchant_country": "DEU"}, ("/merchant_country", "max_length")),
        ({"merchant_country": "D\u0415"}, ("/merchant_country", "country_unknown")),
        ({"merchant_country": ""}, ("/merchant_country", "blank")),
        ({"merchant_country": None}, ("/merchant_country", "null")),
        ({"merchant_country": ["DE"]}, ("/merchant_country", "invalid")),
        ({"mcc": "573"}, ("/mcc", "mcc_malformed")),
        ({"mcc": "57320"}, ("/mcc", "max_length")),
        ({"mcc": "\u0667\u0669\u0669\u0665"}, ("/mcc", "mcc_malformed")),
        ({"mcc": "57a2"}, ("/mcc", "mcc_malformed")),
        ({"mcc": "-573"}, ("/mcc", "mcc_malformed")),
        ({"mcc": ""}, ("/mcc", "blank")),
        ({"mcc": None}, ("/mcc", "null")),
        ({"mcc": True}, ("/mcc", "invalid")),
        ({"mcc": {"code": "5732"}}, ("/mcc", "invalid")),
    ],
)
def test_e1_a_fact_that_is_none_is_refused_with_its_pointer(shopper, changes, error):
    before = everything()

    assert problem(create(shopper, **changes), 400, "invalid_request") == {error}
    assert everything() == before


@pytest.mark.parametrize("fact", ["merchant_country", "mcc"])
def test_j2_another_fact_under_the_same_key_is_another_body(shopper, fact):
    first = create(shopper, key="k", **FACTS)
    again = create(shopper, key="k", **FACTS)
    other = {"merchant_country": "FR", "mcc": "5733"}[fact]

    assert again.json() == first.json()
    changed = create(shopper, key="k", **FACTS | {fact: other})
    missing = create(
        shopper, SEED | {n: v for n, v in FACTS.items() if n != fact}, key="k"
    )
    assert [one.status_code for one in (changed, missing)] == [422, 422]


def test_a_request_without_facts_has_the_digest_it_had_before_there_were_any():
    assert ask_for().digest() == (
        "14261bebd151b09c2f254e66426a545fd03595051d9863390d50b4725a303b5c"
    )
    assert ask_for(mcc="5732").digest() != ask_for().digest()
    assert ask_for(mcc="5732").digest() != ask_for(merchant_country="DE").digest()


@pytest.mark.parametrize(
    "values", [{"merchant_country": "FR"}, {"mcc": "7995"}, {"mcc": "", "category": ""}]
)
def test_l1_facts_of_a_transaction_never_change(shopper, values):
    create(shopper, **FACTS)
    before = everything()

    with pytest.raises(DatabaseError, match="are history"), transaction.atomic():
        Transaction.objects.update(**values)

    assert everything() == before


def test_the_database_takes_no_other_form(shopper):
    create(shopper)
    row = Transaction.objects.get()
    for name, value, constraint in (
        ("mcc", "12", "transaction_mcc_four_digits"),
        ("merchant_country", "d", "transaction_country_two_capitals"),
    ):
        copy = Transaction.objects.get()
        copy.pk = "txn_copy"
        setattr(copy, name, value)
        with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
            copy.save(force_insert=True)
    assert Transaction.objects.get() == row


def test_e9_a_look_alike_of_a_merchant_paid_before_is_held_until_approved(
    shopper, agent, give_policy, manager
):
    give_policy(agent, allowed_merchants=None)
    create(shopper, merchant="Amazon")

    first = create(shopper, merchant="Arnazon", amount="20.00").json()

    assert first["outcome"] == "hold"
    assert first["reasons"] == [
        {
            "code": "merchant_lookalike",
            "message": "Arnazon can be taken for Amazon.",
        }
    ]
    MerchantActivity.objects.filter(merchant_key="arnazon").update(allowed_count=1)
    assert create(shopper, merchant="Arnazon", amount="30.00").json()["outcome"] == (
        "allow"
    )
    # Nor is the first one the second one's imposter.
    assert create(shopper, merchant="Amazon", amount="40.00").json()["outcome"] == (
        "allow"
    )


def test_another_agents_merchants_are_nobodys_look_alikes(
    shopper, agent, give_policy, people, api
):
    give_policy(agent, allowed_merchants=None)
    other = make_agent(people.carol, acting=people.alice, name="other")
    stranger = api(token=make_agent_token(other, acting=people.alice))
    assert create(stranger, merchant="Amazon").json()["outcome"] == "allow"

    assert create(shopper, merchant="Arnazon").json()["outcome"] == "allow"


def test_a_merchant_that_was_denied_is_nobodys_look_alike(shopper, agent, give_policy):
    give_policy(agent, allowed_merchants=None)
    denied = create(shopper, merchant="Amazon", amount="1000.01").json()
    assert denied["outcome"] == "deny"

    assert create(shopper, merchant="Arnazon").json()["outcome"] == "allow"


def test_a_cent_more_moments_later_is_a_near_repeat(shopper):
    create(shopper, amount="49.99")

    body = create(shopper, amount="50.00").json()

    assert (body["outcome"], body["reasons"][0]["code"]) == ("hold", "near_duplicate")
    kept = AgentActivity.objects.get().recent
    assert [each["amount_minor"] for each in kept] == [49_99, 50_00]


def test_the_memory_of_recent_requests_is_bounded(shopper, agent, give_policy):
    give_policy(agent, allowed_merchants=None)
    for number in range(1, 15):
        create(shopper, merchant=f"Shop {number}", amount=f"{number}0.00")

    kept = AgentActivity.objects.get().recent
    assert len(kept) == 8
    assert [each["merchant_key"] for each in kept] == [
        f"shop {number}" for number in range(7, 15)
    ]

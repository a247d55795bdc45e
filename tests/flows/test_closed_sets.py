"""An error about a word of no closed set lists the set, and the likely word."""

from __future__ import annotations

from typing import Any

import pytest

from agents.core.categories import CATALOGUE, CATEGORIES
from agents.core.countries import COUNTRIES
from agents.core.money import CURRENCIES
from agents.models import Agent
from platform_site.errors import VOCABULARIES_SHOWN
from platform_site.vocabulary_pages import LISTINGS
from tests.factories import SEED_POLICY
from tests.flows.requests import URL, app_rows, create
from tests.spending import held, seen_by
from transactions.approvals.services.approvals import approve
from transactions.decisions.models import Decision
from transactions.decisions.queries.records import record_of
from transactions.decisions.wording import reason_language
from transactions.errors import StillRefused
from transactions.evidence.queries.replays import replay_of
from transactions.spending.models import Transaction

API = "/api/v1"
BLOCKS_NONE = {"blocked_categories": []}

pytestmark = pytest.mark.usefixtures("spacious_limits")


def only_error(response) -> Any:
    """Return the one error of a 400."""
    assert response.status_code == 400, response.content
    [error] = response.json()["errors"]
    return error


def test_an_unknown_category_is_told_with_all_that_are_known(shopper):
    before = app_rows()

    error = only_error(create(shopper, category="hostings"))

    assert (error["pointer"], error["code"]) == ("/category", "category_unknown")
    assert error["allowed"] == sorted(CATEGORIES)
    assert error["did_you_mean"][0] == "hosting"
    assert error["see"] == "/docs/vocabularies/categories/"
    assert app_rows() == before


@pytest.mark.parametrize(
    "terms",
    [
        {},
        BLOCKS_NONE | {"limits": [{"period": "day", "per": "category", "count": 9}]},
        BLOCKS_NONE
        | {
            "limits": [
                {"period": "day", "per": "category", "name": "travel", "count": 9}
            ]
        },
    ],
)
def test_a_policy_that_depends_on_category_takes_no_unknown_one(
    shopper, agent, give_policy, terms
):
    give_policy(agent, **terms)
    before = app_rows()

    assert only_error(create(shopper, category="no such"))["code"] == "category_unknown"
    assert app_rows() == before


def test_where_no_category_is_blocked_an_unknown_one_counts_as_other(
    shopper, agent, give_policy
):
    give_policy(agent, **BLOCKS_NONE)

    response = create(shopper, category="Zeppelin flights \u2764")

    assert response.status_code == 201
    body = response.json()
    assert (body["outcome"], body["category"]) == ("allow", "other")
    assert body["reasons"] == [
        {
            "code": "allowed_by_policy",
            "message": "Every check passed under the policy in force.",
        },
        {
            "code": "category_taken_as_other",
            "message": r"The category Zeppelin flights \u2764 is not known, so it "
            "counts as other.",
        },
    ]
    row = Transaction.objects.get()
    assert (row.category, row.unknown_category) == ("other", "Zeppelin flights \u2764")
    assert shopper.get(f"{URL}{row.pk}/").json() == body
    assert replay_of(Decision.objects.get()).matches is True


def test_the_note_goes_with_a_hold_too_and_in_german(shopper, agent, give_policy):
    give_policy(agent, **BLOCKS_NONE)

    body = create(shopper, category="zeppelins", amount="750.00").json()

    assert body["outcome"] == "hold"
    codes = [reason["code"] for reason in body["reasons"]]
    assert codes == ["amount_requires_approval", "category_taken_as_other"]
    with reason_language("de"):
        german = shopper.get(
            f"{URL}{body['id']}/", headers={"Accept-Language": "de"}
        ).json()
    assert german["reasons"][1]["message"] == (
        "Die Kategorie zeppelins ist nicht bekannt und zählt daher als „other“."
    )


@pytest.mark.parametrize("category", ["a\u202eb", "zep\u200bpelin", "a\x00b"])
def test_what_cannot_be_shown_is_no_category_under_any_policy(
    shopper, agent, give_policy, category
):
    give_policy(agent, **BLOCKS_NONE)
    before = app_rows()

    response = create(shopper, category=category)

    assert response.status_code == 400
    assert app_rows() == before


def test_a_card_number_is_no_category(shopper, agent, give_policy):
    give_policy(agent, **BLOCKS_NONE)

    error = only_error(create(shopper, category="card 4111 1111 1111 1111"))

    assert (error["pointer"], error["code"]) == ("/category", "name_sensitive")


def test_what_was_held_as_other_is_denied_once_the_policy_blocks_categories(
    agent, give_policy, bob
):
    give_policy(agent, **BLOCKS_NONE)
    approval = held(agent, category="zeppelins")
    give_policy(agent, blocked_categories=["gambling"])

    with pytest.raises(StillRefused) as refused:
        approve(
            approval.pk, acting=bob, reason="", expected_digest=seen_by(bob, approval)
        )

    assert [reason["code"] for reason in refused.value.reasons] == ["category_unknown"]


def test_a_record_from_before_there_were_unknown_categories_replays_the_same(
    shopper, agent
):
    create(shopper)
    row = Decision.objects.get()
    assert replay_of(row).matches is True
    del row.inputs["facts"]["request"]["unknown_category"]

    replayed = replay_of(row)

    assert record_of(row).inputs == row.inputs
    assert set(replayed.differences) == {"digest"}  # Nothing that was judged.


@pytest.mark.parametrize(
    ("changes", "pointer", "allowed", "meant"),
    [
        ({"currency": "usd"}, "/currency", sorted(CURRENCIES), ["USD"]),
        ({"merchant_country": "UK"}, "/merchant_country", sorted(COUNTRIES), ["GB"]),
        (
            {"mercant": "Amazon"},
            "/mercant",
            [
                "amount",
                "category",
                "currency",
                "description",
                "mcc",
                "merchant",
                "merchant_country",
                "metadata",
                "occurred_at",
            ],
            ["merchant"],
        ),
    ],
)
def test_every_closed_set_of_a_request_is_told(
    shopper, changes, pointer, allowed, meant
):
    error = only_error(create(shopper, **changes))

    assert error["pointer"] == pointer
    assert error["allowed"] == allowed
    assert error["did_you_mean"][:1] == meant


@pytest.mark.parametrize(
    ("change", "pointer", "meant"),
    [
        ({"currency": "EURO"}, "/currency", ["EUR"]),
        ({"blocked_categories": ["casinoo"]}, "/blocked_categories/0", ["gambling"]),
        ({"allowed_countries": ["uk"]}, "/allowed_countries/0", ["GB"]),
        (
            {"blocked_mcc_groups": ["hotels", "gamblng"]},
            "/blocked_mcc_groups/1",
            ["gambling"],
        ),
        ({"time_zone": "europe/berlin"}, "/time_zone", ["Europe/Berlin"]),
        (
            {"allowed_hours": [{"days": ["Monday"], "from": "08:00", "to": "09:00"}]},
            "/allowed_hours/0/days",
            ["mon"],
        ),
        ({"limits": [{"period": "days", "count": 1}]}, "/limits/0/period", ["day"]),
        (
            {"limits": [{"period": "day", "count": 1, "windo": "rolling"}]},
            "/limits/0/windo",
            ["window"],
        ),
        (
            {"approval_levels": [{"above": "600", "approvals": 1, "role": "admn"}]},
            "/approval_levels/0/role",
            ["admin"],
        ),
        ({"daily_budgets": "5.00"}, "/daily_budgets", ["daily_budget"]),
    ],
)
def test_every_closed_set_of_a_policy_is_told(
    client_for, alice, agent, change, pointer, meant
):
    answer = client_for(alice).put(
        f"{API}/agents/{agent.pk}/policy/", SEED_POLICY | change
    )

    assert answer.status_code == 400
    by_pointer = {error["pointer"]: error for error in answer.json()["errors"]}
    told = by_pointer[pointer]
    assert told["did_you_mean"][:1] == meant
    assert meant[0] in told["allowed"]


@pytest.mark.parametrize(
    ("path", "body", "pointer", "allowed"),
    [
        ("agents/", {"name": "x", "mode": "Live"}, "/mode", ["live", "test"]),
        (
            "functions/",
            {"name": "x", "schema": {"type": "object"}, "effect": "reads"},
            "/effect",
            ["read", "write", "send", "admin"],
        ),
        (
            "prompts/screen/",
            {"text": "x", "channel": "tool"},
            "/channel",
            ["user", "tool_output"],
        ),
        (
            "shared-budgets/",
            {"team": None, "currency": "USD", "period": "daily", "limit": "1.00"},
            "/period",
            None,
        ),
        (
            "shared-budgets/",
            {"team": None, "currency": "usd", "period": "day", "limit": "1.00"},
            "/currency",
            sorted(CURRENCIES),
        ),
    ],
)
def test_every_closed_set_of_other_bodies_is_told(
    client_for, alice, path, body, pointer, allowed
):
    error = only_error(client_for(alice).post(f"{API}/{path}", body))

    assert error["pointer"] == pointer
    assert error["did_you_mean"] != []
    assert error["did_you_mean"][0] in error["allowed"]
    assert allowed in (None, error["allowed"])


@pytest.mark.parametrize(
    ("query", "name", "meant"),
    [
        ("transactions/?status=authorised", "status", ["authorized"]),
        ("transactions/?outcome=Allow", "outcome", ["allow"]),
        ("transactions/?ordering=created", "ordering", ["created_at"]),
        ("transactions/?state=held", "state", ["status"]),
        ("agents/?mode=tests", "mode", ["test"]),
        ("agents/?is_active=True!", "is_active", ["true"]),
        ("functions/?enabled=yes", "enabled", []),
        ("change-requests/?kind=policies", "kind", ["policy"]),
        ("change-requests/?status=wait", "status", ["waiting"]),
        ("alerts/?status=opened", "status", ["open"]),
        ("incidents/?status=closd", "status", ["closed"]),
        ("audit/events/?action=agent.create", "action", ["agent.created"]),
        ("audit/events/?outcome=refuse", "outcome", ["refused"]),
    ],
)
def test_every_closed_set_of_a_query_is_told(client_for, alice, query, name, meant):
    error = only_error(client_for(alice).get(f"{API}/{query}"))

    assert error["pointer"] == f"/{name}"
    assert error["did_you_mean"][:1] == meant
    assert len(error["allowed"]) >= 2


def test_a_document_full_of_errors_names_the_set_twenty_times_and_where_it_is(
    client_for, alice, agent
):
    strange = [f"strange {number}" for number in range(100)]

    answer = client_for(alice).put(
        f"{API}/agents/{agent.pk}/policy/",
        {**SEED_POLICY, "blocked_categories": strange},
    )

    errors = answer.json()["errors"]
    assert len(errors) == 100
    assert [("allowed" in error) for error in errors].count(True) == VOCABULARIES_SHOWN
    assert {error["see"] for error in errors} == {"/docs/vocabularies/categories/"}
    assert Agent.objects.get(pk=agent.pk).policy_version.number == 1


@pytest.mark.parametrize("name", LISTINGS)
def test_a_closed_set_has_a_public_page_with_every_word(client, db, name):
    page = client.get(f"/docs/vocabularies/{name}/")

    assert page.status_code == 200
    text = page.content.decode()
    words = LISTINGS[name].words().words
    assert [word for word in words if f">{word}<" not in text] == []
    assert f'href="/docs/vocabularies/{name}/"' in (
        client.get("/docs/vocabularies/").content.decode()
    )


def test_the_page_of_categories_has_their_other_names_and_merchant_codes(client, db):
    text = client.get("/docs/vocabularies/categories/").content.decode()

    aliases = [alias for each in CATALOGUE.values() for alias in each.aliases]
    assert [alias for alias in aliases if alias not in text] == []
    assert "gambling (7800-7802, 7995, 9406, 9754)" in text


def test_another_set_has_no_page(client, db):
    assert client.get("/docs/vocabularies/nonsense/").status_code == 404

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import TestCase

from agents.errors import PolicyChanged
from agents.models import Agent, PolicyVersion
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from agents.queries import lock_agent_row, policy_rules
from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.changes.models import ChangeRequest
from security.changes.services import approve_change
from tests.factories import SAID_BY_DEFAULT, SEED_POLICY, make_agent


def url(agent: Agent) -> str:
    return f"/api/v1/agents/{agent.pk}/policy/"


def test_the_seeds_policy_can_be_set_as_it_stands(
    client_for: Any, alice: Any, bob: Any, carol: Any
) -> None:
    agent = make_agent(carol, acting=bob, policy=None)
    seed = {
        "max_transaction_amount": 1000.00,
        "allowed_merchants": ["Amazon", "Walmart"],
        "blocked_categories": ["gambling", "adult"],
        "requires_approval_above": 500.00,
    }

    asked = client_for(bob).put(url(agent), seed)
    assert asked.status_code == 202, asked.content
    approve_change(asked.json()["id"], acting=alice)

    answer = client_for(bob).get(url(agent))
    version = PolicyVersion.objects.get()
    assert answer.json() == {
        "id": version.pk,
        "object": "policy",
        "agent": agent.pk,
        "version": 1,
        "currency": "USD",
        "max_transaction_amount": "1000.00",
        "requires_approval_above": "500.00",
        "daily_budget": None,
        "max_transactions_per_hour": None,
        "allowed_merchants": ["Amazon", "Walmart"],
        "blocked_categories": ["gambling", "adult"],
        "allowed_functions": [],
        "requires_signature": False,
        **SAID_BY_DEFAULT,
        "created_by": bob.pk,
        "created_at": answer.json()["created_at"],
    }
    assert answer["ETag"] == '"1"'
    agent.refresh_from_db()
    assert agent.policy_version == version


def test_a_change_is_a_new_version_and_tells_what_changed(
    bob: Any, shopping: Agent
) -> None:
    first = shopping.policy_version
    stricter = parse_terms({**SEED_POLICY, "max_transaction_amount": "750"})

    version = set_policy(shopping.pk, stricter, acting=bob)

    assert isinstance(version, PolicyVersion)
    shopping.refresh_from_db()
    assert shopping.policy_version == version
    assert version.number == 2
    kept = PolicyVersion.objects.get(number=1)
    assert (kept, kept.terms.max_transaction_amount_minor) == (first, 100_000)
    event = AuditEvent.objects.filter(action="policy.version_created").latest("id")
    assert event.details == {
        "number": 2,
        "changes": {"max_transaction_amount": ["1000.00", "750.00"]},
    }
    assert (event.target_id, event.owner_id) == (shopping.pk, shopping.owner_id)


def test_a_policy_is_compiled_once(db: Any, shopping: Agent) -> None:
    version_id = lock_agent_row(shopping.pk).policy_version_id
    policy_rules.cache_clear()

    assert version_id is not None
    with TestCase().assertNumQueries(1):
        rules = policy_rules(version_id)
        assert policy_rules(version_id) is rules

    assert rules.merchant_keys == frozenset({"amazon", "walmart"})
    assert rules.number == 1


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('"1"', 200),
        ("*", 200),
        ('W/"1"', 200),
        ('"7", W/"1"', 200),
        ('"1-gzip"', 200),
        ('"0"', 412),
        ('"2"', 412),
        ('W/"0", "2"', 412),
        ('"1', 412),
        ("1", 412),
        ("x", 412),
        ("", 412),
    ],
)
def test_if_match_refuses_to_overwrite_a_newer_version(
    client_for: Any, bob: Any, shopping: Agent, header: str, status: int
) -> None:
    answer = client_for(bob).put(url(shopping), SEED_POLICY, HTTP_IF_MATCH=header)

    assert answer.status_code == status
    assert PolicyVersion.objects.count() == (2 if status == 200 else 1)


def test_a_policy_changed_in_between_changes_nothing(bob: Any, shopping: Agent) -> None:
    with pytest.raises(PolicyChanged) as error:
        set_policy(
            shopping.pk, parse_terms(SEED_POLICY), expected_numbers={7}, acting=bob
        )

    assert error.value.current_number == 1
    assert PolicyVersion.objects.count() == 1


def test_c7_the_owner_alone_does_not_loosen_their_own_agent(
    client_for: Any, bob: Any, alice: Any
) -> None:
    own = make_agent(bob, acting=alice)
    looser = {**SEED_POLICY, "max_transaction_amount": "1000.01"}
    stricter = {**SEED_POLICY, "max_transaction_amount": "999.99"}

    asked = client_for(bob).put(url(own), looser)

    assert asked.status_code == 202
    assert (asked.json()["object"], asked.json()["status"]) == (
        "change_request",
        "waiting",
    )
    own.refresh_from_db()
    assert own.policy_version is not None
    assert own.policy_version.number == 1
    assert client_for(bob).put(url(own), stricter).status_code == 200


def test_c7_a_first_policy_of_ones_own_agent_takes_another(bob: Any) -> None:
    own = make_agent(bob, acting=bob, policy=None)

    asked = set_policy(own.pk, parse_terms(SEED_POLICY), acting=bob)

    assert isinstance(asked, ChangeRequest)
    assert not PolicyVersion.objects.exists()


def test_c7_small_amounts_of_ones_own_agent_one_raises_alone(
    client_for: Any, bob: Any, alice: Any
) -> None:
    small = {
        **SEED_POLICY,
        "max_transaction_amount": "50.00",
        "requires_approval_above": "20.00",
        "daily_budget": "60.00",
    }
    own = make_agent(bob, acting=alice, policy=small)

    answer = client_for(bob).put(url(own), {**small, "daily_budget": "100.00"})

    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert not ChangeRequest.objects.exists()


def test_a_test_agent_of_ones_own_moves_no_money(bob: Any) -> None:
    own = make_agent(bob, acting=bob, mode="test")

    assert own.policy_version is not None
    assert own.policy_version.number == 1


def test_an_owner_reads_the_policy_and_cannot_set_it(
    client_for: Any, carol: Any, shopping: Agent
) -> None:
    client = client_for(carol)

    assert client.get(url(shopping)).status_code == 200
    assert client.put(url(shopping), SEED_POLICY).status_code == 403
    with pytest.raises(NotPermitted):
        set_policy(shopping.pk, parse_terms(SEED_POLICY), acting=carol)
    assert PolicyVersion.objects.count() == 1


def test_c2_a_foreign_policy_is_not_found(
    client_for: Any, eve: Any, shopping: Agent
) -> None:
    client = client_for(eve)

    assert client.get(url(shopping)).status_code == 404
    assert client.put(url(shopping), SEED_POLICY).status_code == 404
    assert client.get(url(shopping) + "versions/").status_code == 404
    with pytest.raises(NotFound):
        set_policy(shopping.pk, parse_terms(SEED_POLICY), acting=eve)
    assert PolicyVersion.objects.count() == 1


def test_an_agent_without_a_policy_has_none_to_show(
    client_for: Any, bob: Any, carol: Any
) -> None:
    agent = make_agent(carol, acting=bob, policy=None)

    answer = client_for(bob).get(url(agent))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_all_versions_are_listed_newest_first(
    client_for: Any, bob: Any, carol: Any, shopping: Agent
) -> None:
    set_policy(shopping.pk, parse_terms(SEED_POLICY), acting=bob)

    answer = client_for(carol).get(url(shopping) + "versions/")

    assert [item["version"] for item in answer.json()["data"]] == [2, 1]


def test_all_that_is_wrong_is_told_with_its_place(
    client_for: Any, bob: Any, shopping: Agent
) -> None:
    answer = client_for(bob).put(
        url(shopping),
        {
            "max_transaction_amount": "49.999",
            "requires_approval_above": None,
            "allowed_merchants": ["Amazon", "amazon"],
            "blocked_categories": ["nonsense"],
            "owner": bob.pk,
        },
    )

    assert answer.status_code == 400
    assert [(item["pointer"], item["code"]) for item in answer.json()["errors"]] == [
        ("/owner", "unknown_field"),
        ("/max_transaction_amount", "amount_too_many_decimals"),
        ("/allowed_merchants/1", "duplicate"),
        ("/blocked_categories/0", "category_unknown"),
    ]
    assert PolicyVersion.objects.count() == 1


@pytest.mark.parametrize("body", [[], "x", 1, None])
def test_a_body_that_is_no_object_is_refused(
    client_for: Any, bob: Any, shopping: Agent, body: Any
) -> None:
    assert client_for(bob).put(url(shopping), body).status_code == 400


def test_numbers_are_read_exactly(client_for: Any, bob: Any, shopping: Agent) -> None:
    raw = (
        '{"max_transaction_amount": 0.29, "requires_approval_above": 0.28,'
        ' "allowed_merchants": ["Amazon"], "blocked_categories": ["gambling", "adult"]}'
    )

    client_for(bob).put(url(shopping), raw, content_type="application/json")

    version = PolicyVersion.objects.get(number=2).terms
    assert version.max_transaction_amount_minor == 29
    assert version.requires_approval_above_minor == 28
    assert Decimal("0.29") * 100 == version.max_transaction_amount_minor

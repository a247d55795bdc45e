"""Two at once, with real commits, connections and locks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from agents.errors import FunctionInUse, PolicyChanged
from agents.models import Agent, AgentCredential, FunctionVersion, PolicyVersion
from agents.policy import services as policies
from agents.policy.core.draft import parse_terms
from agents.policy.services import put_in_force, set_policy
from agents.queries import lock_agent_row
from agents.services.credentials import issue_credential, revoke_credential
from agents.services.functions import add_function_version
from audit.base.errors import NotFound
from audit.models import AuditEvent
from tests.elsewhere import wait_until_blocked
from tests.factories import SEED_POLICY, make_agent, make_function
from tests.people import People

pytestmark = pytest.mark.usefixtures("committed_db")


def all_at_once(count: int, call: Callable[[], object]) -> list[Any]:
    """Run a call in threads that start together; return results or errors."""
    barrier = threading.Barrier(count)
    results: list[Any] = []

    def run() -> None:
        barrier.wait()
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001 - the test looks at them.
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_policies_set_at_once_get_numbers_of_their_own(
    bob: Any, shopping: Agent
) -> None:
    terms = parse_terms(SEED_POLICY)

    results = all_at_once(8, lambda: set_policy(shopping.pk, terms, acting=bob))

    assert [type(result) for result in results] == [PolicyVersion] * 8
    numbers = PolicyVersion.objects.values_list("number", flat=True)
    assert sorted(numbers) == list(range(1, 10))
    shopping.refresh_from_db()
    assert shopping.policy_version is not None
    assert shopping.policy_version.number == 9
    assert AuditEvent.objects.filter(action="policy.version_created").count() == 9


def test_of_those_who_read_the_same_version_one_wins(bob: Any, shopping: Agent) -> None:
    terms = parse_terms(SEED_POLICY)

    results = all_at_once(
        8,
        lambda: set_policy(shopping.pk, terms, expected_numbers={1}, acting=bob),
    )

    assert sum(isinstance(result, PolicyVersion) for result in results) == 1
    assert sum(isinstance(result, PolicyChanged) for result in results) == 7
    assert PolicyVersion.objects.count() == 2


def test_function_versions_made_at_once_get_numbers_of_their_own(alice: Any) -> None:
    make_function(acting=alice)
    schema = {"type": "object"}

    results = all_at_once(
        4,
        lambda: add_function_version(
            "transfer", schema=schema, effect="read", acting=alice
        ),
    )

    assert sorted(result.number for result in results) == [2, 3, 4, 5]


def test_a_credential_is_revoked_once(bob: Any, shopping: Agent) -> None:
    issued = issue_credential(shopping.pk, acting=bob)

    results = all_at_once(
        4, lambda: revoke_credential(shopping.pk, issued.id, acting=bob)
    )

    assert [result for result in results if isinstance(result, Exception)] == []
    assert len(results) == 4
    assert AgentCredential.objects.get().revoked_at is not None
    assert AuditEvent.objects.filter(action="credential.revoked").count() == 1


def test_a_locked_row_shows_what_was_committed_during_the_wait(
    bob: Any, shopping: Agent
) -> None:
    seen: list[Any] = []

    def decide() -> None:
        with transaction.atomic():
            seen.append(lock_agent_row(shopping.pk))
        connection.close()

    thread = threading.Thread(target=decide)
    with transaction.atomic():
        held = lock_agent_row(shopping.pk)
        thread.start()
        wait_until_blocked()
        Agent.objects.filter(pk=shopping.pk).update(is_active=False)
    thread.join()

    assert held.is_active
    assert not seen[0].is_active
    assert seen[0].now > held.now
    assert seen[0].now.tzinfo is not None


def test_a_missing_agent_is_not_locked() -> None:
    with pytest.raises(NotFound), transaction.atomic():
        lock_agent_row("agt_00000000000000000000000000")


def test_c15_of_two_grants_at_once_that_do_not_fit_together_one_waits(
    people: People,
) -> None:
    small = {
        **SEED_POLICY,
        "max_transaction_amount": "100.00",
        "requires_approval_above": "100.00",
        "daily_budget": "100.00",
    }
    agents = [
        make_agent(people.carol, acting=people.alice, policy=None, name=f"a{n}")
        for n in range(11)
    ]
    for agent in agents[2:]:
        set_policy(agent.pk, parse_terms(small), acting=people.bob)
    left = iter(agents[:2])

    results = all_at_once(
        2,
        lambda: set_policy(next(left).pk, parse_terms(small), acting=people.bob),
    )

    names = sorted(type(result).__name__ for result in results)
    assert names == ["ChangeRequest", "PolicyVersion"]


def test_c15_whoever_raises_an_effect_waits_for_a_policy_that_names_it(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_function("look", acting=people.alice, effect="read")
    agent = make_agent(people.carol, acting=people.alice, policy=None)
    small = {
        **SEED_POLICY,
        "max_transaction_amount": "1.00",
        "requires_approval_above": "1.00",
        "daily_budget": "1.00",
        "allowed_functions": ["look"],
    }
    refused: list[Any] = []

    def raise_effect() -> None:
        try:
            add_function_version(
                "look", schema={"type": "object"}, effect="send", acting=people.alice
            )
        except FunctionInUse as error:
            refused.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=raise_effect)

    def begin_and_wait(*args: Any, **kwargs: Any) -> PolicyVersion:
        thread.start()
        wait_until_blocked()
        return put_in_force(*args, **kwargs)

    monkeypatch.setattr(policies, "put_in_force", begin_and_wait)
    set_policy(agent.pk, parse_terms(small), acting=people.bob)
    thread.join()

    assert len(refused) == 1
    assert PolicyVersion.objects.get().terms.allowed_functions == ("look",)
    assert FunctionVersion.objects.get().effect == "read"

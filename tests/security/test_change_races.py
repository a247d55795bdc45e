"""Two at once over one change request, with real commits and locks."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from agents.models import PolicyVersion
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from audit.models import AuditEvent
from security.changes.models import ChangeRequest
from security.changes.services import approve_change
from security.errors import ChangeResolved, ChangeSuperseded
from tests.factories import SEED_POLICY, make_agent
from tests.people import People, make_person

pytestmark = pytest.mark.usefixtures("committed_db")
LOOSER = parse_terms({**SEED_POLICY, "max_transaction_amount": "5000"})


def at_once(*calls: Any) -> list[Any]:
    barrier = threading.Barrier(len(calls))
    results: list[Any] = []

    def run(call: Any) -> None:
        barrier.wait()
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001 - the test looks at them.
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def asked_by(people: People) -> ChangeRequest:
    own = make_agent(people.bob, acting=people.alice)
    change = set_policy(own.pk, LOOSER, acting=people.bob)
    assert isinstance(change, ChangeRequest)
    return change


def test_k2_of_eight_approvals_at_once_one_counts(people: People):
    change = asked_by(people)
    others = [make_person(f"admin{n}", role="admin") for n in range(4)]

    results = at_once(
        *(
            lambda person=person: approve_change(change.pk, acting=person)
            for person in others * 2
        )
    )

    won = [result for result in results if isinstance(result, ChangeRequest)]
    assert [result.status for result in won] == ["approved"]
    refused = {type(result) for result in results if result not in won}
    assert refused == {ChangeResolved}
    assert PolicyVersion.objects.filter(agent_id=change.target_id).count() == 2
    assert AuditEvent.objects.filter(action="change.approved").count() == 1


def test_an_approval_and_a_new_policy_at_once_never_lose_one(people: People):
    """Either order is fine; that both were built on version 1 is not."""
    change = asked_by(people)
    stricter = parse_terms({**SEED_POLICY, "max_transaction_amount": "600"})

    results = at_once(
        lambda: approve_change(change.pk, acting=people.alice),
        lambda: set_policy(
            change.target_id, stricter, expected_numbers={1}, acting=people.alice
        ),
    )

    versions = PolicyVersion.objects.filter(agent_id=change.target_id)
    assert sorted(versions.values_list("number", flat=True)) == [1, 2]
    errors = [result for result in results if isinstance(result, Exception)]
    assert len(errors) == 1
    change.refresh_from_db()
    was_superseded = isinstance(errors[0], ChangeSuperseded)
    assert change.status == ("superseded" if was_superseded else "approved")


def test_asking_anew_and_approving_at_once_ends_in_one_of_them(people: People):
    change = asked_by(people)
    wider = parse_terms({**SEED_POLICY, "allowed_merchants": None})

    results = at_once(
        lambda: approve_change(change.pk, acting=people.alice),
        lambda: set_policy(change.target_id, wider, acting=people.bob),
    )

    [approval] = [
        result
        for result in results
        if isinstance(result, ChangeResolved) or result.pk == change.pk
    ]
    was_late = isinstance(approval, ChangeResolved)
    [asked] = [result for result in results if result is not approval]
    asked.refresh_from_db()
    change.refresh_from_db()
    assert asked.status == "waiting"
    assert change.status == ("superseded" if was_late else "approved")
    assert ChangeRequest.objects.count() == 2

"""What serves the requester: a second person agrees, or nothing changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from django.utils import timezone

from accounts.models import Session, User
from accounts.services.people import update_user
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from audit.models import AuditEvent
from security.changes import services
from security.changes.models import ChangeRequest
from security.changes.services import Proposal, expire_due_changes, request_change
from tests.factories import SEED_POLICY, make_agent_token
from tests.flows.requests import LOOSER, app_rows, ask_for_policy, numbers, problem
from tests.people import make_person

pytestmark = pytest.mark.usefixtures("spacious_limits")
URL = "/api/v1/change-requests/"


def decide(client, change_id, verb, reason="Because."):
    return client.post(f"{URL}{change_id}/{verb}/", {"reason": reason})


def actions():
    events = AuditEvent.objects.filter(action__startswith="change.").order_by("id")
    return list(events.values_list("action", flat=True))


def test_c7_the_owner_asks_and_another_person_agrees(own, manager, client_for, alice):
    answer = ask_for_policy(manager, own)

    body = answer.json()
    assert body == {
        "id": body["id"],
        "object": "change_request",
        "kind": "policy",
        "status": "waiting",
        "target": {"id": own.pk, "label": own.name},
        "changes": {"max_transaction_amount": ["1000.00", "5000.00"]},
        "requested_by": "bob",
        "requested_at": body["requested_at"],
        "expires_at": body["expires_at"],
        "resolved_by": "",
        "resolved_at": None,
        "reason": "",
    }
    assert numbers(own) == [1]

    agreed = decide(client_for(alice), body["id"], "approve", "Checked.")

    assert agreed.status_code == 200
    assert (agreed.json()["status"], agreed.json()["resolved_by"]) == (
        "approved",
        "alice",
    )
    own.refresh_from_db()
    assert own.policy_version.number == 2
    assert own.policy_version.terms.max_transaction_amount_minor == 500_000
    assert own.policy_version.created_by_id == own.owner_id
    event = AuditEvent.objects.filter(action="policy.version_created").latest("id")
    assert event.actor_id == alice.pk
    assert event.details["change_request"] == body["id"]
    assert actions() == ["change.requested", "change.approved"]


def test_the_new_limits_hold_from_the_answer_on(asked, own, alice, client_for, api):
    agent = api(token=make_agent_token(own, acting=alice))
    body = {"amount": "1500.00", "merchant": "Amazon", "category": "electronics"}
    before = agent.post(
        "/api/v1/transactions/", body, headers={"Idempotency-Key": "before"}
    )

    decide(client_for(alice), asked, "approve")
    after = agent.post(
        "/api/v1/transactions/", body, headers={"Idempotency-Key": "after"}
    )

    assert before.json()["outcome"] == "deny"
    assert after.json()["outcome"] == "hold"


@pytest.mark.parametrize("verb", ["approve"])
def test_c7_whoever_asked_does_not_agree(asked, own, manager, verb):
    before = app_rows()

    problem(decide(manager, asked, verb), 403, "own_change")

    assert app_rows() == before


def test_c7_nor_whoever_gains_by_it(own, bob, alice, client_for):
    """An administrator asks, as it were, for the manager's agent."""
    with transaction.atomic():
        change = request_change(proposal_for(own), acting=alice)
    before = app_rows()

    for verb in ("approve", "reject"):
        problem(decide(client_for(bob), change.pk, verb), 403, "own_change")

    assert app_rows() == before


def proposal_for(agent):
    return Proposal(
        kind="policy",
        target_id=agent.pk,
        target_label=agent.name,
        owner_id=agent.owner_id,
        payload=LOOSER,
        base={"number": 1},
        changes={"max_transaction_amount": ["1000.00", "5000.00"]},
    )


def test_c2_another_teams_change_is_not_found(asked, own, eve, client_for):
    client, before = client_for(eve), app_rows()

    problem(client.get(f"{URL}{asked}/"), 404, "not_found")
    problem(decide(client, asked, "approve"), 404, "not_found")
    problem(decide(client, asked, "reject"), 404, "not_found")

    assert client.get(URL).json()["data"] == []
    assert app_rows() == before


def test_a_team_member_without_the_right_does_not_see_it(asked, carol, client_for):
    problem(client_for(carol).get(f"{URL}{asked}/"), 404, "not_found")


def test_another_manager_of_the_team_may_agree(asked, own, people, client_for):
    frank = make_person("frank", role="manager", team=people.north)

    assert decide(client_for(frank), asked, "approve").status_code == 200
    assert numbers(own) == [1, 2]


def test_k14_agreeing_takes_a_fresh_proof_and_refusing_none(asked, alice, client_for):
    client = client_for(alice)
    Session.objects.update(authenticated_at=timezone.now() - timedelta(minutes=6))
    before = app_rows()

    problem(decide(client, asked, "approve"), 403, "step_up_required")

    assert app_rows() == before
    assert decide(client, asked, "reject").status_code == 200


@pytest.mark.parametrize("first", ["approve", "reject"])
@pytest.mark.parametrize("second", ["approve", "reject"])
def test_k4_a_second_word_changes_nothing(asked, alice, client_for, first, second):
    client = client_for(alice)
    assert decide(client, asked, first).status_code == 200
    before = app_rows()

    problem(decide(client, asked, second), 409, "change_resolved")

    assert app_rows() == before


def test_a_rejection_needs_its_reason(asked, alice, client_for):
    client, before = client_for(alice), app_rows()

    assert decide(client, asked, "reject", "").status_code == 400
    assert app_rows() == before

    rejected = decide(client, asked, "reject", "Too much.")
    assert (rejected.json()["status"], rejected.json()["reason"]) == (
        "rejected",
        "Too much.",
    )
    assert actions() == ["change.requested", "change.rejected"]


def test_one_may_take_back_what_one_asked_for(asked, own, manager):
    withdrawn = decide(manager, asked, "reject")

    assert withdrawn.json()["status"] == "withdrawn"
    assert numbers(own) == [1]
    assert actions() == ["change.requested", "change.withdrawn"]


def test_k12_what_nobody_decides_expires_and_changes_nothing(
    own, bob, alice, client_for, monkeypatch
):
    monkeypatch.setattr(services, "LASTS", timedelta(0))
    change = set_policy(own.pk, parse_terms(LOOSER), acting=bob)

    problem(decide(client_for(alice), change.pk, "approve"), 409, "change_expired")

    change.refresh_from_db()
    assert change.status == "expired"
    assert numbers(own) == [1]
    assert actions() == ["change.requested", "change.expired"]


def test_the_job_expires_what_is_due_and_leaves_the_rest(asked, bob, alice):
    now = timezone.now()

    assert expire_due_changes(now=now + timedelta(days=7)) == 1
    assert expire_due_changes(now=now + timedelta(days=7)) == 0

    assert ChangeRequest.objects.get().status == "expired"


def test_k5_a_policy_set_in_the_meantime_supersedes_the_change(
    asked, own, alice, client_for
):
    stricter = parse_terms({**SEED_POLICY, "max_transaction_amount": "600"})
    set_policy(own.pk, stricter, acting=alice)

    problem(decide(client_for(alice), asked, "approve"), 409, "change_superseded")

    assert numbers(own) == [1, 2]
    assert ChangeRequest.objects.get().status == "superseded"
    assert actions() == ["change.requested", "change.superseded"]


def test_k6_what_a_person_asked_for_who_may_no_longer_is_void(
    asked, own, bob, alice, client_for
):
    heidi = make_person("heidi", role="admin")
    update_user(user=bob, acting=heidi, role="user")

    problem(decide(client_for(alice), asked, "approve"), 409, "change_superseded")

    assert numbers(own) == [1]


def test_a_new_proposal_takes_the_place_of_the_one_that_waits(asked, own, manager):
    again = ask_for_policy(manager, own).json()["id"]
    other = ask_for_policy(manager, own, {**LOOSER, "allowed_merchants": None}).json()[
        "id"
    ]

    assert again == asked != other
    states = dict(ChangeRequest.objects.values_list("pk", "status"))
    assert states == {asked: "superseded", other: "waiting"}


def test_the_list_shows_what_one_may_see_and_filters(asked, own, manager, client_for):
    body = manager.get(URL, {"status": "waiting", "kind": "policy"}).json()

    assert [item["id"] for item in body["data"]] == [asked]
    assert manager.get(URL, {"status": "approved"}).json()["data"] == []


def test_n3_a_second_admin_gives_an_admin_what_they_asked_for(alice, client_for):
    second = make_person("grace", role="admin")
    change = update_user(
        user=alice,
        acting=alice,
        permissions=frozenset({"audit.export_auditevent"}),
    )

    problem(decide(client_for(alice), change.pk, "approve"), 403, "own_change")
    assert not alice.user_permissions.exists()
    assert decide(client_for(second), change.pk, "approve").status_code == 200

    held = alice.user_permissions.values_list("codename", flat=True)
    assert list(held) == ["export_auditevent"]
    event = AuditEvent.objects.filter(action="user.updated").latest("id")
    assert (event.actor_id, event.target_id) == (second.pk, alice.pk)
    assert event.details["change_request"] == change.pk


def test_a_managers_own_word_never_gives_rights(alice, bob, client_for):
    change = update_user(user=alice, acting=alice, role="user")

    problem(decide(client_for(bob), change.pk, "approve"), 404, "not_found")

    assert User.objects.get(pk=alice.pk).role == "admin"


def test_rights_changed_in_the_meantime_supersede_the_change(alice, client_for):
    second, third = (make_person(name, role="admin") for name in ("grace", "heidi"))
    change = update_user(user=alice, acting=alice, role="user")
    update_user(user=alice, acting=third, role="manager")

    problem(decide(client_for(second), change.pk, "approve"), 409, "change_superseded")

    assert User.objects.get(pk=alice.pk).role == "manager"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE security_changerequest SET payload = '{}'",
        "UPDATE security_changerequest SET requested_by_id = 'usr_0'",
        "UPDATE security_changerequest SET expires_at = now() + interval '9 days'",
        "DELETE FROM security_changerequest",
        "TRUNCATE security_changerequest",
    ],
)
def test_l1_what_was_asked_cannot_be_rewritten(refusal, asked, sql):
    before = app_rows()

    with (
        pytest.raises(ProgrammingError, match=refusal),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    assert app_rows() == before


def test_l1_nor_how_it_ended(asked, alice, client_for):
    assert decide(client_for(alice), asked, "reject").status_code == 200

    with pytest.raises(ProgrammingError, match="history"), transaction.atomic():
        ChangeRequest.objects.update(status="approved")
    assert ChangeRequest.objects.get().status == "rejected"

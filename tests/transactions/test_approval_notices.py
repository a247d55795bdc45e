"""People get a mail that something waits for them, and once more before it expires."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import User
from agents.models import Agent
from audit.models import AuditEvent
from security.notifications.models import Notification
from security.notifications.services.contacts import set_contact
from security.notifications.services.messages import send_due_notifications
from tests.browsing import sign_in
from tests.factories import make_agent
from tests.people import SETUP, make_person
from tests.spending import approve, deny, held
from tests.transactions.approving import ADMINS, TWO_PEOPLE, delegate, let_escalate
from transactions.approvals.models import ApprovalRequest
from transactions.approvals.services.notices import notify_approvers
from transactions.approvals.services.times import escalate_due_approvals

HOUR = timedelta(hours=1)


def told() -> list[tuple[str, str]]:
    """Return who was written to about what, in order."""
    messages = Notification.objects.order_by("created_at", "id")
    return list(messages.values_list("recipient", "subject"))


def recipients() -> set[str]:
    return {recipient.partition("@")[0] for recipient, _ in told()}


def test_those_who_may_decide_are_told_once(agent, people):
    make_person("heidi", User.Role.ADMIN)
    approval = held(agent, "750.00")
    now = timezone.now()

    assert notify_approvers(now=now) == 2
    assert notify_approvers(now=now) == 0

    # Not alice, who made the agent; not carol, whose it is; not eve of another team.
    assert recipients() == {"bob", "heidi"}
    message = Notification.objects.get(recipient="bob@example.com")
    assert message.subject == "750.00 USD waits for approval"
    assert f"/approvals/{approval.pk}/" in message.body
    assert "requested by shopping" in message.body
    assert "Amazon" not in message.body
    assert mail.outbox == []
    assert send_due_notifications() == 2
    assert AuditEvent.objects.filter(action="notification.queued").count() == 2


@pytest.mark.parametrize("begun", ["created_at", "escalated_at"])
def test_what_began_to_wait_by_a_clock_that_was_ahead_is_told_at_once(agent, begun):
    approval = held(agent)
    now = timezone.now()
    times = {begun: now + timedelta(days=3), "notice_due_at": now + timedelta(days=3)}
    ApprovalRequest.objects.filter(pk=approval.pk).update(
        **times, expires_at=now + timedelta(days=4)
    )

    assert notify_approvers(now=now) == 1
    assert notify_approvers(now=now) == 0

    approval.refresh_from_db()
    assert approval.notice_due_at is not None
    assert approval.notice_due_at < approval.expires_at


@pytest.mark.usefixtures("spacious_limits")
def test_k13_following_the_mails_link_approves_nothing(agent, people):
    approval = held(agent)
    notify_approvers(now=timezone.now())
    body = Notification.objects.get(recipient="bob@example.com").body
    [link] = re.findall(r"https?://[^/\s]+(/\S+)", body)
    client = Client()
    sign_in(client, people.bob)

    for method in (client.get, client.head):
        assert method(link).status_code == 200

    approval.refresh_from_db()
    assert approval.status == "waiting"
    assert not approval.votes.exists()


def test_nothing_is_sent_from_the_request_itself(agent):
    held(agent)

    assert told() == []


def test_what_waits_at_the_same_time_is_one_message(agent, people):
    for amount in ("750.00", "751.00", "752.00"):
        held(agent, amount)

    notify_approvers(now=timezone.now())

    assert told() == [("bob@example.com", "3 transactions wait for approval")]
    body = Notification.objects.get().body
    assert body.count("/approvals/apr_") == 3


def test_a_reminder_comes_once_when_a_quarter_of_the_time_is_left(agent, people):
    approval = held(agent)
    notify_approvers(now=timezone.now())
    quarter = approval.expires_at - 6 * HOUR

    assert notify_approvers(now=quarter - timedelta(seconds=1)) == 0
    assert notify_approvers(now=quarter) == 1
    assert notify_approvers(now=quarter + HOUR) == 0

    assert len(told()) == 2
    last = Notification.objects.order_by("created_at", "id").last()
    assert "expires soon" in last.body


@pytest.mark.parametrize("act", [approve, deny])
def test_what_is_resolved_reminds_nobody(agent, people, act):
    approval = held(agent)
    act(approval, people.bob)

    notify_approvers(now=timezone.now())
    notify_approvers(now=approval.expires_at - HOUR)

    assert told() == []


def test_whoever_has_agreed_is_not_reminded(agent, people, give_policy):
    make_person("frank", User.Role.MANAGER, people.north)
    give_policy(agent, approval_levels=TWO_PEOPLE)
    approval = held(agent)
    approve(approval, people.bob)

    notify_approvers(now=approval.expires_at - HOUR)

    assert recipients() == {"frank"}


def test_an_escalation_tells_the_next_role(agent, people, give_policy):
    make_person("heidi", User.Role.ADMIN)
    give_policy(agent, approval_escalates_after_minutes=30)
    approval = held(agent)
    notify_approvers(now=timezone.now())
    Notification.objects.all().delete()
    let_escalate(approval)
    escalate_due_approvals(now=timezone.now())

    notify_approvers(now=timezone.now())

    assert recipients() == {"heidi"}
    assert "now for your role to decide" in Notification.objects.get().body
    # And the reminder is still to come.
    approval.refresh_from_db()
    assert approval.notice_due_at == approval.expires_at - 6 * HOUR


def test_delegates_are_told_too(agent, people):
    delegate(people.bob, people.eve)
    held(agent)

    notify_approvers(now=timezone.now())

    assert recipients() == {"bob", "eve"}


def test_if_nobody_may_decide_the_security_contacts_are_told(
    agent, people, give_policy
):
    set_contact("primary", name="Lead", email="lead@example.com", acting=SETUP)
    give_policy(agent, approval_levels=ADMINS)  # alice made the agent.
    approval = held(agent, "750.00")

    notify_approvers(now=timezone.now())

    assert told() == [("lead@example.com", "Nobody can approve 750.00 USD")]
    assert approval.pk in Notification.objects.get().body


def test_nobody_is_woken_for_a_rehearsal(people):
    rehearsal = make_agent(people.carol, acting=people.alice, name="r", mode="test")
    approval = held(rehearsal)

    notify_approvers(now=timezone.now())
    notify_approvers(now=approval.expires_at - HOUR)

    assert told() == []


def test_a_storm_buries_nobody(agent, people):
    """Twenty messages an hour, then one that says there are more."""
    approval = held(agent)
    for minute in range(25):
        at = timezone.now() + timedelta(seconds=minute)
        ApprovalRequest.objects.update(notice_due_at=at)
        notify_approvers(now=at)

    assert len(told()) == 21
    assert told()[-1][1].startswith("More than 20 messages")
    assert approval.status == "waiting"


def test_a_name_that_breaks_lines_breaks_no_mail(people):
    """As one of before names were checked."""
    agent = make_agent(people.carol, acting=people.alice)
    Agent.objects.update(name="Bot\r\nBcc: x@y.z")
    held(agent)

    notify_approvers(now=timezone.now())

    assert "requested by Bot Bcc: x@y.z." in Notification.objects.get().body
    assert send_due_notifications() == 1


def test_a_name_that_hides_characters_shows_them_in_the_mail(people):
    agent = make_agent(people.carol, acting=people.alice)
    Agent.objects.update(name="Bot\u202etob")
    held(agent)

    notify_approvers(now=timezone.now())

    assert "requested by Bot⟦U+202E⟧tob." in Notification.objects.get().body

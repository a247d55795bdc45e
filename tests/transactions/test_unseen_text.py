"""What an agent writes is shown as it is stored: nothing in it can hide or turn."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audit.base.core.visible import visible
from audit.models import AuditEvent
from tests.browsing import sign_in
from tests.factories import make_agent
from tests.people import People
from tests.transactions.scenes import OPEN_POLICY, ask
from transactions.approvals.models import ApprovalRequest

pytestmark = pytest.mark.usefixtures("spacious_limits")

TURNED, SEEN = "\u202eAma\u200bzon", "⟦U+202E⟧Ama⟦U+200B⟧zon"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (TURNED, SEEN),
        ("\u2066x\u2069", "⟦U+2066⟧x⟦U+2069⟧"),
        ("a\x00b\x1b[2J\x7f", "a⟦U+0000⟧b⟦U+001B⟧[2J⟦U+007F⟧"),
        ("soft\u00adhyphen", "soft⟦U+00AD⟧hyphen"),
        ("one\ntwo", "one⟦U+000A⟧two"),
        ("tag\U000e0041", "tag⟦U+E0041⟧"),
        ("half \ud800", "half ⟦U+D800⟧"),
        ("blank\u3164", "blank⟦U+3164⟧"),
        ("Müller & Söhne ﷼ 株式会社 ⚠️ <b>", "Müller & Söhne ﷼ 株式会社 ⚠️ <b>"),
        ("", ""),
    ],
)
def test_what_shows_nothing_is_written_out(text: str, shown: str):
    assert visible(text) == shown


def test_line_feeds_stay_where_they_are_kept():
    assert visible("a\n\u202eb", keep="\n") == "a\n⟦U+202E⟧b"


@pytest.fixture
def approval(people: People) -> ApprovalRequest:
    agent = make_agent(people.carol, acting=people.alice, policy=OPEN_POLICY)
    words = "First line\r\nsecond \u202edesrever\u2069\x07"
    asked = ask(agent, merchant=TURNED, description=words)
    return ApprovalRequest.objects.get(transaction=asked)


WRITTEN_OUT, ESCAPED = "⟦U+202E⟧", "\\u202e"


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        ("transactions:approval-queue", WRITTEN_OUT),
        ("transactions:approval-detail", WRITTEN_OUT),
        ("transactions:transaction-list", WRITTEN_OUT),
        ("transactions:transaction-detail", WRITTEN_OUT),
        ("transactions:dashboard", WRITTEN_OUT),
        ("admin:transactions_transaction_changelist", WRITTEN_OUT),
        ("admin:transactions_transaction_change", WRITTEN_OUT),
        ("admin:transactions_decision_change", ESCAPED),
        ("admin:transactions_merchantactivity_changelist", WRITTEN_OUT),
        ("admin:audit_auditevent_changelist", "transaction.requested"),
        ("admin:audit_auditevent_change", WRITTEN_OUT),
    ],
)
def test_no_page_lets_it_turn_the_text_around_it(
    client, people: People, approval: ApprovalRequest, page: str, seen: str
):
    asked = approval.transaction
    keys = {
        "transactions:approval-detail": approval.pk,
        "transactions:transaction-detail": asked.pk,
        "admin:transactions_transaction_change": asked.pk,
        "admin:transactions_decision_change": asked.decision.pk,
        "admin:audit_auditevent_change": AuditEvent.objects.get(
            action="transaction.requested"
        ).pk,
    }
    sign_in(client, people.alice if page.startswith("admin:") else people.bob)

    shown = client.get(reverse(page, args=[keys[page]] if page in keys else []))

    text = shown.content.decode()
    assert shown.status_code == 200
    assert not {"\u202e", "\u200b", "\u2069", "\x07"} & set(text)
    assert seen in text


def test_the_lines_of_a_description_stay_lines(
    client, people: People, approval: ApprovalRequest
):
    sign_in(client, people.bob)

    shown = client.get(reverse("transactions:approval-detail", args=[approval.pk]))

    assert "First line\nsecond ⟦U+202E⟧desrever⟦U+2069⟧⟦U+0007⟧" in (
        shown.content.decode()
    )

"""The approval page shows what would refuse an approval anyway."""

from __future__ import annotations

import pytest
from django.urls import reverse

from security.locks.services import lock_resource
from tests.browsing import sign_in
from tests.people import People
from tests.transactions.scenes import held

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("agent", "This agent is locked: all its requests are denied."),
        ("user", "The agent’s owner is locked: all its requests are denied."),
        ("merchant", "This merchant is locked: nothing is allowed there."),
        ("everything", "Everything is locked: all requests are denied."),
    ],
)
def test_the_approval_page_says_what_locks_it(
    client, people: People, kind: str, told: str
):
    approval = held(people)
    targets = {
        "agent": approval.transaction.agent_id,
        "user": people.carol.pk,
        "merchant": "amazon",
        "everything": "",
    }
    page = reverse("transactions:approval-detail", args=[approval.pk])
    sign_in(client, people.bob)
    before = client.get(page)
    assert before.status_code == 200
    assert "is locked" not in before.content.decode()

    lock_resource(kind, targets[kind], acting=people.alice, reason="Odd requests.")

    html = " ".join(client.get(page).content.decode().split())
    assert told in html
    assert "Odd requests. – alice" in html

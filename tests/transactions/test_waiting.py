"""Every figure of what waits is the length of the list that it leads to."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from security.notifications.models import Notification
from security.notifications.services.contacts import set_contact
from tests.browsing import sign_in
from tests.factories import make_agent
from tests.people import SETUP, make_person
from tests.spending import approve, held, make_due
from tests.transactions.approving import ADMINS, TWO_PEOPLE, delegate
from transactions.approvals.queries.approvals import approval_queue
from transactions.approvals.queries.waiting import nobody_decides, waiting_for
from transactions.approvals.services.notices import notify_approvers

pytestmark = pytest.mark.usefixtures("spacious_limits")

QUEUE = reverse("transactions:approval-queue")
NOBODY = "Nobody can decide"
LINE = re.compile(r'href="/approvals/(apr_[0-9a-z]{26})/"')


@pytest.fixture
def page_of(db):
    def get(person, address: str) -> str:
        client = Client()
        sign_in(client, person)
        page = client.get(address)
        assert page.status_code == 200, address
        return page.content.decode()

    return get


def lines_of(html: str) -> list[str]:
    return LINE.findall(html)


def figures_of(html: str) -> list[tuple[str, int]]:
    """Return the addresses that figures about what waits lead to, and the figures."""
    links = re.findall(r'<a href="(/approvals/(?:\?show=\w+)?)"[^>]*>(.*?)</a>', html)
    told = [(address, re.findall(r"[0-9]+", text)) for address, text in links]
    return [(address, int(numbers[0])) for address, numbers in told if numbers]


@pytest.fixture
def scene(people, agent, give_policy):
    """Six holds: bob's four, one of them of a test agent; eve's one; nobody's one."""
    rehearsing = make_agent(people.carol, acting=people.alice, name="r", mode="test")
    hers = make_agent(people.eve, acting=people.alice, name="eve's")
    for at in (agent, agent, agent, rehearsing):
        held(at)
    give_policy(agent, approval_levels=ADMINS)  # alice made the agent.
    nobodys = held(agent, "760.00")
    overdue = held(agent, "770.00")
    make_due(overdue)
    return nobodys, held(hers)


@pytest.mark.parametrize("name", ["alice", "bob", "eve"])
def test_the_figures_of_the_dashboard_and_of_the_queue_count_their_lists(
    people, scene, page_of, name
):
    person = getattr(people, name)
    waiting = waiting_for(person, now=timezone.now())
    expected = {"alice": (5, 0, 2), "bob": (4, 3, 1), "eve": (1, 0, 1)}[name]
    assert tuple(map(len, (waiting.all, waiting.own, waiting.undecidable))) == expected

    test = waiting_for(person, now=timezone.now(), mode="test")
    expected = {"alice": (1, 0, 0), "bob": (1, 1, 0), "eve": (0, 0, 0)}[name]
    assert tuple(map(len, (test.all, test.own, test.undecidable))) == expected

    for page in (reverse("transactions:dashboard"), QUEUE):
        figures = figures_of(page_of(person, page))
        assert {address for address, _ in figures} >= {
            QUEUE,
            f"{QUEUE}?show=all",
            f"{QUEUE}?show=nobody",
        }
        for address, figure in figures:
            assert (address, figure) == (address, len(set(lines_of(
                page_of(person, address)
            ))))  # fmt: skip


def test_what_somebody_else_decides_is_listed_without_a_box_to_tick(
    people, scene, page_of
):
    html = page_of(people.bob, f"{QUEUE}?show=all")

    assert len(lines_of(html)) == 4
    assert html.count('type="checkbox"') == 3
    assert html.count("Not yours") == 1


def test_an_unknown_part_of_the_queue_is_refused(client, people):
    sign_in(client, people.bob)

    assert client.get(f"{QUEUE}?show=everything").status_code == 400


def test_pages_of_a_part_stay_in_it(people, agent, page_of, monkeypatch):
    monkeypatch.setattr("transactions.approvals.views.PAGE_SIZE", 1)
    held(agent)
    held(agent, "760.00")

    assert 'href="?show=all&amp;page=2"' in page_of(people.bob, f"{QUEUE}?show=all")


@pytest.mark.parametrize(
    ("page", "person"),
    [
        ("transactions:approval-queue", "alice"),
        ("transactions:approval-detail", "bob"),
        ("transactions:transaction-detail", "bob"),
        ("transactions:transaction-detail", "carol"),
        ("transactions:transaction-list", "carol"),
        ("transactions:dashboard", "bob"),
        ("transactions:dashboard", "carol"),
        ("admin:transactions_approvalrequest_changelist", "alice"),
        ("admin:transactions_approvalrequest_change", "alice"),
        ("admin:transactions_transaction_changelist", "alice"),
        ("admin:transactions_transaction_change", "alice"),
    ],
)
def test_every_page_of_a_hold_says_that_nobody_can_decide_on_it(
    people, agent, give_policy, page_of, page, person
):
    somebodys = held(agent)
    keys = {"approval": somebodys.pk, "transaction": somebodys.transaction_id}

    def shown() -> str:
        key = next((keys[name] for name in keys if f"{name}-detail" in page), "")
        if page.endswith("_change"):
            key = keys["approval" if "approvalrequest" in page else "transaction"]
        address = reverse(page, args=[key] if key else [])
        html = page_of(
            getattr(people, person), address + ("?show=all" if "queue" in page else "")
        )
        # The list's own heading says how many; that is no row.
        return re.sub(r'(?s)<nav class="tabs".*?</nav>', "", html)

    assert NOBODY not in shown()
    give_policy(agent, approval_levels=ADMINS)
    nobodys = held(agent, "760.00")
    keys.update(approval=nobodys.pk, transaction=nobodys.transaction_id)

    assert NOBODY in shown()


def who_decides(approval) -> set[str]:
    now = timezone.now()
    return {
        person.username
        for person in User.objects.all()
        if approval_queue(person, now=now).filter(pk=approval.pk).exists()
    }


def test_a_hold_is_nobodys_if_it_is_in_nobodys_queue(people, agent, give_policy):
    """One after the other: an approver goes, another comes, one speaks, one helps."""
    now = timezone.now()
    give_policy(agent, approval_levels=TWO_PEOPLE)
    approval = held(agent)

    def is_nobodys() -> bool:
        found = bool(nobody_decides([approval.pk], now=timezone.now()))
        assert found == (not who_decides(approval))
        return found

    assert not is_nobodys()
    approve(
        approval, people.bob
    )  # A second person is missing, and nobody else may decide.
    assert is_nobodys()
    frank = make_person("frank", User.Role.MANAGER, people.north)
    assert not is_nobodys()
    User.objects.filter(pk=frank.pk).update(is_active=False)
    assert is_nobodys()
    User.objects.filter(pk=frank.pk).update(is_active=True)
    delegate(frank, people.eve)
    assert not is_nobodys()
    assert nobody_decides([approval.pk], now=approval.expires_at) == frozenset()
    assert nobody_decides([], now=now) == frozenset()


def test_where_all_is_somebodys_few_are_asked(people, agent):
    held(agent)
    for number in range(8):
        make_person(f"manager{number}", User.Role.MANAGER, people.south)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            waiting_for(people.alice, now=timezone.now())
        return len(captured)

    few = queries()
    for number in range(4):
        held(agent, f"76{number}.00")

    assert queries() == few
    assert few < 20


def test_the_mail_says_whether_nobody_may_decide_or_nobody_is_reached(
    people, agent, give_policy
):
    set_contact("primary", name="Lead", email="lead@example.com", acting=SETUP)
    User.objects.filter(pk=people.bob.pk).update(email="")
    held(agent)
    notify_approvers(now=timezone.now())
    give_policy(agent, approval_levels=ADMINS)
    held(agent, "760.00")
    notify_approvers(now=timezone.now())

    subjects = Notification.objects.order_by("created_at").values_list(
        "subject", flat=True
    )
    assert list(subjects) == [
        "Nobody can be notified that 750.00 USD waits for approval",
        "Nobody can approve 760.00 USD",
    ]

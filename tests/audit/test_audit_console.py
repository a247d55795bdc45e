"""The log in the console: read only, bounded, readable, and on the record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import admin as events
from audit.base.context import System, acting_as
from audit.models import AuditEvent
from audit.services.recording import build_event, record
from tests.browsing import sign_in

pytestmark = pytest.mark.django_db

LIST = "/admin/audit/auditevent/"


@pytest.fixture
def console(client, alice):
    sign_in(client, alice)
    return client


def write(
    target: str = "alr_1", note: str = "Seen.", request_id: str = ""
) -> AuditEvent:
    with acting_as(System("tests"), request_id=request_id), transaction.atomic():
        return record(
            "alert.acknowledged",
            target=("alert", target, "failed_logins"),
            details={"note": note},
        )


def shown(answer) -> list[str]:
    return [event.pk for event in answer.context["cl"].result_list]


def test_an_event_is_readable_and_inert(console):
    event = write(note="<script>alert(1)</script>")

    page = console.get(f"{LIST}{event.pk}/change/").content.decode()

    assert "&quot;note&quot;: &quot;&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page
    assert f"{LIST}?target_id=alr_1" in page


def test_l1_the_console_adds_changes_and_deletes_nothing(console):
    event = write()
    before = AuditEvent.objects.filter(pk=event.pk).values().get()

    assert console.post(f"{LIST}add/", {}).status_code == 403
    assert console.post(f"{LIST}{event.pk}/change/", {}).status_code == 403
    assert console.post(f"{LIST}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    selected = {"_selected_action": [event.pk], "post": "yes"}
    console.post(LIST, {"action": "delete_selected", **selected})

    assert AuditEvent.objects.filter(pk=event.pk).values().get() == before


def test_l10_looking_is_on_the_record(console, alice):
    event = write()
    console.get(LIST, {"action": "alert.acknowledged"})
    console.get(f"{LIST}{event.pk}/change/")

    seen = AuditEvent.objects.filter(action="audit.viewed").order_by("id")
    assert [(e.actor_id, e.target_id, e.details["filters"]) for e in seen] == [
        (alice.pk, "", {"action": "alert.acknowledged"}),
        (alice.pk, event.pk, {"id": event.pk}),
    ]


def test_search_finds_by_whole_ids(console):
    event = write("alr_1", request_id="req.7")
    write("alr_2")

    for term in (event.pk, "alr_1", "req.7", " alr_1 "):
        assert shown(console.get(LIST, {"q": term})) == [event.pk]
    assert shown(console.get(LIST, {"q": "alr"})) == []
    assert shown(console.get(LIST, {"target_id": "alr_1"})) == [event.pk]


@pytest.mark.parametrize(
    ("query", "shows_the_other"),
    [
        ({"within": "hour"}, False),
        ({"outcome": "success"}, False),
        ({"actor_kind": "system", "action": "alert.acknowledged"}, False),
    ],
)
def test_filters(console, query, shows_the_other):
    event = write()
    other = build_event("request.refused", details={"code": "x", "status": 400})
    other.actor_kind, other.outcome = "anonymous", AuditEvent.Outcome.REFUSED
    other.occurred_at -= timedelta(hours=1, minutes=1)
    other.save(force_insert=True)

    found = shown(console.get(LIST, query))

    assert event.pk in found
    assert (other.pk in found) is shows_the_other


def test_no_query_reads_the_whole_log(console):
    for number in range(51):  # More than a page.
        write(str(number))

    with CaptureQueriesContext(connection) as queries:
        console.get(LIST)

    on_the_log = [
        q["sql"]
        for q in queries.captured_queries
        if 'FROM "audit_auditevent"' in q["sql"]
    ]
    assert on_the_log
    assert all(" LIMIT " in sql for sql in on_the_log)


def test_n2_only_staff_with_the_permission_may_look(client, bob, carol):
    event = write()
    for person in (bob, carol):
        sign_in(client, person)
        for page in (LIST, reverse("admin:audit_auditevent_change", args=[event.pk])):
            answer = client.get(page)
            sent_to = f"/admin/login/?next={page}"
            assert (answer.status_code, answer["Location"]) == (302, sent_to)

    assert not AuditEvent.objects.filter(action="audit.viewed").exists()


def test_n7_what_is_no_field_of_the_log_is_not_looked_up(console):
    write()

    answer = console.get(LIST, {"cvv": "123"})

    assert answer.status_code == 400


def name(label: str, target: str = "agt_1", **more: str) -> AuditEvent:
    with acting_as(System(label), **more), transaction.atomic():
        return record(
            "alert.acknowledged",
            target=("agent", target, "Spring offers"),
            details={"note": "Seen."},
        )


def test_search_finds_names_of_who_acted_and_of_what_it_was_about(console):
    write()
    event = name("Ada Lovelace")

    for term in ("Ada Lovelace", "lovelace", "spring OFF", " Ada "):
        assert shown(console.get(LIST, {"q": term})) == [event.pk], term
    assert shown(console.get(LIST, {"q": "Ada%"})) == []


def test_a_name_that_looks_like_an_id_is_found(console):
    event = name("svc_night_shift")

    assert shown(console.get(LIST, {"q": "svc_night"})) == [event.pk]


def test_names_are_looked_for_among_the_newest_events_only(console, monkeypatch):
    monkeypatch.setattr(events, "NAMES_LOOKED_AT", 20)
    name("Ada Lovelace")
    newer = [name("Grace").pk for _ in range(30)]

    assert shown(console.get(LIST, {"q": "Ada"})) == []
    found = shown(console.get(LIST, {"q": "Grace"}))
    # One more event is the newest: that somebody looked.
    assert found == newer[:-20:-1]


def test_a_search_for_a_name_reads_no_more_than_it_says(console):
    name("Ada Lovelace")
    with CaptureQueriesContext(connection) as queries:
        console.get(LIST, {"q": "Ada"})

    on_the_log = [
        q["sql"]
        for q in queries.captured_queries
        if 'FROM "audit_auditevent"' in q["sql"]
    ]
    by_name = [sql for sql in on_the_log if "actor_label" in sql.partition("WHERE")[2]]
    assert len(by_name) == 2
    others = [sql for sql in on_the_log if sql not in by_name]
    assert [sql for sql in others if " LIMIT " not in sql] == []
    assert [sql for sql in by_name if '"occurred_at" >= ' not in sql] == []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {by_name[-1]}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "occurred_at >= " in plan
    assert "Index Cond" in plan

"""The console shows the seal, verifies on demand and hands out the filtered list."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.db import transaction

from audit import tasks
from audit.core.exports import CSV_COLUMNS
from audit.models import AuditEvent, AuditLeaf, SavedFilter
from audit.services.recording import record
from audit.services.saved_filters import save_filter
from audit.services.sealing import make_checkpoint_if_due
from tests.audit import tampering
from tests.audit.logs import seal, write_events
from tests.browsing import sign_in

pytestmark = pytest.mark.usefixtures("committed_db", "outside")

LIST = "/admin/audit/auditevent/"


@pytest.fixture
def console(client, alice):
    sign_in(client, alice)
    return client


def text(page) -> str:
    return " ".join(page.content.decode().split())


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_a_log_that_nobody_verified_says_so(console):
    page = text(console.get(LIST))

    assert "This log was never verified." in page
    assert "There is no checkpoint yet" in page


def test_asking_for_a_verification_gets_one_and_shows_it(console, alice):
    write_events(3)
    seal()
    make_checkpoint_if_due()
    tasks.verify_if_asked()
    assert "audit.verified" not in actions()

    answer = console.post(f"{LIST}verify/", follow=True)
    assert "The log is being verified" in text(answer)
    seal()
    tasks.verify_if_asked()
    tasks.verify_if_asked()

    asked = AuditEvent.objects.get(action="audit.verification_asked")
    assert asked.actor_id == alice.pk
    assert actions().count("audit.verified") == 1
    page = text(console.get(LIST))
    assert "checkpoints, all as signed." in page
    assert "Newest checkpoint: number 1" in page


def test_looking_does_not_verify(console):
    assert console.get(f"{LIST}verify/").status_code == 405
    assert "audit.verification_asked" not in actions()


def test_a_damaged_log_is_told_with_the_first_bad_place(console, as_owner):
    write_events(3)
    seal()
    console.post(f"{LIST}verify/")
    seal()
    tampering.remove_guards()
    AuditEvent.objects.filter(target_id="thing-1").update(outcome="refused")
    tasks.verify_if_asked()

    page = text(console.get(LIST))

    assert "The log does not verify" in page
    assert "is not as it was sealed. [event_changed]" in page


def test_an_event_tells_its_place(console):
    [event] = write_events(1)
    address = f"{LIST}{event.pk}/change/"
    assert "Not sealed yet" in text(console.get(address))
    seal()
    place = AuditLeaf.objects.get(event_id=event.pk).index
    assert f"Index {place}, not signed yet." in text(console.get(address))
    seal()
    make_checkpoint_if_due()
    assert f"Index {place}, under checkpoint 1." in text(console.get(address))


def test_the_log_is_searched_by_address(console):
    [event] = write_events(1)

    page = console.get(LIST, {"q": "198.51.100.7"})

    assert [shown.pk for shown in page.context["cl"].result_list] == [event.pk]


def test_a_change_is_shown_before_and_after(console, alice):
    with transaction.atomic():
        event = record(
            "team.updated",
            details={"changes": {"name": ["<b>Old</b>", "New"], "size": [1, None]}},
            actor=alice,
        )

    page = text(console.get(f"{LIST}{event.pk}/change/"))

    assert (
        '<th scope="row">name</th><td><del>&lt;b&gt;Old&lt;/b&gt;</del></td>'
        "<td><ins>New</ins></td>" in page
    )
    assert '<th scope="row">size</th><td><del>1</del></td><td><ins>null</ins>' in page


class TestExport:
    def test_the_filtered_list_is_handed_out_and_written_down(self, console, alice):
        write_events(8)
        seal()

        answer = console.get(f"{LIST}export/csv/", {"target_id": "thing-0"})

        content = b"".join(answer.streaming_content).decode("utf-8-sig")
        header, *rows = csv.reader(io.StringIO(content, newline=""))
        assert tuple(header) == CSV_COLUMNS
        assert [row[CSV_COLUMNS.index("target_id")] for row in rows] == ["thing-0"] * 2
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Content-Disposition"].endswith('.csv"')
        event = AuditEvent.objects.get(action="audit.exported")
        assert event.actor_id == alice.pk
        assert event.details == {"format": "csv", "filters": {"target_id": "thing-0"}}

    def test_lines_of_json_hold_the_place_in_the_log(self, console):
        write_events(2)
        seal()

        answer = console.get(f"{LIST}export/jsonl/", {"actor_kind": "system"})

        lines = b"".join(answer.streaming_content).decode().splitlines()
        told = [json.loads(line) for line in lines]
        places = [one["index"] for one in told if one["action"] == "request.refused"]
        assert len(places) == 2
        assert None not in places

    def test_an_unknown_format_is_not_there(self, console):
        assert console.get(f"{LIST}export/xml/").status_code == 404
        assert "audit.exported" not in actions()

    def test_the_links_keep_the_filter(self, console):
        page = text(console.get(LIST, {"target_id": "thing-0"}))

        assert f"{LIST}export/ocsf/?target_id=thing-0" in page


def test_a_filter_is_saved_shown_used_and_removed(console, alice):
    console.get(f"{LIST}?outcome=refused")
    assert "Saved filters" not in text(console.get(LIST))
    assert "Save this filter as" in text(
        console.get(f"{LIST}?outcome__exact=refused&p=2")
    )

    answer = console.post(
        f"{LIST}filters/",
        {"name": "  Refused  <today> ", "query": "outcome__exact=refused&p=2"},
        follow=True,
    )

    assert answer.redirect_chain == [(f"{LIST}?outcome__exact=refused", 302)]
    saved = SavedFilter.objects.get()
    assert (saved.person_id, saved.name) == (alice.pk, "Refused <today>")
    link = '<a href="?outcome__exact=refused">Refused &lt;today&gt;</a>'
    assert link in text(console.get(LIST))
    told = AuditEvent.objects.get(action="audit.filter_saved")
    assert told.details["filters"] == {"outcome__exact": "refused"}
    assert (told.target_id, told.actor_id) == (saved.pk, alice.pk)

    answer = console.post(f"{LIST}filters/{saved.pk}/remove/", follow=True)
    assert "The filter was removed." in text(answer)
    assert not SavedFilter.objects.exists()
    assert AuditEvent.objects.filter(action="audit.filter_removed").count() == 1


def test_a_filter_of_the_same_name_gives_way(console):
    for outcome in ("refused", "failure"):
        console.post(f"{LIST}filters/", {"name": "Mine", "query": f"outcome={outcome}"})

    assert SavedFilter.objects.get().query == "outcome=failure"


@pytest.mark.parametrize(
    ("name", "query", "says"),
    [
        (" ", "outcome=refused", "Give the filter a name"),
        ("x" * 61, "outcome=refused", "Give the filter a name"),
        ("Mine", "", "Filter the list first"),
        ("Mine", "p=3", "Filter the list first"),
        ("Mine", "q=" + "x" * 2_000, "Filter the list first"),
        ("Mine", "cvv=123", "A filter holds no secrets"),
        ("Mine", "q=4111 1111 1111 1111", "A filter holds no secrets"),
        ("4111 1111 1111 1111", "outcome=refused", "A filter holds no secrets"),
    ],
)
def test_a_filter_that_cannot_be_kept_is_told_and_nothing_is(
    console, name, query, says
):
    answer = console.post(
        f"{LIST}filters/", {"name": name, "query": query}, follow=True
    )

    assert says in text(answer)
    assert not SavedFilter.objects.exists()
    assert "audit.filter_saved" not in actions()


def test_a_person_keeps_at_most_fifty(console, alice):
    for number in range(50):
        save_filter(f"number {number}", "outcome=refused", acting=alice)

    answer = console.post(
        f"{LIST}filters/", {"name": "one more", "query": "outcome=refused"}, follow=True
    )

    assert "You keep 50 filters; remove one first." in text(answer)
    assert SavedFilter.objects.count() == 50
    assert not SavedFilter.objects.filter(name="one more").exists()


def test_nobody_sees_or_removes_what_another_keeps(console):
    other = SavedFilter.objects.create(
        person_id="usr_other", name="Theirs", query="outcome=refused"
    )

    page = console.get(f"{LIST}?outcome=refused")
    assert page.status_code == 200
    assert "Theirs" not in text(page)
    assert console.post(f"{LIST}filters/{other.pk}/remove/").status_code == 404
    assert SavedFilter.objects.get() == other


@pytest.mark.parametrize(
    ("name", "query", "says"),
    [
        ("a\x00b", "outcome__exact=refused", "Give the filter a name"),
        ("a\u202eb", "outcome__exact=refused", "Give the filter a name"),
        # A NUL is masked like a secret, as PostgreSQL cannot store it.
        ("Mine", "outcome__exact=%00", "A filter holds no secrets"),
        ("Mine", "q=a\x00b", "A filter holds no secrets"),
        ("Mine", "q=a%E2%80%AEb", "Filter the list first"),
        ("Mine", "q=%0d%0aLocation: http://example.com", "Filter the list first"),
        ("Mine", "q=\r\nLocation: http://example.com", "Filter the list first"),
    ],
)
def test_e12_control_characters_in_a_filter_are_refused(console, name, query, says):
    body = {"name": name, "query": query}
    answer = console.post(f"{LIST}filters/", body, follow=True)

    assert answer.status_code == 200
    assert says in text(answer)
    assert [location.partition("?")[0] for location, _ in answer.redirect_chain] == [
        LIST
    ]
    assert not SavedFilter.objects.exists()

"""Exports: each format as its readers want it, and nothing that bites them."""

from __future__ import annotations

import csv
import io
import json
import re
import tracemalloc
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from audit.core.actions import ACTIONS
from audit.core.exports import CSV_COLUMNS, FORMATS, csv_header, csv_row
from audit.filters import AuditEventFilter
from audit.models import AuditEvent
from audit.services.exports import export_events
from audit.services.recording import build_event
from tests.audit.logs import EVENT, seal, write_event, write_events, write_many
from tests.audit.ocsf import faults

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
events = st.fixed_dictionaries(
    {
        "index": st.none() | st.integers(0, 10**9),
        "id": st.just("evt_1"),
        "object": st.just("audit_event"),
        "occurred_at": st.just("2026-11-28T01:02:03.456000Z"),
        "action": st.sampled_from(sorted(ACTIONS)),
        "outcome": st.sampled_from(AuditEvent.Outcome.values),
        "actor": st.fixed_dictionaries({"kind": texts, "id": texts, "label": texts}),
        "target": st.fixed_dictionaries({"kind": texts, "id": texts, "label": texts}),
        "owner": texts,
        "address": st.none() | st.just("203.0.113.9"),
        "user_agent": texts,
        "request_id": texts,
        "details": st.dictionaries(texts, texts, max_size=3),
    }
)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@given(events)
def test_no_cell_of_a_table_is_a_formula_whatever_separates_cells(separator, event):
    """Where commas are decimal points, Excel splits a file at semicolons."""
    line = io.StringIO(csv_row(event), newline="")

    cells = [cell for row in csv.reader(line, delimiter=separator) for cell in row]

    assert len(cells) >= 1
    assert [cell for cell in cells if re.match(r"[=+\-@\t\r\n＝＋－＠]", cell)] == []


@given(events)
def test_a_table_holds_what_the_event_says(event):
    [row] = csv.reader(io.StringIO(csv_row(event), newline=""))

    told = dict(zip(CSV_COLUMNS, row, strict=True))
    # The marks that keep text from being a formula are all that is added.
    assert told["actor_label"].replace("'", "") == event["actor"]["label"].replace(
        "'", ""
    )


@pytest.mark.parametrize("mark", ["=1+1", "x;=1+1", "x\n=1+1", 'x;"=1+1"', "a|@b"])
def test_a_formula_after_another_countrys_separator_is_marked(mark):
    event = EVENT | {"user_agent": mark}

    rows = csv.reader(io.StringIO(csv_row(event), newline=""))

    [agent] = [row[CSV_COLUMNS.index("user_agent")] for row in rows]
    assert agent != mark
    assert agent.replace("'", "") == mark


def test_a_table_begins_with_the_mark_by_which_excel_knows_utf_8():
    lines = [csv_header(), csv_row(EVENT | {"user_agent": "Müller"})]

    content = "\r\n".join(lines).encode()

    assert content.startswith(b"\xef\xbb\xbfindex,id,")
    assert content.count(b"\xef\xbb\xbf") == 1


@given(events, st.sampled_from(["jsonl", "ecs", "ocsf"]))
def test_json_formats_are_one_line_of_json(event, form: str):
    line = FORMATS[form](event)

    assert "\n" not in line
    assert isinstance(json.loads(line), dict)


@given(events)
def test_cef_is_one_line_whose_values_cannot_break_out(event):
    line = FORMATS["cef"](event)

    assert "\n" not in line
    assert "\r" not in line
    header = re.split(r"(?<!\\)(?:\\\\)*\|", line, maxsplit=7)
    assert header[:2] == ["CEF:0", "AI Agent Platform"]
    keys = re.findall(r"(?:^| )(\w+)(?<!\\)=", header[7])
    assert keys[:3] == ["rt", "externalId", "outcome"]


@given(events)
def test_ocsf_is_valid_whatever_the_event_says(event):
    told = json.loads(FORMATS["ocsf"](event))

    assert faults(told) == []
    assert told["time"] == 1795827723456


def test_an_address_is_named_by_its_version_and_an_absent_one_not_at_all():
    def shown(address: str | None) -> tuple[str, dict]:
        event = EVENT | {"address": address, "request_id": ""}
        return FORMATS["cef"](event), json.loads(FORMATS["ecs"](event))

    for address, key in [("203.0.113.9", " src="), ("2001:db8::1", " c6a2=")]:
        cef, ecs = shown(address)
        assert f"{key}{address}" in cef
        assert ecs["source"] == {"ip": address}
    cef, ecs = shown(None)
    assert [key for key in (" src=", "c6a2", "cs2Label") if key in cef] == []
    assert "source" not in ecs


@given(events)
def test_ecs_names_its_version_and_an_outcome_that_it_knows(event):
    told = json.loads(FORMATS["ecs"](event))

    assert told["ecs"] == {"version": "8.17.0"}
    is_good = event["outcome"] == "success"
    assert told["event"]["outcome"] == ("success" if is_good else "failure")
    assert told["ai_agent_platform"]["outcome"] == event["outcome"]


@pytest.mark.usefixtures("committed_db")
class TestCommand:
    def lines(self, capsys, *arguments: str) -> list[str]:
        call_command("export_audit", *arguments)
        return capsys.readouterr().out.splitlines()

    def test_events_come_oldest_first_with_their_place(self, capsys):
        sealed = write_events(2)
        seal()
        later = write_event()

        told = [json.loads(line) for line in self.lines(capsys)]

        assert [(one["id"], one["index"]) for one in told[:3]] == [
            (sealed[0].pk, 0),
            (sealed[1].pk, 1),
            (later.pk, None),
        ]

    def test_filters_cut_the_view_and_are_written_down(self, capsys):
        write_events(9)

        lines = self.lines(
            capsys, "--format", "csv", "--target", "thing-1", "--outcome", "success"
        )

        assert lines[0] == csv_header()
        assert len(lines) == 1 + 2
        event = AuditEvent.objects.get(action="audit.exported")
        assert event.details == {
            "format": "csv",
            "filters": {"outcome": "success", "target": "thing-1"},
        }

    @pytest.mark.parametrize("name", AuditEventFilter.base_filters)
    def test_every_filter_of_the_api_is_an_option(self, capsys, name):
        one = build_event(
            "team.created", target=("team", "tea_1", "North"), owner_id="usr_1"
        )
        other = build_event("session.stepped_up", details={"method": "passkey"})
        other.actor_kind, other.actor_id = "user", "usr_2"
        other.target_id, other.address = "ses_2", "203.0.113.2"
        other.owner_id, other.request_id = "usr_2", "req-2"
        other.outcome = AuditEvent.Outcome.REFUSED
        other.occurred_at = one.occurred_at + timedelta(hours=1)
        AuditEvent.objects.bulk_create([one, other])
        between = (one.occurred_at + timedelta(minutes=1)).isoformat()
        values = {"occurred_after": between, "occurred_before": between}
        fields = {"actor": "actor_id", "target": "target_id", "owner": "owner_id"}
        value = values.get(name) or getattr(other, fields.get(name, name))

        lines = self.lines(capsys, f"--{name.replace('_', '-')}", value)

        exported = [json.loads(line)["id"] for line in lines]
        # The export itself is the newest event.
        assert exported[:1] == [one.pk if name == "occurred_before" else other.pk]
        assert one.pk not in exported[1:]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--format", "xml"], "invalid choice"),
            (["--occurred-after", "yesterday"], "occurred_after: Enter a valid date"),
            (["--occurred-before", "9999-12-31T23:59:59-23:00"], "occurred_before: "),
            (["--owner", ""], "owner: give a value"),
            (["--action", "nothing.done"], "action: Select a valid choice"),
            (["--address", "nowhere"], "address: Enter a valid IPv4 or IPv6 address"),
            (["--format", "proof", "--actor", "x"], "no filters"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, capsys, arguments, message):
        with pytest.raises(CommandError, match=message):
            call_command("export_audit", *arguments)
        assert not AuditEvent.objects.exists()


@pytest.mark.usefixtures("committed_db")
def test_memory_does_not_grow_with_the_log(monkeypatch):
    monkeypatch.setattr("audit.services.exports.CHUNK", 400)

    def peak(more: int) -> int:
        write_many(more)
        tracemalloc.start()
        for _ in export_events(AuditEvent.objects.all(), "jsonl"):
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    # Both are longer than the two batches that are held at a time.
    of_1_000, of_3_000 = peak(1_000), peak(2_000)

    assert of_3_000 < 1.1 * of_1_000, (of_1_000, of_3_000)

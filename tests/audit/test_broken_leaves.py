"""The quick look at events takes none for whole that is not as it was sealed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audit.models import AuditEvent
from audit.queries.sealed import Broken, _odd_leaves, broken_leaves
from audit.services.recording import build_event
from tests.audit import tampering
from tests.audit.logs import WRITER, seal

COLUMNS = (
    "actor_id",
    "actor_label",
    "target_label",
    "user_agent",
    "request_id",
)


def write(text: str, details: dict | None = None) -> AuditEvent:
    told = {"code": "test", "status": 400} | (details or {})
    event = build_event("request.refused", details=told, actor=WRITER)
    for column in COLUMNS:
        setattr(event, column, text[: AuditEvent._meta.get_field(column).max_length])
    event.save(force_insert=True)
    return event


def look() -> tuple[list[int], list[Broken]]:
    odd, gone = _odd_leaves(0, 1_000)
    return odd + gone, list(broken_leaves(0, 1_000))


@pytest.mark.django_db
def test_ordinary_events_need_no_second_look():
    texts = [
        "",
        "é\U0001f600",
        "a\nb\tc\rd\be\f",
        "back\\slash",
        "{}:,[]",
        "\\N",
        "\\.",
    ]
    for text in texts:
        write(text, {"text": text, "nested": {"b": [1, None, True], "aa": -0.5}})
    seal()

    assert look() == ([], [])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "details"),
    [
        ('say "hi"', {}),
        ("\x0b\x01\x1f", {}),
        ("", {"\U0001f600": 1, "\uffff": 2}),
        ("", {"big": 2**70, "small": 1e-7, "round": 1e21}),
    ],
)
def test_a_second_look_finds_odd_events_whole(text, details):
    write("plain")
    write(text, details)
    seal()

    assert look() == ([1], [])


LIKE = [
    ('say "hi"', 'say \\"hi\\"'),
    ('say \\"hi\\"', 'say "hi"'),
    ("a\nb", "a\\nb"),
    ("a\\nb", "a\nb"),
    ("a\tb", "a\\tb"),
    ("a\\b", "a\\\\b"),
    ("\x0b", "\\u000b"),
    ("\\u000b", "\x0b"),
    ("\x01", "\\u0001"),
    ("", "\\N"),
    ('","kind":"', ""),
]


@pytest.mark.usefixtures("committed_db", "as_owner")
def test_a_text_that_is_spelled_like_the_sealed_one_is_found():
    changes = [(column, *texts) for column in COLUMNS for texts in LIKE]
    events = [write(sealed) for _, sealed, _ in changes]
    seal()
    assert list(broken_leaves(0, 1_000)) == []
    tampering.remove_guards()

    for event, (column, _, put_there) in zip(events, changes, strict=True):
        AuditEvent.objects.filter(pk=event.pk).update(**{column: put_there})

    found = {broken.event_id for broken in broken_leaves(0, 1_000)}
    assert found == {event.pk for event in events}


@pytest.mark.usefixtures("committed_db", "as_owner")
@pytest.mark.parametrize(
    "details",
    ["[" * 300 + "]" * 300, "[" * 3_000 + "]" * 3_000, "9" * 5_000, "1e-2000"],
    ids=["deep", "very deep", "long", "tiny"],
)
def test_details_that_nobody_can_spell_are_found(details):
    event = write("plain")
    write("other")
    seal()
    tampering.remove_guards()
    tampering.sql(
        "UPDATE audit_auditevent SET details = jsonb_build_object('a', %s::jsonb)"
        " WHERE id = %s",
        details,
        event.pk,
    )

    [broken] = broken_leaves(0, 1_000)

    assert (broken.index, broken.is_there) == (0, True)


TEXT = st.text(
    st.characters(exclude_characters="\x00", codec="utf-8")
    | st.sampled_from('"\\nbtu01\n\t,{}:'),
    max_size=12,
)
DETAILS = st.dictionaries(
    TEXT,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(-1e30, 1e30) | TEXT,
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=4,
    ),
    max_size=3,
)


class Properties(TestCase):
    @given(TEXT, DETAILS)
    def test_no_event_is_called_broken(self, text, details):
        write(text, details)
        seal()

        assert list(broken_leaves(0, 1_000)) == []

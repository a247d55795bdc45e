"""Statements that stay prepared: what survives, and what they answer when looked at."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.base.prepared import _numbered, first_row
from tests.elsewhere import elsewhere

TEXT = "SELECT %(given)s::text, %(given)s::int + 1, length(%(other)s::text)"
VALUES = {"given": "41", "other": "ünï"}
ENOUGH = 7  # A statement is prepared when it comes for the sixth time.


def prepared() -> list[str]:
    """Return the texts that this connection has prepared."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [text for (text,) in cursor.fetchall()]


def reconnect() -> None:
    database: Any = connection
    database.close()
    database.close_pool()


def ask() -> list[tuple[Any, ...] | None]:
    return [first_row(TEXT, VALUES) for _ in range(ENOUGH)]


@pytest.mark.parametrize(
    ("text", "numbered"),
    [
        ("a = %s AND b = %s", ("a = $1 AND b = $2", ())),
        ("%(b)s, %(a)s, %(b)s::text", ("$1, $2, $1::text", ("b", "a"))),
        ("'50 %%' LIKE %s", ("'50 %' LIKE $1", ())),
        ("SELECT 1", ("SELECT 1", ())),
    ],
)
def test_placeholders_are_numbered_as_postgresql_does(text, numbered):
    assert _numbered(text) == numbered


@pytest.mark.django_db
def test_a_text_that_comes_often_is_prepared_once():
    answers = ask()

    assert answers == [("41", 42, 3)] * ENOUGH
    assert prepared() == [_numbered(TEXT)[0]]


@pytest.mark.django_db
def test_who_looks_on_sees_the_values_and_the_same_answer():
    with CaptureQueriesContext(connection) as captured:
        answer = first_row(TEXT, VALUES)

    assert answer == first_row(TEXT, VALUES)
    assert [query["sql"] for query in captured.captured_queries] == [
        "SELECT '41'::text, '41'::int + 1, length('ünï'::text)"
    ]


@pytest.mark.django_db
def test_no_row_is_none():
    assert first_row("SELECT 1 WHERE %s", [False]) is None


@pytest.mark.django_db
def test_an_error_is_djangos_and_the_connection_goes_on():
    ask()

    with pytest.raises(DatabaseError), transaction.atomic():
        first_row("SELECT %s::int", ["no number"])

    assert ask() == [("41", 42, 3)] * ENOUGH


@pytest.mark.django_db
def test_what_was_undone_takes_its_statements_along_and_they_are_prepared_anew():
    with transaction.atomic():
        ask()
        transaction.set_rollback(True)

    assert prepared() == []
    assert ask() == [("41", 42, 3)] * ENOUGH
    assert len(prepared()) == 1


@pytest.mark.usefixtures("committed_db")
def test_a_connection_that_ended_is_replaced_by_one_that_prepares_for_itself():
    ask()
    elsewhere(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    with pytest.raises(DatabaseError):
        ask()
    connection.close()  # As Django does at the end of each request.

    assert ask() == [("41", 42, 3)] * ENOUGH
    assert len(prepared()) == 1


@pytest.mark.usefixtures("committed_db")
def test_without_prepared_statements_the_answers_are_the_same(monkeypatch):
    reconnect()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", None)
    try:
        assert ask() == [("41", 42, 3)] * ENOUGH
        assert prepared() == []
    finally:
        reconnect()

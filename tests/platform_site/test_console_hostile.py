"""N10: what others wrote shows in the console as text, once, and never as markup.

Every column of every list and every field of every page, of every model: what is
hostile is put into each text of each row as it is read, so that no service, form or
constraint can have refused it before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import Any

import pytest
from django.db.models import CharField, Field, JSONField, Model, TextField

from audit.base.ids import PrefixedIdField
from audit.models import AuditEvent
from tests.browsing import sign_in
from tests.console import fill_console, list_of, models, page_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("spacious_limits")]

READ: Any = vars(Model)["from_db"].__func__
HOSTILE = "<i class=h>&'\""
SHOWN = escape(HOSTILE)
# What is read by code to find its way, and written by nobody else.
NOT_WRITTEN = {
    *("currency", "key", "holder", "scope", "window", "engine_version", "time_zone"),
    *("locked_by_id", "resource_id", "target_id", "kind", "metric", "trigger"),
    *("password", "mode", "period"),
}


def is_written(field: Field[Any, Any]) -> bool:
    """Return whether others may have written what a column holds."""
    is_text = isinstance(field, (CharField, TextField)) and not field.choices
    return (
        is_text
        and not isinstance(field, PrefixedIdField)
        and not field.primary_key
        and field.name not in NOT_WRITTEN
        and not field.name.endswith("_id")
    )


@pytest.fixture
def console(client: Any, people: Any) -> Any:
    fill_console(people)
    sign_in(client, people.alice)
    return client


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a value into columns of each row as it is read from the database.

    `value` returns it for a column, or None for what is stored.
    """

    def read_as(told: Callable[[Field[Any, Any]], object]) -> None:
        for model in models():
            values = {
                field.attname: value
                for field in model._meta.concrete_fields
                if (value := told(field)) is not None
            }

            def from_db(cls, db, names, row, *, values=values):
                read = READ(cls, db, names, row)
                for name in values.keys() & set(names):
                    setattr(read, name, values[name])
                return read

            monkeypatch.setattr(model, "from_db", classmethod(from_db))

    return read_as


def answers(console: Any) -> dict[str, str]:
    """Return the text of every list, and of the newest object's page of each model."""
    found = {}
    for model in models():
        row: Any = model._default_manager.order_by("pk").last()
        for address in (list_of(model), page_of(row)):
            answer = console.get(address)
            assert answer.status_code == 200, address
            found[address] = answer.content.decode()
    assert len(found) == 2 * len(models()) > 60
    return found


def markup_shown(page: str) -> list[str]:
    """Return where a page shows markup of ours as text, or escapes what is escaped."""
    wrong = r"&lt;/?(?!i class=h)[a-z!]|&amp;(?:lt|gt|amp|quot|#x27|#39);"
    return re.findall(rf".{{0,60}}(?:{wrong}).{{0,60}}", page, re.DOTALL)


def test_n10_hostile_text_shows_once_escaped_in_every_list_and_page(console, reading):
    def told(field: Field[Any, Any]) -> object:
        if isinstance(field, JSONField) and field.model is AuditEvent:
            return {"changes": {HOSTILE: [HOSTILE, HOSTILE]}, HOSTILE: 1}
        return HOSTILE if is_written(field) else None

    reading(told)
    found = answers(console)

    showing = [address for address, page in found.items() if SHOWN in page]
    assert len(showing) > 35, showing
    raw = [address for address, page in found.items() if "<i class=h>" in page]
    assert raw == []
    wrong = {a: shown for a, page in found.items() if (shown := markup_shown(page))}
    assert wrong == {}


def test_n10_what_has_no_name_shows_no_markup_as_text(console, reading):
    """Where a label is empty, the end of an id stands for it, in markup of ours."""
    reading(lambda field: "" if is_written(field) and field.blank else None)
    found = answers(console)

    assert "short-id" in found[list_of(AuditEvent)]
    wrong = {a: shown for a, page in found.items() if (shown := markup_shown(page))}
    assert wrong == {}

from __future__ import annotations

from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction

from agents.models import Agent, FunctionVersion, PolicyVersion
from tests.factories import make_function

TABLES = ["agents_policyversion", "agents_functionversion"]


@pytest.fixture
def versions(alice: Any, shopping: Agent) -> None:
    make_function(acting=alice)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET number = 7",
        "DELETE FROM {}",
        "TRUNCATE {} CASCADE",
    ],
)
def test_a_version_is_never_changed(
    refusal: str, versions: None, table: str, statement: str
) -> None:
    # Or the test's own rows, not the trigger, would stop TRUNCATE.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with (
        pytest.raises(ProgrammingError, match=refusal),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table))

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT number FROM {table}")  # noqa: S608 - a literal above.
        assert cursor.fetchall() == [(1,)]


def test_neither_is_it_by_the_orm(versions: None) -> None:
    for model in (PolicyVersion, FunctionVersion):
        version = model.objects.get()
        version.number = 7
        denied = f"permission denied for table {model._meta.db_table}"
        with pytest.raises(ProgrammingError, match=denied), transaction.atomic():
            version.save(update_fields=["number"])
        with pytest.raises(ProgrammingError, match=denied), transaction.atomic():
            model.objects.update(number=7)
        assert model.objects.get().number == 1

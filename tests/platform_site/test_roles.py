"""The role that serves: what it may do to the tables, and what it may not undo."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from audit.models import AuditEvent
from audit.tasks import make_partitions
from platform_site.roles import grant_runtime
from tests.audit.logs import write_event
from tests.databases import OWNER, RUNTIME

HISTORIES = [
    "agents_agenthandover",
    "agents_functionversion",
    "agents_policyversion",
    "audit_auditevent",
    "audit_auditleaf",
    "audit_auditnode",
    "audit_checkpoint",
    "transactions_approvalvote",
    "transactions_decision",
    "transactions_latecapture",
    "transactions_latecapturereversal",
    "transactions_ledgerentry",
    "transactions_refund",
]
RIGHTS = """
SELECT c.relname, has_table_privilege(%s, c.oid, 'UPDATE, DELETE, TRUNCATE'),
    has_table_privilege(%s, c.oid, 'TRUNCATE, REFERENCES, TRIGGER'),
    has_table_privilege(%s, c.oid, 'SELECT')
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""


def query(sql: str, *parameters: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else []


def rights() -> list[tuple]:
    """Of each table: may the role change its rows, its rules; may it read them."""
    return query(RIGHTS, RUNTIME, RUNTIME, RUNTIME)


def changeable() -> set[str]:
    """Return the tables whose rows the role may change."""
    return {table for table, can_change, _, _ in rights() if can_change}


@pytest.mark.django_db
def test_l1_history_can_be_read_and_added_to_and_nothing_else():
    found = rights()

    untouchable = {
        table
        for table, can_change, _, _ in found
        if not can_change and not table.startswith("audit_auditevent_")
    }
    assert untouchable == {*HISTORIES, "django_migrations"}
    assert {can_rule for _, _, can_rule, _ in found} == {False}
    assert {can_read for *_, can_read in found} == {True}


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize(
    ("sql", "refusal"),
    [
        (
            "ALTER TABLE audit_auditevent DISABLE TRIGGER refuse_change",
            "must be owner of table audit_auditevent",
        ),
        (
            "DROP TRIGGER refuse_change ON audit_auditevent",
            "must be owner of relation audit_auditevent",
        ),
        ("DROP TABLE audit_auditevent", "must be owner of table audit_auditevent"),
        (
            "ALTER TABLE audit_auditevent OWNER TO platform_runtime",
            "must be owner of table audit_auditevent",
        ),
        (
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger"
            " LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "permission denied for schema public",
        ),
        ("CREATE TABLE mine (id integer)", "permission denied for schema public"),
        (f"SET ROLE {OWNER}", f'permission denied to set role "{OWNER}"'),
        (
            "SET session_replication_role = replica",
            'permission denied to set parameter "session_replication_role"',
        ),
        (
            "UPDATE audit_auditevent_default SET action = 'x'",
            "permission denied for table audit_auditevent_default",
        ),
        ("DELETE FROM pg_trigger", "permission denied for table pg_trigger"),
        (
            "INSERT INTO audit_auditevent (xact_id) VALUES ('1')",
            "permission denied for table audit_auditevent",
        ),
        (
            "COPY audit_auditevent FROM PROGRAM 'true'",
            "permission denied to COPY to or from an external program",
        ),
    ],
)
def test_l1_the_guards_are_not_the_runtimes_to_remove(sql: str, refusal: str):
    event = write_event()
    before = query("SELECT * FROM audit_auditevent")

    with pytest.raises(DatabaseError, match=refusal), transaction.atomic():
        query(sql)

    assert query("SELECT * FROM audit_auditevent") == before
    with pytest.raises(DatabaseError, match="permission denied"):
        AuditEvent.objects.filter(pk=event.pk).update(action="x")


@pytest.mark.usefixtures("committed_db")
def test_the_job_makes_partitions_without_owning_the_table():
    query("SELECT 1")
    make_partitions()

    assert query("SELECT audit_make_partitions(5)") == [(2,)]
    owners = query(
        "SELECT DISTINCT tableowner FROM pg_tables"
        " WHERE tablename LIKE 'audit_auditevent_%%'"
    )
    assert owners == [(OWNER,)]


@pytest.mark.usefixtures("as_owner")
def test_granting_again_takes_back_what_was_given_by_hand():
    given = {"audit_auditevent", "audit_auditevent_default"}
    for table in given:
        query(f"GRANT ALL ON {table} TO {RUNTIME}")
    assert given <= changeable()

    assert grant_runtime(RUNTIME) == HISTORIES

    assert changeable().isdisjoint({*HISTORIES, *given})


@pytest.mark.usefixtures("as_owner")
def test_the_command_tells_what_is_history_and_what_is_wrong(capsys):
    call_command("grant_runtime", RUNTIME, "--migrate")
    told = capsys.readouterr().out
    assert "No migrations to apply." in told
    assert f"History: {', '.join(HISTORIES)}." in told

    call_command("grant_runtime", OWNER)
    assert "owns the tables" in capsys.readouterr().out

    with pytest.raises(CommandError, match='role "nobody" does not exist'):
        call_command("grant_runtime", "nobody")

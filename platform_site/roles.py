"""Two database roles: the owner makes tables, the runtime role works with them.

What triggers refuse, the runtime role has no right to in the first place; and the
triggers are not its own to drop.
"""

from __future__ import annotations

from django.db import connection, transaction

# Tables with a trigger of this name against both UPDATE (16) and DELETE (8).
HISTORIES = """
SELECT c.relname, c.relispartition FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND (SELECT bit_or(tgtype) & 24 FROM pg_trigger
         WHERE tgrelid = c.oid AND tgname = 'refuse_change') = 24
ORDER BY c.relname
"""
# Which transaction wrote an event is for the database to say, not for its writer.
WRITABLE = """
SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
WHERE attrelid = 'audit_auditevent'::regclass
    AND attnum > 0 AND NOT attisdropped AND attname <> 'xact_id'
"""


def grant_runtime(role: str) -> list[str] | None:
    """Grant a role the rights of the runtime; return the names of the history tables.

    None, and nothing granted, if the role is the owner itself. Idempotent: what it had
    before and should not have is revoked. Raises ProgrammingError for an unknown role.
    """
    name = connection.ops.quote_name(role)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_user = %s", [role])
        if cursor.fetchone()[0]:
            return None
        cursor.execute(HISTORIES)
        found = cursor.fetchall()
        guarded = ", ".join(table for table, _ in found)
        cursor.execute(WRITABLE)
        [columns] = cursor.fetchone()
        everything = "ALL TABLES IN SCHEMA public"
        for statement in (
            f"REVOKE ALL ON {everything} FROM {name}",
            f"GRANT USAGE ON SCHEMA public TO {name}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {everything} TO {name}",
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}",
            f"REVOKE UPDATE, DELETE ON {guarded} FROM {name}",
            f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {name}",
            f"REVOKE INSERT ON audit_auditevent FROM {name}",
            f"GRANT INSERT ({columns}) ON audit_auditevent TO {name}",
        ):
            cursor.execute(statement)
    return [table for table, is_partition in found if not is_partition]

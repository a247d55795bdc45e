"""Two database roles: the owner makes tables, the runtime role reads and writes rows.

The runtime role lacks the rights to do what triggers refuse, and cannot drop the
triggers.
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
# The database itself sets xact_id, the transaction that wrote an event.
WRITABLE = """
SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
WHERE attrelid = 'audit_auditevent'::regclass
    AND attnum > 0 AND NOT attisdropped AND attname <> 'xact_id'
"""


def grant_runtime(role: str) -> list[str] | None:
    """Grant a role the rights of the runtime; return the names of the history tables.

    Returns None, without a grant, if the role is the owner. Idempotent: rights that the
    role should not have are revoked. Raises ProgrammingError for an unknown role.
    """
    name = connection.ops.quote_name(role)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_user = %s", [role])
        if cursor.fetchone()[0]:
            return None
        cursor.execute(HISTORIES)
        found = cursor.fetchall()
        histories = ", ".join(table for table, _ in found)
        cursor.execute(WRITABLE)
        [columns] = cursor.fetchone()
        everything = "ALL TABLES IN SCHEMA public"
        for statement in (
            f"REVOKE ALL ON {everything} FROM {name}",
            f"GRANT USAGE ON SCHEMA public TO {name}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {everything} TO {name}",
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}",
            f"REVOKE UPDATE, DELETE ON {histories} FROM {name}",
            f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {name}",
            f"REVOKE INSERT ON audit_auditevent FROM {name}",
            f"GRANT INSERT ({columns}) ON audit_auditevent TO {name}",
        ):
            cursor.execute(statement)
    return [table for table, is_partition in found if not is_partition]

"""The seal of the log: leaves, nodes, checkpoints, and what the sequencer goes by."""

from django.db import migrations, models

# Which transaction wrote an event is known to the database alone: a default that no
# insert names, so that the way into the log stays as it is.
TRANSACTION = """
ALTER TABLE audit_auditevent
    ADD COLUMN xact_id xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX audit_xact ON audit_auditevent (xact_id);
CREATE INDEX audit_time_brin ON audit_auditevent USING brin (occurred_at);
"""
FORGET_TRANSACTION = """
DROP INDEX audit_time_brin;
ALTER TABLE audit_auditevent DROP COLUMN xact_id;
"""

GUARD = """
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {table} ADD CHECK ({check});
"""

CHECKS = {
    "audit_auditleaf": "index >= 0 AND octet_length(hash) = 32",
    "audit_auditnode": "level > 0 AND number >= 0 AND octet_length(hash) = 32",
    "audit_checkpoint": "number > 0 AND size >= 0 AND octet_length(root) = 32",
}


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(TRANSACTION, FORGET_TRANSACTION),
        migrations.CreateModel(
            name="AuditLeaf",
            fields=[
                ("index", models.BigIntegerField(help_text="From 0, without gaps.", primary_key=True, serialize=False)),
                ("event_id", models.CharField(db_collation="C", max_length=30, unique=True)),
                ("occurred_at", models.DateTimeField(help_text="Of the event: finds its partition.")),
                ("hash", models.BinaryField(help_text="SHA-256 of 0x00 and the canonical event.")),
            ],
            options={"ordering": ["index"]},
        ),
        migrations.CreateModel(
            name="AuditNode",
            fields=[
                ("pk", models.CompositePrimaryKey("level", "number", blank=True, editable=False, primary_key=True, serialize=False)),
                ("level", models.SmallIntegerField()),
                ("number", models.BigIntegerField()),
                ("hash", models.BinaryField()),
            ],
            options={"ordering": ["level", "number"]},
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("number", models.BigIntegerField(help_text="From 1, without gaps, as outside.", primary_key=True, serialize=False)),
                ("size", models.BigIntegerField(help_text="Sealed events.")),
                ("root", models.BinaryField()),
                ("time", models.DateTimeField()),
                ("note", models.TextField(help_text="The signed note (C2SP), word for word.")),
            ],
            options={"ordering": ["-number"]},
        ),
        *(
            migrations.RunSQL(
                GUARD.format(table=table, check=check), migrations.RunSQL.noop
            )
            for table, check in CHECKS.items()
        ),
    ]

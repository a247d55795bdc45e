"""Versions are history: the database refuses to change, delete or truncate them."""

from django.db import migrations

TABLES = ("agents_policyversion", "agents_functionversion")

FORWARDS = """
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

BACKWARDS = """
DROP TRIGGER refuse_truncate ON {table};
DROP TRIGGER refuse_change ON {table};
"""


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0001_initial"),
        ("audit", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(
            FORWARDS.format(table=table), BACKWARDS.format(table=table)
        )
        for table in TABLES
    ]

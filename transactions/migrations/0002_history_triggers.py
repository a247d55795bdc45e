"""Decisions are history: the database refuses to change, delete or truncate them."""

from django.db import migrations

FORWARDS = """
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON transactions_decision
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON transactions_decision
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

BACKWARDS = """
DROP TRIGGER refuse_truncate ON transactions_decision;
DROP TRIGGER refuse_change ON transactions_decision;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("transactions", "0001_initial"),
        ("audit", "0001_initial"),
    ]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]

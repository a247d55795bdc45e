"""What was decided is history: the database refuses to rewrite it.

A decision never changes. A transaction moves through its states, so its status and
its expiry may change, and nothing of what was asked.
"""

from django.db import migrations

FORWARDS = """
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON transactions_decision
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON transactions_decision
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_rewrite BEFORE UPDATE ON transactions_transaction
    FOR EACH ROW WHEN (
        to_jsonb(OLD) - '{status,expires_at}'::text[]
        IS DISTINCT FROM to_jsonb(NEW) - '{status,expires_at}'::text[])
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_delete BEFORE DELETE ON transactions_transaction
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON transactions_transaction
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

BACKWARDS = """
DROP TRIGGER refuse_truncate ON transactions_transaction;
DROP TRIGGER refuse_delete ON transactions_transaction;
DROP TRIGGER refuse_rewrite ON transactions_transaction;
DROP TRIGGER refuse_truncate ON transactions_decision;
DROP TRIGGER refuse_change ON transactions_decision;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("transactions", "0001_initial"),
        ("audit", "0001_initial"),
    ]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]

"""The transaction that wrote an event becomes part of what is sealed.

Leaves stay as they are: events from before have been sealed without it, so they lose
it. A null says so, and nothing that was not sealed is left in the table.

There is no way back: code from before cannot verify what is sealed from now on. Stop
the sequencers of before first, for they would go on to seal without it.
"""

from django.db import migrations

import audit.base.ids

# The default in a statement of its own: events from before must not get it.
REPLACE = """
ALTER TABLE audit_auditevent DROP COLUMN xact_id;
ALTER TABLE audit_auditevent ADD COLUMN xact_id xid8;
ALTER TABLE audit_auditevent ALTER COLUMN xact_id SET DEFAULT pg_current_xact_id();
CREATE INDEX audit_xact ON audit_auditevent (xact_id) WHERE xact_id IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_saved_filters")]

    operations = [
        migrations.RunSQL(
            REPLACE,
            state_operations=[
                migrations.AddField(
                    "auditevent",
                    "xact_id",
                    audit.base.ids.TransactionIdField(help_text="The database transaction that wrote the row; null in older ones."),
                ),
            ],
        ),
    ]

"""The audit log: partitioned by month, INSERT only by trigger, from its first day.

Django's state knows `id` as the key; PostgreSQL wants the partition column in it.
"""

from django.db import migrations, models

import audit.base.ids

TABLE = """
CREATE TABLE audit_auditevent (
    id varchar(30) COLLATE "C" NOT NULL,
    occurred_at timestamptz NOT NULL,
    action varchar(64) NOT NULL,
    outcome varchar(8) NOT NULL CHECK (outcome IN ('success', 'failure', 'refused')),
    actor_kind varchar(16) NOT NULL,
    actor_id varchar(40) NOT NULL,
    actor_label varchar(200) NOT NULL,
    owner_id varchar(40) NOT NULL,
    target_kind varchar(32) NOT NULL,
    target_id varchar(64) NOT NULL,
    target_label varchar(200) NOT NULL,
    address inet,
    user_agent varchar(300) NOT NULL,
    request_id varchar(64) NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX audit_action_time ON audit_auditevent (action, occurred_at);
CREATE INDEX audit_target_time ON audit_auditevent (target_id, occurred_at);
CREATE INDEX audit_actor_time ON audit_auditevent (actor_id, occurred_at);
CREATE INDEX audit_owner_time ON audit_auditevent (owner_id, occurred_at);
CREATE INDEX audit_time ON audit_auditevent (occurred_at, id);
"""

# Shared by every table that is history; apps below name it in their migrations.
REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% refuses %: its rows are history', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON audit_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

# Row triggers reach new partitions by themselves, TRUNCATE triggers do not.
PARTITIONS = """
CREATE TABLE audit_auditevent_default PARTITION OF audit_auditevent DEFAULT;
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON audit_auditevent_default
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION audit_make_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    month date := date_trunc('month', now() AT TIME ZONE 'UTC');
    name text;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('audit_make_partitions'));
    FOR step IN 0..months_ahead LOOP
        name := 'audit_auditevent_' || to_char(month, 'YYYY_MM');
        IF to_regclass(name) IS NULL THEN
            BEGIN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF audit_auditevent'
                    ' FOR VALUES FROM (%L) TO (%L)',
                    name,
                    month::timestamp AT TIME ZONE 'UTC',
                    (month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
                EXECUTE format(
                    'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %I'
                    ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
                made := made + 1;
            EXCEPTION WHEN check_violation THEN
                -- Rows of that month are in the default partition, and stay there.
                RAISE WARNING '% is not made: %', name, SQLERRM;
            END;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END $$;
SELECT audit_make_partitions(3);
"""


class Migration(migrations.Migration):
    initial = True

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(TABLE, "DROP TABLE audit_auditevent"),
                migrations.RunSQL(REFUSE, "DROP FUNCTION refuse_change CASCADE"),
                migrations.RunSQL(PARTITIONS, "DROP FUNCTION audit_make_partitions"),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="AuditEvent",
                    fields=[
                        ("id", audit.base.ids.PrefixedIdField("evt", editable=False, primary_key=True, serialize=False)),
                        ("occurred_at", models.DateTimeField(help_text="When the row was written (UTC).")),
                        ("action", models.CharField(max_length=64)),
                        ("outcome", models.CharField(choices=[("success", "Success"), ("failure", "Failure"), ("refused", "Refused")], max_length=8)),
                        ("actor_kind", models.CharField(max_length=16)),
                        ("actor_id", models.CharField(blank=True, max_length=40)),
                        ("actor_label", models.CharField(blank=True, max_length=200)),
                        ("owner_id", models.CharField(blank=True, help_text="The person whose data this is about; cuts the log to own or team.", max_length=40)),
                        ("target_kind", models.CharField(blank=True, max_length=32)),
                        ("target_id", models.CharField(blank=True, max_length=64)),
                        ("target_label", models.CharField(blank=True, max_length=200)),
                        ("address", models.GenericIPAddressField(null=True)),
                        ("user_agent", models.CharField(blank=True, max_length=300)),
                        ("request_id", models.CharField(blank=True, max_length=64)),
                        ("details", models.JSONField(default=dict)),
                    ],
                    options={
                        "ordering": ["-occurred_at", "-id"],
                        "permissions": [("export_auditevent", "Can export audit events")],
                        "indexes": [
                            models.Index(fields=["action", "occurred_at"], name="audit_action_time"),
                            models.Index(fields=["target_id", "occurred_at"], name="audit_target_time"),
                            models.Index(fields=["actor_id", "occurred_at"], name="audit_actor_time"),
                            models.Index(fields=["owner_id", "occurred_at"], name="audit_owner_time"),
                        ],
                    },
                ),
            ],
        ),
    ]

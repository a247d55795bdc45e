"""A policy version keeps its terms as one document, and the digest that records name."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThan

from agents.policy.core.policy import compile_rules
from agents.policy.core.terms import PolicyTerms
from audit.base.core.codec import from_json

COLUMNS = (
    'currency', 'max_transaction_amount_minor', 'requires_approval_above_minor',
    'daily_budget_minor', 'max_transactions_per_hour', 'allowed_merchants',
    'blocked_categories', 'allowed_functions', 'requires_signature', 'time_zone',
    'limits', 'approval_levels', 'approval_expires_after_minutes',
    'approval_escalates_after_minutes', 'allowed_countries', 'blocked_countries',
    'allowed_hours', 'blocked_mcc_groups', 'blocked_mccs',
)  # fmt: skip
CONSTRAINTS = (
    'policy_maximum_positive', 'policy_approval_within_maximum',
    'policy_budget_not_negative', 'policy_escalates_before_expiry',
    'policy_time_zone_named',
)  # fmt: skip
PAIRS = ', '.join(f"'{name}', {name}" for name in COLUMNS)
# History refuses changes: this is one of its form, and no column changes its value.
COPY = f"""
ALTER TABLE agents_policyversion DISABLE TRIGGER refuse_change;
UPDATE agents_policyversion SET document = jsonb_build_object({PAIRS});
"""
BATCH = 500


def add_digests(apps, schema_editor):
    versions = apps.get_model('agents', 'PolicyVersion').objects
    rows = versions.only('document', 'number').order_by('pk').iterator(BATCH)
    digests = [(_digest(row), row.pk) for row in rows]
    with schema_editor.connection.cursor() as cursor:
        cursor.executemany(
            'UPDATE agents_policyversion SET digest = %s WHERE id = %s', digests
        )
        # A row that changed twice waits for its foreign keys to be checked.
        cursor.execute('SET CONSTRAINTS ALL IMMEDIATE')
        cursor.execute('ALTER TABLE agents_policyversion ENABLE TRIGGER refuse_change')


def _digest(row):
    terms = from_json(PolicyTerms, row.document)
    return compile_rules(terms, version_id=row.pk, number=row.number).digest


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0009_hand_overs'),
    ]

    operations = [
        migrations.AddField(
            model_name='policyversion',
            name='document',
            field=models.JSONField(default=dict, help_text='The terms: audit.base.core.codec.as_json(PolicyTerms).'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='policyversion',
            name='digest',
            field=models.CharField(default='', help_text='SHA-256 of what decisions read, as their records name it.', max_length=64),
            preserve_default=False,
        ),
        migrations.RunSQL(COPY),
        migrations.RunPython(add_digests),
        *(migrations.RemoveConstraint('policyversion', name) for name in CONSTRAINTS),
        *(migrations.RemoveField('policyversion', name) for name in COLUMNS),
        migrations.AddField(
            model_name='policyversion',
            name='requires_signature',
            field=models.GeneratedField(
                db_persist=True,
                expression=Cast(KT('document__requires_signature'), models.BooleanField()),
                output_field=models.BooleanField(),
            ),
        ),
        migrations.AddConstraint(
            model_name='policyversion',
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ('document__has_keys', ['max_transaction_amount_minor', 'requires_signature']),
                    ('requires_signature__isnull', False),
                    GreaterThan(
                        Cast(KT('document__max_transaction_amount_minor'), models.BigIntegerField()),
                        0,
                    ),
                ),
                name='policy_maximum_positive',
            ),
        ),
        migrations.AddConstraint(
            model_name='policyversion',
            constraint=models.CheckConstraint(
                condition=models.Q(('digest__regex', '^[0-9a-f]{64}$')),
                name='policy_has_digest',
            ),
        ),
    ]

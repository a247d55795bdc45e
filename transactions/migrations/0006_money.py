"""Money: budgets per limit and period, a ledger, captures and refunds.

Budgets are only sums of what reservations say, so that the old ones, per agent and
day, are dropped: what counts under a limit is counted before the next decision.
"""

import audit.base.ids
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


RELEASED = """
UPDATE transactions_reservation SET released_minor = amount_minor
    WHERE status = 'released';
"""
COUNTED_ANEW = "DELETE FROM transactions_budget;"
BY_AGENT_AND_DAY = """
INSERT INTO transactions_budget (id, agent_id, currency, window_start,
                                 reserved_minor, posted_minor)
SELECT 'bud_' || left(md5(t.agent_id || t.currency || t.day), 26),
       t.agent_id, t.currency, t.day,
       sum(r.amount_minor - r.captured_minor - r.released_minor), sum(r.captured_minor)
FROM transactions_reservation r
JOIN (SELECT id, agent_id, currency, (occurred_at AT TIME ZONE 'UTC')::date AS day
      FROM transactions_transaction) t ON t.id = r.transaction_id
GROUP BY t.agent_id, t.currency, t.day;
UPDATE transactions_reservation r
SET budget_id = b.id,
    status = CASE WHEN r.released_minor > 0 THEN 'released' ELSE 'active' END
FROM transactions_transaction t
JOIN transactions_budget b
  ON b.agent_id = t.agent_id AND b.currency = t.currency
 AND b.window_start = (t.occurred_at AT TIME ZONE 'UTC')::date
WHERE t.id = r.transaction_id;
SET CONSTRAINTS ALL IMMEDIATE;
"""
LEDGER = """
INSERT INTO transactions_ledgerentry
    (transaction_id, agent_id, kind, credit, debit, amount_minor, currency, created_at)
SELECT t.id, t.agent_id, m.kind, m.credit, m.debit, r.amount_minor, t.currency,
       CASE m.kind WHEN 'reserve' THEN r.created_at ELSE r.resolved_at END
FROM transactions_reservation r
JOIN transactions_transaction t ON t.id = r.transaction_id
CROSS JOIN (VALUES ('reserve', 'available', 'reserved'),
                   ('release', 'reserved', 'available')) AS m (kind, credit, debit)
WHERE m.kind = 'reserve' OR r.released_minor > 0
ORDER BY 8;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_linked_accounts'),
        ('agents', '0006_limits_per_period'),
        ('transactions', '0005_approvals'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LateCapture',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(help_text="The payment rail's own.", max_length=100)),
                ('amount_minor', models.BigIntegerField()),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['created_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='LedgerEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('reserve', 'Reserve'), ('increment', 'Increment'), ('release', 'Release'), ('capture', 'Capture'), ('late_capture', 'Late Capture'), ('refund', 'Refund')], max_length=12)),
                ('credit', models.CharField(choices=[('available', 'Available: what limits permit'), ('reserved', 'Reserved: set aside, not yet taken'), ('captured', 'Captured: taken by merchants'), ('refunded', 'Refunded: given back by merchants')], max_length=9)),
                ('debit', models.CharField(choices=[('available', 'Available: what limits permit'), ('reserved', 'Reserved: set aside, not yet taken'), ('captured', 'Captured: taken by merchants'), ('refunded', 'Refunded: given back by merchants')], max_length=9)),
                ('amount_minor', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'ledger entries',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', audit.base.ids.PrefixedIdField('ref', editable=False, primary_key=True, serialize=False)),
                ('amount_minor', models.BigIntegerField()),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['created_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='SharedBudget',
            fields=[
                ('id', audit.base.ids.PrefixedIdField('sbu', editable=False, primary_key=True, serialize=False)),
                ('currency', models.CharField(max_length=3)),
                ('period', models.CharField(choices=[('day', 'Day'), ('week', 'Week'), ('month', 'Month'), ('all_time', 'All Time')], max_length=8)),
                ('time_zone', models.CharField(default='UTC', max_length=64)),
                ('limit_minor', models.BigIntegerField()),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['team__name', 'currency', 'period'],
            },
        ),
        migrations.AddField(
            model_name='reservation',
            name='captured_minor',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='reservation',
            name='late_minor',
            field=models.BigIntegerField(default=0, help_text='Captured afterwards.'),
        ),
        migrations.AddField(
            model_name='reservation',
            name='refunded_minor',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='reservation',
            name='released_minor',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='reservation',
            name='shared_budgets',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, help_text='It counts in these.', size=None),
        ),
        migrations.RunSQL(RELEASED, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="reservation",
            name="budget",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reservations",
                to="transactions.budget",
            ),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, BY_AGENT_AND_DAY),
        migrations.RemoveField(
            model_name='reservation',
            name='budget',
        ),
        migrations.RemoveField(
            model_name='reservation',
            name='status',
        ),
        migrations.RunSQL(COUNTED_ANEW, migrations.RunSQL.noop),
        migrations.AlterModelOptions(
            name='budget',
            options={'ordering': ['-starts_at']},
        ),
        migrations.AlterModelOptions(
            name='transaction',
            options={'ordering': ['-created_at', '-id'], 'permissions': [('approve_transaction', 'Can approve held transactions'), ('report_capture', 'Can report what the payment rail took late')]},
        ),
        migrations.RemoveConstraint(
            model_name='budget',
            name='one_budget_per_window',
        ),
        migrations.RemoveConstraint(
            model_name='budget',
            name='budget_not_negative',
        ),
        migrations.RemoveConstraint(
            model_name='reservation',
            name='reservation_positive',
        ),
        migrations.RemoveField(
            model_name='budget',
            name='agent',
        ),
        migrations.RemoveField(
            model_name='budget',
            name='window_start',
        ),
        migrations.AddField(
            model_name='budget',
            name='count',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='budget',
            name='counted_under',
            field=models.CharField(blank=True, help_text="The agent's policy version; under another it is counted anew.", max_length=40),
        ),
        migrations.AddField(
            model_name='budget',
            name='ends_at',
            field=models.DateTimeField(help_text='Empty: never.', null=True),
        ),
        migrations.AddField(
            model_name='budget',
            name='holder',
            field=models.CharField(default='', help_text="An agent's or a shared budget's id.", max_length=40),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='budget',
            name='late_minor',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='budget',
            name='limit_count',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='budget',
            name='scope',
            field=models.CharField(default='agent', help_text='agent, merchant:key, category:name or shared.', max_length=220),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='budget',
            name='starts_at',
            field=models.DateTimeField(default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='budget',
            name='window',
            field=models.CharField(default='calendar_day', help_text='Such as calendar_day.', max_length=20),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.UniqueConstraint(fields=('holder', 'currency', 'scope', 'window', 'starts_at'), name='one_budget_per_window'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('late_minor__gte', 0), ('posted_minor__gte', 0), ('reserved_minor__gte', 0)), name='budget_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('limit_count', None), ('limit_count__gte', models.F('count')), _connector='OR'), name='budget_within_count'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0), ('captured_minor__gte', 0), ('late_minor__gte', 0), ('refunded_minor__gte', 0), ('released_minor__gte', 0)), name='reservation_positive'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gte', django.db.models.expressions.CombinedExpression(models.F('captured_minor'), '+', models.F('released_minor')))), name='reservation_resolves_once'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(('refunded_minor__lte', django.db.models.expressions.CombinedExpression(models.F('captured_minor'), '+', models.F('late_minor')))), name='refunds_within_captures'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount_minor__gt', django.db.models.expressions.CombinedExpression(models.F('captured_minor'), '+', models.F('released_minor'))), ('resolved_at', None)), models.Q(('amount_minor', django.db.models.expressions.CombinedExpression(models.F('captured_minor'), '+', models.F('released_minor'))), ('resolved_at__isnull', False)), _connector='OR'), name='reservation_resolved_with_its_time'),
        ),
        migrations.AddField(
            model_name='latecapture',
            name='reported_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='latecapture',
            name='transaction',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='late_captures', to='transactions.transaction'),
        ),
        migrations.AddField(
            model_name='ledgerentry',
            name='agent',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='agents.agent'),
        ),
        migrations.AddField(
            model_name='ledgerentry',
            name='transaction',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='ledger_entries', to='transactions.transaction'),
        ),
        migrations.AddField(
            model_name='refund',
            name='transaction',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='transactions.transaction'),
        ),
        migrations.AddField(
            model_name='sharedbudget',
            name='team',
            field=models.ForeignKey(blank=True, help_text='Empty: everybody.', null=True, on_delete=django.db.models.deletion.PROTECT, to='accounts.team'),
        ),
        migrations.AddConstraint(
            model_name='latecapture',
            constraint=models.UniqueConstraint(fields=('transaction', 'reference'), name='late_capture_told_once'),
        ),
        migrations.AddConstraint(
            model_name='latecapture',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0)), name='late_capture_positive'),
        ),
        migrations.AddConstraint(
            model_name='ledgerentry',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0)), name='ledger_amount_positive'),
        ),
        migrations.AddConstraint(
            model_name='ledgerentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('credit', 'available'), ('debit', 'reserved'), ('kind', 'reserve')), models.Q(('credit', 'available'), ('debit', 'reserved'), ('kind', 'increment')), models.Q(('credit', 'reserved'), ('debit', 'available'), ('kind', 'release')), models.Q(('credit', 'reserved'), ('debit', 'captured'), ('kind', 'capture')), models.Q(('credit', 'available'), ('debit', 'captured'), ('kind', 'late_capture')), models.Q(('credit', 'captured'), ('debit', 'refunded'), ('kind', 'refund')), _connector='OR'), name='ledger_kind_between_its_accounts'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0)), name='refund_amount_positive'),
        ),
        migrations.AddConstraint(
            model_name='sharedbudget',
            constraint=models.UniqueConstraint(fields=('team', 'currency', 'period'), name='shared_budget_once_per_period', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='sharedbudget',
            constraint=models.CheckConstraint(condition=models.Q(('limit_minor__gte', 0)), name='shared_budget_not_negative'),
        ),
        migrations.RunSQL(LEDGER, COUNTED_ANEW),
    ]

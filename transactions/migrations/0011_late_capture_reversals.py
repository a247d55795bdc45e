"""Late captures can be reversed; budgets tell what was taken above what was set aside.

Agents' budgets with late captures are counted anew before the next decision. Those
that are shared are counted here.
"""

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

FORWARDS = """
DROP TRIGGER refuse_return ON transactions_reservation;
CREATE TRIGGER refuse_return BEFORE UPDATE ON transactions_reservation
    FOR EACH ROW WHEN (
        NEW.amount_minor < OLD.amount_minor
        OR NEW.captured_minor < OLD.captured_minor
        OR NEW.released_minor < OLD.released_minor
        OR NEW.late_minor < OLD.late_minor
        OR NEW.reversed_minor < OLD.reversed_minor
        OR NEW.refunded_minor < OLD.refunded_minor)
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON transactions_latecapturereversal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON transactions_latecapturereversal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
BACKWARDS = """
DROP TRIGGER refuse_return ON transactions_reservation;
CREATE TRIGGER refuse_return BEFORE UPDATE ON transactions_reservation
    FOR EACH ROW WHEN (
        NEW.amount_minor < OLD.amount_minor
        OR NEW.captured_minor < OLD.captured_minor
        OR NEW.released_minor < OLD.released_minor
        OR NEW.late_minor < OLD.late_minor
        OR NEW.refunded_minor < OLD.refunded_minor)
    EXECUTE FUNCTION refuse_change();
"""
COUNT_ABOVE = """
UPDATE transactions_budget SET counted_under = ''
WHERE scope <> 'shared' AND late_minor > 0;
UPDATE transactions_budget b SET late_above_minor = (
    SELECT coalesce(sum(greatest(
               r.captured_minor + r.late_minor - r.amount_minor, 0)), 0)
    FROM transactions_reservation r
    JOIN transactions_transaction t ON t.id = r.transaction_id
    WHERE r.late_minor > 0 AND b.holder = ANY (r.shared_budgets)
      AND t.currency = b.currency AND t.occurred_at >= b.starts_at
      AND (b.ends_at IS NULL OR t.occurred_at < b.ends_at))
WHERE scope = 'shared' AND late_minor > 0;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0006_limits_per_period'),
        ('transactions', '0010_delegation_teams'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LateCaptureReversal',
            fields=[
                ('late_capture', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='reversal', serialize=False, to='transactions.latecapture')),
                ('reason', models.CharField(max_length=500)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['created_at', 'late_capture'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='budget',
            name='budget_not_negative',
        ),
        migrations.RemoveConstraint(
            model_name='ledgerentry',
            name='ledger_kind_between_its_accounts',
        ),
        migrations.RemoveConstraint(
            model_name='reservation',
            name='reservation_positive',
        ),
        migrations.RemoveConstraint(
            model_name='reservation',
            name='refunds_within_captures',
        ),
        migrations.AddField(
            model_name='budget',
            name='late_above_minor',
            field=models.BigIntegerField(default=0, help_text='Of what was taken late, above what was set aside.'),
        ),
        migrations.AddField(
            model_name='reservation',
            name='reversed_minor',
            field=models.BigIntegerField(default=0, help_text='Of what was captured afterwards, reported wrongly.'),
        ),
        migrations.AlterField(
            model_name='ledgerentry',
            name='kind',
            field=models.CharField(choices=[('reserve', 'Reserve'), ('increment', 'Increment'), ('release', 'Release'), ('capture', 'Capture'), ('late_capture', 'Late Capture'), ('reversal', 'Reversal'), ('refund', 'Refund')], max_length=12),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('late_above_minor__gte', 0), ('late_minor__gte', models.F('late_above_minor')), ('posted_minor__gte', 0), ('reserved_minor__gte', 0)), name='budget_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='ledgerentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('credit', 'available'), ('debit', 'reserved'), ('kind', 'reserve')), models.Q(('credit', 'available'), ('debit', 'reserved'), ('kind', 'increment')), models.Q(('credit', 'reserved'), ('debit', 'available'), ('kind', 'release')), models.Q(('credit', 'reserved'), ('debit', 'captured'), ('kind', 'capture')), models.Q(('credit', 'available'), ('debit', 'captured'), ('kind', 'late_capture')), models.Q(('credit', 'captured'), ('debit', 'available'), ('kind', 'reversal')), models.Q(('credit', 'captured'), ('debit', 'refunded'), ('kind', 'refund')), _connector='OR'), name='ledger_kind_between_its_accounts'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gt', 0), ('captured_minor__gte', 0), ('late_minor__gte', models.F('reversed_minor')), ('refunded_minor__gte', 0), ('released_minor__gte', 0), ('reversed_minor__gte', 0)), name='reservation_positive'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(('refunded_minor__lte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('captured_minor'), '+', models.F('late_minor')), '-', models.F('reversed_minor')))), name='refunds_within_captures'),
        ),
        migrations.AddField(
            model_name='latecapturereversal',
            name='requested_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
        migrations.RunSQL(COUNT_ABOVE, migrations.RunSQL.noop),
    ]

"""Levels, votes, delegations and limits of approvals. A vote is history."""

import audit.base.ids
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


FORWARDS = """
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON transactions_approvalvote
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON transactions_approvalvote
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

BACKWARDS = """
DROP TRIGGER refuse_truncate ON transactions_approvalvote;
DROP TRIGGER refuse_change ON transactions_approvalvote;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_linked_accounts'),
        ('agents', '0005_approval_levels'),
        ('transactions', '0004_decision_digests'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ApprovalDelegation',
            fields=[
                ('id', audit.base.ids.PrefixedIdField('dlg', editable=False, primary_key=True, serialize=False)),
                ('reason', models.CharField(max_length=500)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='ApprovalVote',
            fields=[
                ('id', audit.base.ids.PrefixedIdField('apv', editable=False, primary_key=True, serialize=False)),
                ('action_digest', models.CharField(max_length=64)),
                ('required_role', models.CharField(help_text='The least that could decide at the time.', max_length=8)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['created_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='ApproverLimit',
            fields=[
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='approver_limit', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('amount_minor', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
            ],
        ),
        migrations.AddField(
            model_name='approvalrequest',
            name='escalated_at',
            field=models.DateTimeField(help_text='When that was noted and told.', null=True),
        ),
        migrations.AddField(
            model_name='approvalrequest',
            name='escalates_at',
            field=models.DateTimeField(help_text='From here on the next higher role decides.', null=True),
        ),
        migrations.AddField(
            model_name='approvalrequest',
            name='notice_due_at',
            field=models.DateTimeField(help_text='When those who may decide are told next.', null=True),
        ),
        migrations.AddField(
            model_name='approvalrequest',
            name='required_role',
            field=models.CharField(default='manager', help_text='The least; before it escalates.', max_length=8),
        ),
        migrations.AddIndex(
            model_name='approvalrequest',
            index=models.Index(condition=models.Q(('notice_due_at__isnull', False), ('status', 'waiting')), fields=['notice_due_at'], name='approval_notice_due'),
        ),
        migrations.AddConstraint(
            model_name='approvalrequest',
            constraint=models.CheckConstraint(condition=models.Q(('required_approvals__gte', 1)), name='approval_needs_somebody'),
        ),
        migrations.AddField(
            model_name='approvaldelegation',
            name='delegate',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='delegations_received', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='approvaldelegation',
            name='delegator',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='delegations_given', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='approvaldelegation',
            name='revoked_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='approvalvote',
            name='approval',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='votes', to='transactions.approvalrequest'),
        ),
        migrations.AddField(
            model_name='approvalvote',
            name='delegation',
            field=models.ForeignKey(help_text='In whose place, if not in their own right.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='votes', to='transactions.approvaldelegation'),
        ),
        migrations.AddField(
            model_name='approvalvote',
            name='person',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='approvalvote',
            name='policy_version',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='agents.policyversion'),
        ),
        migrations.AddConstraint(
            model_name='approverlimit',
            constraint=models.CheckConstraint(condition=models.Q(('amount_minor__gte', 0)), name='approver_limit_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='approvaldelegation',
            constraint=models.CheckConstraint(condition=models.Q(('starts_at__lt', models.F('ends_at'))), name='delegation_has_a_time'),
        ),
        migrations.AddConstraint(
            model_name='approvaldelegation',
            constraint=models.CheckConstraint(condition=models.Q(('delegator', models.F('delegate')), _negated=True), name='delegation_to_another'),
        ),
        migrations.AddConstraint(
            model_name='approvaldelegation',
            constraint=models.CheckConstraint(condition=models.Q(('revoked_at', None), ('revoked_by__isnull', False), _connector='XOR'), name='delegation_revoked_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='approvalvote',
            constraint=models.UniqueConstraint(fields=('approval', 'person', 'policy_version'), name='one_vote_per_person'),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]

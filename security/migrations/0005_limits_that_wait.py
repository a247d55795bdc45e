"""Looser limits of shared budgets and approvers are asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('security', '0004_late_capture_changes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='changerequest',
            name='kind',
            field=models.CharField(choices=[('policy', 'Policy of an agent'), ('role', 'Rights of a person'), ('late_capture', 'Late capture'), ('late_reversal', 'Reversal of a late capture'), ('shared_budget', 'Shared budget'), ('approver_limit', 'Limit of an approver')], max_length=16),
        ),
    ]

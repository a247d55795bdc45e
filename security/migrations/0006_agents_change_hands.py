"""Another owner of an agent is asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('security', '0005_limits_that_wait'),
    ]

    operations = [
        migrations.AlterField(
            model_name='changerequest',
            name='kind',
            field=models.CharField(choices=[('policy', 'Policy of an agent'), ('role', 'Rights of a person'), ('late_capture', 'Late capture'), ('late_reversal', 'Reversal of a late capture'), ('shared_budget', 'Shared budget'), ('approver_limit', 'Limit of an approver'), ('agent_owner', 'Owner of an agent')], max_length=16),
        ),
    ]

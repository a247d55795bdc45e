"""Late captures above what was authorized, and their reversals, are asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('security', '0003_hours_follow_the_log'),
    ]

    operations = [
        migrations.AlterField(
            model_name='changerequest',
            name='kind',
            field=models.CharField(choices=[('policy', 'Policy of an agent'), ('role', 'Rights of a person'), ('late_capture', 'Late capture'), ('late_reversal', 'Reversal of a late capture')], max_length=16),
        ),
        migrations.AlterField(
            model_name='changerequest',
            name='target_id',
            field=models.CharField(max_length=160),
        ),
    ]

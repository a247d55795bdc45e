"""Merchants that an agent knows are told by their names, not by the keys of those."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('transactions', '0014_unknown_category'),
    ]

    operations = [
        migrations.AddField(
            model_name='merchantactivity',
            name='merchant',
            field=models.CharField(blank=True, default='', help_text='As it was asked for last.', max_length=200),
        ),
    ]

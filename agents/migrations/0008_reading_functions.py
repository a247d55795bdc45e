"""A policy that names no function allows what only reads."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agents', '0007_second_person'),
    ]

    operations = [
        migrations.AlterField(
            model_name='policyversion',
            name='allowed_functions',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), default=list, help_text='Null: any that only reads. Empty: none.', null=True, size=None),
        ),
    ]

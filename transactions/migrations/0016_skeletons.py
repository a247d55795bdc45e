"""Derive how each merchant's name looks again, by the look-alikes of engine version 3."""

from itertools import islice

from django.db import migrations

from audit.base.core.lookalikes import LOOKS

BATCH = 2_000


def derive(apps, schema_editor):
    activity = apps.get_model('transactions', 'MerchantActivity').objects
    rows = activity.only('merchant', 'merchant_key').order_by('pk').iterator(BATCH)
    while batch := list(islice(rows, BATCH)):
        for row in batch:
            row.skeleton = LOOKS.skeleton(row.merchant or row.merchant_key)
        activity.bulk_update(batch, ['skeleton'])


class Migration(migrations.Migration):

    dependencies = [
        ('transactions', '0015_merchant_names'),
    ]

    operations = [migrations.RunPython(derive, migrations.RunPython.noop)]

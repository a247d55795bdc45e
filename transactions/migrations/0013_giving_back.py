"""People void and refund in an agent's place."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('transactions', '0012_call_newest'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='transaction',
            options={'ordering': ['-created_at', '-id'], 'permissions': [('approve_transaction', 'Can approve held transactions'), ('report_capture', 'Can report what the payment rail took late'), ('give_back', "Can void and refund in an agent's place")]},
        ),
    ]

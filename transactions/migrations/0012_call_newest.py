"""Function calls are listed by time, of many agents."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('transactions', '0011_late_capture_reversals'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='functioncall',
            index=models.Index(fields=['-created_at', '-id'], name='call_newest'),
        ),
    ]

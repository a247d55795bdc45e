from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("transactions", "0013_giving_back"),
    ]

    operations = [
        migrations.AddField(
            model_name="transaction",
            name="unknown_category",
            field=models.CharField(
                blank=True,
                default="",
                help_text="As the agent wrote it, where it is none of ours: then `other`.",
                max_length=40,
            ),
        ),
    ]

"""Every sign-in gets a row, by browser too. Whoever is signed in does so once more."""

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RemoveField("user", "sessions_ended_at"),
        migrations.AlterField(
            "session",
            "user",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="sign_ins",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            "session",
            "refresh_hash",
            models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            "session",
            "kind",
            models.CharField(
                choices=[("api", "API"), ("browser", "Browser")],
                default="api",
                max_length=7,
            ),
        ),
        migrations.AddField(
            "session",
            "method",
            models.CharField(
                default="password",
                help_text="How they proved who they are.",
                max_length=40,
            ),
        ),
        migrations.AddField(
            "session",
            "challenge",
            models.JSONField(
                editable=False,
                help_text="What a passkey is being asked to sign.",
                null=True,
            ),
        ),
        migrations.AddField(
            "session",
            "authenticated_at",
            models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="The last proof; what step-up asks for.",
            ),
        ),
        migrations.AddField(
            "session",
            "idles_at",
            models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="Ends here unless it is used before.",
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            "session",
            "expires_at",
            models.DateTimeField(help_text="Ends here, used or not."),
        ),
    ]

"""`manage.py audit_key`: what an outsider must know to verify the log."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from audit.keys import trusted_keys


class Command(BaseCommand):
    help = (
        "Print the log's name and the public keys that its checkpoints are verified "
        "with, newest first. Give them to whoever is to check the log."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"origin {settings.AUDIT_ORIGIN}")
        for key in trusted_keys():
            self.stdout.write(f"key    {key}")

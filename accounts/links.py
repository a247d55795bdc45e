"""Links by which people choose a password."""

from __future__ import annotations

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db.models import Max

from accounts.models import Provisioning, User


class PasswordLinks(PasswordResetTokenGenerator):
    """Good for one use. A sign-in, a new address or a confirmation ends earlier links.

    So an administrator who started a reset cannot use its link once another one has
    confirmed the account.
    """

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        acts = Provisioning.objects.filter(user=user.pk)
        confirmed_at = acts.aggregate(last=Max("confirmed_at"))["last"]
        return f"{super()._make_hash_value(user, timestamp)}{confirmed_at}"

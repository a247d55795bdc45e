"""Nonces of signed requests."""

from __future__ import annotations

from django.db import models


class RequestNonce(models.Model):
    """A nonce that a key has used. It is kept while the request's time is accepted."""

    key_id = models.CharField(max_length=64)
    nonce = models.CharField(max_length=128)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key_id", "nonce"], name="nonce_used_once")
        ]

    def __str__(self) -> str:
        return f"{self.key_id} {self.nonce}"

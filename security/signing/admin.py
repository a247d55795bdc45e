"""Nonces in the console."""

from __future__ import annotations

from django.contrib import admin

from audit.base.admin.bases import HistoryAdmin
from security.signing.models import RequestNonce


@admin.register(RequestNonce)
class RequestNonceAdmin(HistoryAdmin):
    list_display = ("key_id", "nonce", "expires_at")
    search_fields = ("=key_id",)

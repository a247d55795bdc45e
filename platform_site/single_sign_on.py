"""Settings for the OpenID Connect identity provider."""

from __future__ import annotations

import urllib.parse
from typing import Any


def providers(issuer: str, client_id: str, secret: str, name: str) -> dict[str, Any]:
    """Return allauth's table of providers; empty if no issuer is configured."""
    if not issuer:
        return {}
    app = {
        "provider_id": "sso",
        "name": name,
        "client_id": client_id,
        "secret": secret,
        "settings": {"server_url": issuer},
    }
    return {"openid_connect": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}}


def origin_of(issuer: str) -> list[str]:
    """Return the provider's origin for CSP: form-action also limits redirects."""
    parts = urllib.parse.urlsplit(issuer)
    return [f"{parts.scheme}://{parts.netloc}"] if issuer else []

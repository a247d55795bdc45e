"""How the identity provider that the settings name is spoken to."""

from __future__ import annotations

import urllib.parse
from typing import Any


def providers(issuer: str, client_id: str, secret: str, name: str) -> dict[str, Any]:
    """Return allauth's table of providers: the one that is configured, or none."""
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
    """Return where a form may be redirected to: browsers apply form-action to it."""
    parts = urllib.parse.urlsplit(issuer)
    return [f"{parts.scheme}://{parts.netloc}"] if issuer else []

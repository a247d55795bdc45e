"""`/.well-known/jwks.json`: the public keys that receipts are verified with."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from transactions.evidence.keys import public_keys

# A reader may miss a changed key for this long.
MAX_AGE_S = 300


@require_safe
@cache_control(public=True, max_age=MAX_AGE_S)
def jwks(request: HttpRequest) -> JsonResponse:
    """Return a JWK Set (RFC 7517): the current key first, then previous ones."""
    return JsonResponse(
        {"keys": [key.as_jwk() for key in public_keys()]},
        content_type="application/jwk-set+json",
        headers={"Cross-Origin-Resource-Policy": "cross-origin"},
    )

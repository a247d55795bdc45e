"""`/.well-known/jwks.json`: the public keys that receipts are verified with."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from transactions.keys import public_keys

# So long a reader may not know of a key that was changed.
MAX_AGE_S = 300


@require_safe
@cache_control(public=True, max_age=MAX_AGE_S)
def jwks(request: HttpRequest) -> JsonResponse:
    """Answer with a JWK Set (RFC 7517): the present key first, then previous ones."""
    return JsonResponse(
        {"keys": [key.as_jwk() for key in public_keys()]},
        content_type="application/jwk-set+json",
        headers={"Cross-Origin-Resource-Policy": "cross-origin"},
    )

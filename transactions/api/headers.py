"""The header under which an agent asks once, however often it sends."""

from __future__ import annotations

import re

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from transactions.errors import InvalidRequest

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
KEY_PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    required=True,
    description="1 to 255 printable ASCII characters; a repeat gets the same answer.",
)


def idempotency_key(request: Request) -> str:
    """Return the Idempotency-Key, obligatory where money moves."""
    key = request.headers.get("Idempotency-Key", "")
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequest(
            "idempotency_key_required",
            "Send an Idempotency-Key header of 1 to 255 printable ASCII characters.",
            pointer="/headers/Idempotency-Key",
        )
    return key

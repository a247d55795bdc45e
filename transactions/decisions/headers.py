"""What is asked once, however often it is sent: the key, and the answer to it."""

from __future__ import annotations

import re

from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from transactions.decisions.services.answers import Answer
from transactions.errors import InvalidRequest

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
KEY_FORM = "1 to 255 printable ASCII characters without blanks"


def key_parameter(*examples: str) -> OpenApiParameter:
    """Describe the header, with examples of its value."""
    return OpenApiParameter(
        "Idempotency-Key",
        location=OpenApiParameter.HEADER,
        required=True,
        description=f"{KEY_FORM}; a repeat gets the same answer.",
        examples=[OpenApiExample("A UUID", example) for example in examples],
    )


KEY_PARAMETER = key_parameter()


def idempotency_key(request: Request) -> str:
    """Return the Idempotency-Key, obligatory where money moves."""
    key = request.headers.get("Idempotency-Key", "")
    if not key.strip():
        raise _refused("required", f"Send an Idempotency-Key header: {KEY_FORM}.")
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise _refused("invalid", f"Not an Idempotency-Key: {KEY_FORM}.")
    return key


def _refused(why: str, detail: str) -> InvalidRequest:
    pointer = "/headers/Idempotency-Key"
    return InvalidRequest(f"idempotency_key_{why}", detail, pointer=pointer)


def answered(answer: Answer) -> Response:
    """Return an answer under a key as a response, which says whether it is a repeat."""
    headers = {"Idempotent-Replayed": "true"} if answer.is_replay else {}
    return Response(answer.body, answer.status_code, headers=headers)

"""Idempotency: the Idempotency-Key header, and the response to a keyed request."""

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
    """Return the OpenAPI description of the header, with examples of its value."""
    return OpenApiParameter(
        "Idempotency-Key",
        location=OpenApiParameter.HEADER,
        required=True,
        description=f"{KEY_FORM}; a repeated request gets the same answer.",
        examples=[OpenApiExample("A UUID", example) for example in examples],
    )


KEY_PARAMETER = key_parameter()


def idempotency_key(request: Request) -> str:
    """Return the required Idempotency-Key. Raises InvalidRequest."""
    key = request.headers.get("Idempotency-Key", "")
    if not key.strip():
        raise _refused("required", f"Send an Idempotency-Key header: {KEY_FORM}.")
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise _refused("invalid", f"Not an Idempotency-Key: {KEY_FORM}.")
    return key


def _refused(why: str, detail: str) -> InvalidRequest:
    pointer = "/headers/Idempotency-Key"
    return InvalidRequest(f"idempotency_key_{why}", detail, pointer=pointer)


def answer_response(answer: Answer) -> Response:
    """Return a stored or new answer as a response; a header marks repeats."""
    headers = {"Idempotent-Replayed": "true"} if answer.is_replay else {}
    return Response(answer.body, answer.status_code, headers=headers)

"""Ensure that a request's body is read or refused, never taken for an empty one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from audit.base.refused import EncodingRefused, LengthRequired

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_length(application: WsgiApplication) -> WsgiApplication:
    """Wrap an application so that every readable body has a Content-Length.

    Django ignores a body without it, such as a chunked one. Reads at most
    DATA_UPLOAD_MAX_MEMORY_SIZE plus one byte, so that Django refuses a larger one.
    A malformed body gets no length; RefuseUnreadBodyMiddleware refuses it.
    """

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if _has_readable_chunks(environ):
            limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            with suppress(OSError):
                body = environ["wsgi.input"].read(limit + 1)
                environ["wsgi.input"] = BytesIO(body)
                environ["CONTENT_LENGTH"] = str(len(body))
        return application(environ, start_response)

    return wrapped


class RefuseUnreadBodyMiddleware:
    """Answers 411, 413 or 415 to a body that would not be read, on every address.

    A body that is too large is refused before anything is read, because Django's parser
    of multipart forms has no such limit.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _is_without_length(request.META):
            raise LengthRequired
        if _length(request.META) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        encoding = request.headers.get("Content-Encoding", "identity")
        if encoding.strip().lower() not in ("", "identity"):
            raise EncodingRefused
        return self.get_response(request)


def _has_readable_chunks(environ: dict[str, Any]) -> bool:
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    return coding == "chunked" and bool(environ.get("wsgi.input_terminated"))


def _length(environ: dict[str, Any]) -> int:
    declared = environ.get("CONTENT_LENGTH") or "0"
    return int(declared) if declared.isdecimal() else 0


def _is_without_length(environ: dict[str, Any]) -> bool:
    return "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH")

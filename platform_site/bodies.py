"""A body that is there is read or refused; none passes for an empty one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from audit.refused import EncodingRefused, LengthRequired

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_length(application: WsgiApplication) -> WsgiApplication:
    """Return an application to which every readable body has a length.

    Django takes a body without one for none, and chunks have none. At most one byte
    more is read than DATA_UPLOAD_MAX_MEMORY_SIZE, so that Django refuses it as too
    large. What is not well formed keeps having none, for RefuseUnreadBodyMiddleware.
    """

    def called(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if _has_readable_chunks(environ):
            limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            with suppress(OSError):
                body = environ["wsgi.input"].read(limit + 1)
                environ["wsgi.input"] = BytesIO(body)
                environ["CONTENT_LENGTH"] = str(len(body))
        return application(environ, start_response)

    return called


class RefuseUnreadBodyMiddleware:
    """Answers 411, 413 or 415 to a body that nobody here would read, on every address.

    Too large a one is refused here, before anybody reads: Django's parser of multipart
    forms would, whatever the length.
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
    told = environ.get("CONTENT_LENGTH") or "0"
    return int(told) if told.isdecimal() else 0


def _is_without_length(environ: dict[str, Any]) -> bool:
    return "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH")

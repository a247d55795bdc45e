"""What is refused before any view: handler400 answers with these, page or API."""

from __future__ import annotations

from collections.abc import Set

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest

from audit.base.core.visible import visible


class RequestRefused(BadRequest):
    """A request that nobody here takes as it is."""

    status = 400
    code: str
    detail: str

    def __init__(self, detail: str = "") -> None:
        self.detail = detail or self.detail
        super().__init__(self.detail)


class LengthRequired(RequestRefused):
    """There is a body whose end the server could not find."""

    status = 411
    code = "length_required"
    detail = "Send the body with a Content-Length, or in well-formed chunks."


class EncodingRefused(RequestRefused):
    """There is a body that is compressed, or encoded in another way."""

    status = 415
    code = "content_encoding_refused"
    detail = "Send the body as it is, without a Content-Encoding."


class HttpsRequired(RequestRefused):
    """A change that was sent in the clear, where pages would be sent to https."""

    code = "https_required"
    detail = "Send this to the https address. Nothing was changed."


class ParameterRefused(RequestRefused):
    """The address has a parameter twice, or one that the page does not know."""

    code = "parameter_refused"
    detail = "Give each parameter once, and none that the address does not know."


class SlashMissing(Http404):
    """A change at an address that only exists with a slash at its end."""

    def __init__(self, address: str) -> None:
        address = visible(address)
        self.detail = f"There is no such address; send this to {address} instead."
        super().__init__(self.detail)


def refuse_unknown(request: HttpRequest, known: Set[str]) -> None:
    """Raise ParameterRefused for a query parameter of a page that is not known."""
    unknown = request.GET.keys() - known
    if unknown:
        name = visible(min(unknown)[:40])
        raise ParameterRefused(f"This page takes no parameter “{name}”.")

"""Which media types the API answers in, and how a client asks for one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.utils.mediatypes import media_type_matches

PROBLEM = "application/problem+json"


class TextRenderer(BaseRenderer):
    """A text as it is, in UTF-8."""

    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return str(data)


class ProblemNegotiation(DefaultContentNegotiation):
    """Takes a client that accepts problems, which are what every operation may answer.

    Generated clients accept nothing else where success has no body, or no JSON.
    """

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> Any:
        """Return the renderer to answer with, and its type. Raises NotAcceptable."""
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except NotAcceptable:
            accepted = self.get_accept_list(request)
            if not any(media_type_matches(PROBLEM, one) for one in accepted):
                raise
            first, *_ = renderers
            return first, first.media_type

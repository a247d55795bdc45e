"""The language of reason messages."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language_from_request

from transactions.decisions.wording import reason_language


class ReasonLanguageMiddleware:
    """Translates reason messages to the language of Accept-Language, if supported.

    LocaleMiddleware is not used: everything else is English only, and a page that is
    half German, with German dates and numbers, would be worse than an English one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with reason_language(get_language_from_request(request)):
            return self.get_response(request)

"""The language in which reasons are told."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language_from_request

from transactions.decisions.wording import speaking


class ReasonLanguageMiddleware:
    """Tells reasons in the language of Accept-Language, where we speak it.

    Not LocaleMiddleware: all else is English only, and half a page of German, with
    German dates and numbers in it, would be worse than none.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with speaking(get_language_from_request(request)):
            return self.get_response(request)

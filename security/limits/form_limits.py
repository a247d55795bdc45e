"""Request limits of HTML forms: a fixed window per person, or address, and minute."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

from audit.base.context import address_group, client_address
from audit.services.recording import Outcome, record

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponseBase]
CountedFor = Callable[[HttpRequest], str]

RETRY_AFTER_S = 5


def limit_form(
    rate_class: str, counted_for: CountedFor | None = None
) -> Callable[[View[Arguments]], View[Arguments]]:
    """Return a decorator that lets only so many POSTs of a form through a minute.

    `rate_class` is a row of RATE_LIMIT_CONFIG, counted for what `counted_for` makes
    of the request; by default per signed-in person, else per address. Above it the
    answer is a 429 page with Retry-After, audited once a window; when the limiter's
    engine is away it is a 503 page: what may not go on uncounted waits. Other
    methods pass.
    """

    def decorate(view: View[Arguments]) -> View[Arguments]:
        @functools.wraps(view)
        def limited(
            request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs
        ) -> HttpResponseBase:
            if request.method != "POST":
                return view(request, *args, **kwargs)
            key = (counted_for or _person_or_address)(request)
            return _refusal(request, rate_class, key) or view(request, *args, **kwargs)

        # Marks the view for code that walks the URLconf; outer decorators copy it.
        limited.rate_class = rate_class  # type: ignore[attr-defined]
        return limited

    return decorate


def _refusal(request: HttpRequest, rate_class: str, key: str) -> HttpResponse | None:
    """Count this POST; return the page that refuses it, or None to go on."""
    try:
        usage = _count(request, rate_class, key)
    except (RedisError, OSError):
        return _unavailable(request)
    if usage is None or not usage["should_limit"]:
        return None
    if usage["limit"] == 0:  # django-ratelimit's word for "the cache did not answer".
        return _unavailable(request)
    if usage["count"] == usage["limit"] + 1:
        with transaction.atomic():
            record(
                "request.limited",
                outcome=Outcome.REFUSED,
                details={"limit": rate_class, "path": request.path[:300]},
            )
    return _page(request, "errors/too_many.html", 429, max(usage["time_left"], 1))


def _count(request: HttpRequest, rate_class: str, key: str) -> Mapping[str, Any] | None:
    limit = settings.RATE_LIMIT_CONFIG[rate_class]
    usage: Mapping[str, Any] | None = get_usage(
        request,
        group=f"form:{rate_class}",
        key=lambda *_: key,
        rate=f"{limit.requests_per_minute}/m",
        increment=True,
    )
    return usage


def _person_or_address(request: HttpRequest) -> str:
    if request.user.is_authenticated:
        return str(request.user.pk)
    return address_group(client_address(request))


def _unavailable(request: HttpRequest) -> HttpResponse:
    return _page(request, "errors/unavailable.html", 503, RETRY_AFTER_S)


def _page(
    request: HttpRequest, template: str, status: int, retry_after_s: int
) -> HttpResponse:
    values = {"status": status, "retry_after_s": retry_after_s}
    response = render(request, template, values, status=status)
    response["Retry-After"] = str(retry_after_s)
    return response

"""Numbered pages of the lists that people see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from audit.base.core.readers import parse_whole

if TYPE_CHECKING:
    AnyPage = Page[Any]
else:
    AnyPage = Page

DIGITS = 10


def requested_page(
    rows: QuerySet[Any] | list[Any], request: HttpRequest, *, size: int
) -> AnyPage:
    """Return the page that `?page=` names, without it the first.

    Raises Http404 for anything but the number of a page that exists.
    """
    try:
        return Paginator(rows, size).page(page_number(request, "page"))
    except InvalidPage as error:
        raise Http404 from error


def page_number(request: HttpRequest, parameter: str) -> int:
    """Return the number in a query parameter, without it 1. Raises Http404."""
    asked = request.GET.get(parameter, "1")
    number = parse_whole(asked)
    if number is None or len(asked) >= DIGITS:
        raise Http404
    return number

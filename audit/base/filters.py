"""Filters of lists: a value that a filter does not take is refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from audit.base.core.vocabulary import Unlisted, Vocabulary
from audit.base.form_fields import InstantField

BEYOND_TIME = "Beyond the years 1 to 9999 in UTC, or 16 hours away from it."
OFFSET_BELOW = timedelta(hours=16)  # PostgreSQL's bound; no place on earth is at 15.


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc] # Untyped package.
    """django-filter, but a 400 about a closed set of values says what they are.

    An instant that the database cannot hold is a 400, too.
    """

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> QuerySet[Any]:
        filterset = self.get_filterset(request, queryset, view)
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            raise ValidationError(dict(_refusals(filterset)))
        _refuse_beyond_time(filterset.form.cleaned_data)
        found: QuerySet[Any] = filterset.qs
        return found


class InstantFilter(filters.IsoDateTimeFilter):  # type: ignore[misc] # As above.
    """A time with its zone, as RFC 3339 writes it."""

    field_class = InstantField


@extend_schema_field(OpenApiTypes.BOOL)
class FlagFilter(filters.TypedChoiceFilter):  # type: ignore[misc] # As above.
    """`true` or `false`; django-filter's own ignores any other word."""

    def __init__(self, **kwargs: Any) -> None:
        words = [("true", "true"), ("false", "false")]
        super().__init__(choices=words, coerce="true".__eq__, **kwargs)


@extend_schema_field(OpenApiTypes.STR)
class AddressFilter(filters.Filter):  # type: ignore[misc] # Untyped package.
    field_class = forms.GenericIPAddressField


def is_storable(instant: datetime) -> bool:
    """Return whether an aware instant has a date in UTC; 9999-12-31T23-23:00 has not.

    The database reads it in UTC, and would fail only once the query runs; at an
    offset like -18:01 as well.
    """
    try:
        instant.astimezone(UTC)
    except OverflowError:
        return False
    return abs(instant.utcoffset() or timedelta(0)) < OFFSET_BELOW


def times_out_of_range(given: Mapping[str, Any]) -> list[str]:
    """Return the names of filters whose instant has no date in UTC."""
    return [
        name
        for name, value in given.items()
        if isinstance(value, datetime) and not is_storable(value)
    ]


def _refusals(filterset: Any) -> Iterator[tuple[str, list[ErrorDetail]]]:
    for name, errors in filterset.errors.as_data().items():
        field, given = filterset.form.fields[name], filterset.data.get(name)
        details = []
        for error in errors:
            code = error.code or "invalid"
            if isinstance(field, forms.ChoiceField):
                offered: Any = field.choices
                words = tuple(str(value) for value, _ in offered if value)
                code = Unlisted(code, Vocabulary(words), given)
            details += [ErrorDetail(text, code) for text in error.messages]
        yield name, details


def _refuse_beyond_time(given: Mapping[str, Any]) -> None:
    if beyond := times_out_of_range(given):
        raise ValidationError(
            {name: [ErrorDetail(BEYOND_TIME, code="invalid")] for name in beyond}
        )

"""Filters of lists: what a list does not know is refused, never ignored."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

# Parameters that are no filters: pages, order, long polls.
EXTRAS = frozenset({"cursor", "limit", "ordering", "wait"})


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc] # Untyped package.
    """django-filter, but an unknown query parameter is a 400 that names it.

    A typing error in a filter would otherwise answer with everything. A view takes
    more by `extra_query_parameters`.
    """

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> QuerySet[Any]:
        filterset = self.get_filterset(request, queryset, view)
        known = EXTRAS | set(getattr(view, "extra_query_parameters", ()))
        if filterset is not None:
            known |= set(filterset.filters)
        refuse_unknown(request, known)
        found: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return found


def refuse_unknown(request: Request, known: frozenset[str] | set[str]) -> None:
    """Raise ValidationError naming each query parameter that is not known."""
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        detail = f"Unknown parameter. Known: {', '.join(sorted(known))}."
        raise ValidationError(
            {name: [ErrorDetail(detail, code="unknown_parameter")] for name in unknown}
        )

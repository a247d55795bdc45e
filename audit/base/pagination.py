"""Pages of a growing list: by cursor, so that new rows shift nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import CharField, QuerySet
from django.utils.timezone import is_naive
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.base.core.readers import parse_whole
from audit.base.core.vocabulary import Unlisted, Vocabulary
from audit.base.filters import is_storable

MAX_LIMIT = 200


class TimeCursorPagination(CursorPagination):
    """Newest first, 50 a page; `limit` from 1 to 200.

    A view may set `ordering` (fields, default -created_at, -id) and
    `ordering_fields` (those that `?ordering=` may name; none by default). The first
    field of an ordering must not be null. What is malformed is refused, not ignored.
    """

    page_size = 50
    max_page_size = MAX_LIMIT
    page_size_query_param = "limit"
    ordering = ("-created_at", "-id")

    def paginate_queryset(  # type: ignore[override] # Lists here are querysets.
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        cursor = self.decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            first = self.get_ordering(request, queryset, view)[0].lstrip("-")
            _check_position(queryset, first, str(cursor.position))
        return super().paginate_queryset(queryset, request, view)

    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: APIView | None
    ) -> tuple[str, ...]:
        ordering: Sequence[str] = getattr(view, "ordering", self.ordering)
        asked = request.query_params.get("ordering")
        if asked is None:
            return tuple(ordering)
        allowed = getattr(view, "ordering_fields", ())
        if asked.removeprefix("-") not in allowed:
            detail = f"Order by one of: {', '.join(allowed) or 'nothing'}."
            words = Vocabulary(tuple(orders_by(allowed)))
            raise _invalid("ordering", detail, Unlisted("invalid", words, asked))
        return asked, "-id" if asked.startswith("-") else "id"

    def get_page_size(self, request: Request) -> int:
        asked = request.query_params.get("limit")
        if asked is None:
            return self.page_size
        number = parse_whole(asked)
        if number is None or not 1 <= number <= MAX_LIMIT:
            raise _invalid("limit", f"A whole number from 1 to {MAX_LIMIT}.")
        return number

    def decode_cursor(self, request: Request) -> Cursor | None:
        try:
            return super().decode_cursor(request)
        except (NotFound, UnicodeError):
            raise _invalid("cursor", "Not a cursor of this list.") from None

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "data": data,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
            }
        )

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """Return cursor and limit, and ordering where the list has a choice of it."""
        parameters = super().get_schema_operation_parameters(view)
        [limit] = [one for one in parameters if one["name"] == "limit"]
        limit["schema"] |= {"minimum": 1, "maximum": MAX_LIMIT}
        fields = getattr(view, "ordering_fields", ())
        orders = orders_by(fields)
        if orders:
            schema = {"type": "string", "enum": orders}
            parameters.append(
                {"name": "ordering", "in": "query", "required": False, "schema": schema}
            )
        return parameters

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["data", "next", "previous"],
            "properties": {
                "data": schema,
                "next": {**link, "description": "The next page; null on the last."},
                "previous": {
                    **link,
                    "description": "The page before; null on the first.",
                },
            },
        }


def orders_by(fields: Sequence[str]) -> list[str]:
    """Return what `?ordering=` may say: each field, and each in descending order."""
    return [order for field in fields for order in (field, f"-{field}")]


def _check_position(queryset: QuerySet[Any], name: str, position: str) -> None:
    field = queryset.model._meta.get_field(name)
    # to_python() takes digits of any script.
    is_text = isinstance(field, CharField)
    try:
        value = field.to_python(position) if is_text or position.isascii() else None
    except (InvalidValue, ValueError, OverflowError):
        value = None
    is_wrong = isinstance(value, datetime) and (
        is_naive(value) or not is_storable(value)
    )
    if value is None or is_wrong or "\x00" in position:
        raise _invalid("cursor", "Not a cursor of this list.")


def _invalid(name: str, detail: str, code: str = "invalid") -> ValidationError:
    return ValidationError({name: [ErrorDetail(detail, code)]})

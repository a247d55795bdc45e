"""The base of every view of the API: it takes no query parameter that it ignores."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from audit.base.core.visible import visible
from audit.base.core.vocabulary import Unlisted, Vocabulary


class StrictQueryView(APIView):
    """Refuses a query parameter that the operation does not take, before it runs.

    A view that reads a parameter names it in `query_parameters`. A generic view is a
    list: it takes its filters, its pages and its order, too. Only reads take any.
    """

    query_parameters: frozenset[str] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the caller in as REST framework does. Raises ValidationError."""
        super().initial(request, *args, **kwargs)
        if _has_handler(self, request):
            refuse_unknown(request, parameters_of(self, request.method or ""))


def parameters_of(view: StrictQueryView, method: str) -> frozenset[str]:
    """Return the names of the query parameters that a view takes by a method."""
    if method not in SAFE_METHODS:
        return frozenset()
    if not isinstance(view, GenericAPIView):
        return view.query_parameters
    filterset_class = getattr(view, "filterset_class", None)
    return view.query_parameters.union(
        filterset_class.base_filters if filterset_class else (),
        ("cursor", "limit") if view.paginator else (),
        ("ordering",) if hasattr(view, "ordering_fields") else (),
    )


def refuse_unknown(request: Request, known: frozenset[str]) -> None:
    """Raise ValidationError naming each query parameter that is not known."""
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        takes = f"Known: {', '.join(sorted(known))}." if known else "There is none."
        message, words = f"Unknown parameter. {takes}", Vocabulary(tuple(sorted(known)))
        raise ValidationError(
            {
                visible(name[:40]): [
                    ErrorDetail(message, Unlisted("unknown_parameter", words, name))
                ]
                for name in unknown
            }
        )


def _has_handler(view: APIView, request: Request) -> bool:
    # What has none is 405, whatever the query; so is OPTIONS.
    method = request.method or ""
    return method != "OPTIONS" and hasattr(view, method.lower())

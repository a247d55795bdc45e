"""The schema, and `/api/docs/`: Swagger UI under the strict CSP."""

from __future__ import annotations

from typing import Any, ClassVar

from csp.constants import SELF
from csp.decorators import csp_update
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from audit.base.strict_query import StrictQueryView

# The schema and its page are public: they contain nothing that the source does not.
OPEN: dict[str, Any] = {
    "authentication_classes": [],
    "permission_classes": [],
}


class SchemaView(StrictQueryView, SpectacularAPIView):
    """Serves the content of docs/openapi.yaml; made once, because it takes seconds."""

    made: ClassVar[dict[str, bytes]] = {}

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer: Any = request.accepted_renderer
        form = renderer.media_type
        if form not in self.made:
            answer: Response = super()._get_schema_response(request)  # type: ignore[no-untyped-call]
            self.made[form] = renderer.render(answer.data, form, {})
        return HttpResponse(self.made[form], content_type=f"{form}; charset=utf-8")


@method_decorator(csp_update({"img-src": [SELF, "data:"]}), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own origin; its icons are data: images in its style sheet."""

    template_name = "docs/swagger.html"

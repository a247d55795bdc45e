"""The schema, and `/api/docs/`: Swagger UI under the strict CSP."""

from __future__ import annotations

from typing import Any

from csp.constants import SELF
from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from audit.strict_query import StrictQueryView

# The schema and its page are public: they tell nothing that the source does not.
OPEN: dict[str, Any] = {
    "authentication_classes": [],
    "permission_classes": [],
    "throttle_classes": [],
}


class SchemaView(StrictQueryView, SpectacularAPIView):
    """docs/openapi.yaml as it is served."""


@method_decorator(csp_update({"img-src": [SELF, "data:"]}), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own origin; its icons are data: images in its style sheet."""

    template_name = "docs/swagger.html"

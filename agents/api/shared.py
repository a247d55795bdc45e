"""What the views of this app share."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from audit.base.strict_query import StrictQueryView


class HighRiskWritesView(StrictQueryView):
    """Counts writes as high risk and reads as anything else."""

    rate_class = "default"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method not in SAFE_METHODS:
            self.rate_class = "high_risk"
        super().initial(request, *args, **kwargs)

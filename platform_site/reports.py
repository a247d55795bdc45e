"""What an error report may show: Django's page under DEBUG, and whatever else asks."""

from __future__ import annotations

import re
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class SecretsFilter(SafeExceptionReporterFilter):
    """Hides by name, under DEBUG too: settings, posted fields, and every local.

    Django trusts a developer's screen with all of it; a report that is copied into a
    ticket is no such screen. Addresses are hidden because they carry passwords.
    """

    hidden_settings = re.compile(
        "API|AUTH|COOKIE|CREDENTIAL|KEY|LOCATION|OTP|PASS|PHONE|REFRESH|ACCESS|SECRET"
        "|SEED|SIGNATURE|TOKEN|URL",
        re.IGNORECASE,
    )

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        posted = {} if request is None else request.POST.dict()
        return {name: self.cleanse_setting(name, text) for name, text in posted.items()}

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> Any:
        found = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, self.cleanse_setting(name, value)) for name, value in found]

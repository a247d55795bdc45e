"""Hides all values in Django's own pages and mails about an exception."""

from __future__ import annotations

import re
from collections.abc import ItemsView
from typing import Any

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.views.debug import SafeExceptionReporterFilter


class ValueHidingFilter(SafeExceptionReporterFilter):
    """Hides every local variable, form value and cookie, also while DEBUG is on.

    Django's filter hides what a decorator names, and nothing while DEBUG is on. Here
    only names and types of variables are shown, and settings and headers whose names
    do not suggest a secret. The page's address is shown: the only secret in an address
    is the key for a forgotten password, which works only once.
    """

    hidden_settings = re.compile(
        # URLs of engines contain their passwords.
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|COOKIE|URL|LOCATION",
        re.IGNORECASE,
    )

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(
        self, request: HttpRequest | None
    ) -> MultiValueDict[Any, Any]:
        names = [] if request is None else request.POST
        return MultiValueDict({name: [self.cleansed_substitute] for name in names})

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, str]:
        return dict.fromkeys(request.COOKIES, self.cleansed_substitute)

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: Any
    ) -> ItemsView[str, Any]:
        return {
            name: f"({type(value).__name__}, hidden)"
            for name, value in tb_frame.f_locals.items()
        }.items()

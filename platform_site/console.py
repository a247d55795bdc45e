"""The security console: Django's admin, with the site's own sign-in page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from accounts.views import sign_out

only_forms = require_http_methods(["GET", "HEAD", "POST"])


class Console(AdminSite):
    site_header = "Security console"
    site_title = "AI Agent Platform"
    index_title = "Operations"
    site_url = "/dashboard/"
    enable_nav_sidebar = True

    def admin_view(  # type: ignore[override] # The stubs' type variable has no name.
        self, view: Callable[..., Any], cacheable: bool = False
    ) -> Callable[..., Any]:
        """Accept GET, HEAD and POST; Django would treat any other method as GET."""
        limited: Callable[..., Any] = only_forms(super().admin_view(view, cacheable))
        return limited

    @method_decorator(only_forms)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the sign-in page, which applies rate limits and lock-out."""
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            raise PermissionDenied
        target = request.GET.get("next") or reverse("admin:index")
        return redirect_to_login(target)

    def logout(  # type: ignore[override] # As below.
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Sign out through our own service; a GET does not."""
        if request.method != "POST":
            return redirect("admin:index")
        return sign_out(request)

    def password_change(  # type: ignore[override] # wider than Django's own answer.
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to our page, whose service ends the person's other sessions."""
        return redirect("accounts:password")

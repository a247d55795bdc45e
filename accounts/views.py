"""The sign-in and sign-out pages, and one's own password."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import services
from accounts.authentication import AUTHENTICATED_AT
from accounts.core.usernames import lock_out_name
from accounts.errors import AccountLocked, InvalidCredentials
from accounts.forms import OwnPasswordForm, SignInForm
from security.form_limits import limit_form

# A browser that has signed in before counts in a bucket of its own, so that a
# stranger who guesses at a name cannot keep its owner out.
DEVICE_COOKIE = "__Host-device" if settings.PRODUCTION else "device"
DEVICE_SALT = "accounts.device"
DEVICE_AGE_S = 180 * 24 * 3600


def _name_and_device(request: HttpRequest) -> str:
    name = lock_out_name(request.POST.get("username", ""))
    known = request.get_signed_cookie(DEVICE_COOKIE, "", DEVICE_SALT, DEVICE_AGE_S)
    owner, _, device = (known or "").partition(".")
    return f"{name} {device if owner == _digest(name) else ''}"


def _digest(name: str) -> str:
    return salted_hmac(DEVICE_SALT, name, algorithm="sha256").hexdigest()


class SignInView(LoginView):
    """Limits by address and by name, then lock-out, then the password hash."""

    form_class = SignInForm
    template_name = "accounts/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except AccountLocked as error:
            return _locked_out(request, error.retry_after_s)

    def form_valid(self, form: SignInForm) -> HttpResponse:  # type: ignore[override] # Our form_class.
        user = form.get_user()
        try:
            services.start_browser_session(request=self.request, user=user)
        except InvalidCredentials as error:
            form.add_error(None, error.detail)
            return self.form_invalid(form)
        response = redirect(self.get_success_url())
        self.request.session[AUTHENTICATED_AT] = timezone.now().isoformat()
        name = lock_out_name(user.get_username())
        response.set_signed_cookie(
            DEVICE_COOKIE,
            f"{_digest(name)}.{secrets.token_urlsafe(16)}",
            DEVICE_SALT,
            max_age=DEVICE_AGE_S,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Strict",
        )
        return response


sign_in = limit_form("auth")(limit_form("auth", _name_and_device)(SignInView.as_view()))


class SignOutView(LogoutView):
    """POST only; ends the browser's session."""

    http_method_names = ["post", "options"]


class OwnPasswordView(PasswordChangeView):
    """Change one's own password; every other sign-in ends."""

    form_class = OwnPasswordForm
    template_name = "accounts/password.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: OwnPasswordForm) -> HttpResponse:  # type: ignore[override] # Our form_class.
        response = super().form_valid(form)
        messages.success(self.request, "Your password is changed.")
        return response


def _locked_out(request: HttpRequest, retry_after_s: int) -> HttpResponse:
    values = {"retry_after_minutes": -(-retry_after_s // 60)}
    response = render(request, "accounts/locked_out.html", values, status=429)
    response["Retry-After"] = str(retry_after_s)
    return response

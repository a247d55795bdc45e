"""People's pages: ours, and those of allauth that we use, each under a limit.

The names without a namespace are allauth's, which it looks up by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount.providers.openid_connect import views as openid
from django.db import transaction
from django.http.response import HttpResponseBase
from django.urls import include, path, re_path
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts import views
from security.limits.form_limits import limit_form

View = Callable[..., HttpResponseBase]


# Django's form views take PUT and DELETE, too: past the limits, which count POSTs,
# and a passkey could be deleted without an event.
only_forms = require_http_methods(["GET", "HEAD", "POST"])


def proving(view: View) -> View:
    """Limit the POSTs of a page on which somebody proves who they are."""
    return only_forms(limit_form("auth")(view))


def changing(view: View) -> View:
    """Limit a page that changes factors, and keep change and event together."""
    return only_forms(limit_form("high_risk")(transaction.atomic(view)))


ours: list[Any] = [
    path("password/", proving(views.OwnPasswordView.as_view()), name="password"),
    path("sessions/", views.sessions, name="sessions"),
    path("sessions/end-all/", views.end_all_sessions, name="end-all-sessions"),
    path("sessions/<str:session_id>/end/", views.end_session, name="end-session"),
]

reset: list[Any] = [
    path("", proving(account.password_reset), name="account_reset_password"),
    path(
        "done/",
        require_safe(account.password_reset_done),
        name="account_reset_password_done",
    ),
    path(
        "key/done/",
        require_safe(account.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    # allauth's own pattern takes no underscore, which our ids have.
    re_path(
        r"^key/(?P<uidb36>[0-9a-z_]+)-(?P<key>.+)/$",
        proving(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
]

second_factors: list[Any] = [
    path("", require_safe(factors.index), name="mfa_index"),
    path("authenticate/", proving(factors.authenticate), name="mfa_authenticate"),
    path("reauthenticate/", proving(factors.reauthenticate), name="mfa_reauthenticate"),
    path("app/add/", changing(totp.activate_totp), name="mfa_activate_totp"),
    path("app/remove/", changing(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path(
        "codes/",
        require_safe(codes.view_recovery_codes),
        name="mfa_view_recovery_codes",
    ),
    path(
        "codes/generate/",
        changing(codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path("passkeys/", require_safe(passkeys.list_webauthn), name="mfa_list_webauthn"),
    path("passkeys/add/", changing(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path(
        "passkeys/sign-in/", proving(passkeys.login_webauthn), name="mfa_login_webauthn"
    ),
    path(
        "passkeys/reauthenticate/",
        proving(passkeys.reauthenticate_webauthn),
        name="mfa_reauthenticate_webauthn",
    ),
    path(
        "passkeys/<int:pk>/remove/",
        changing(passkeys.remove_webauthn),
        name="mfa_remove_webauthn",
    ),
    path(
        "passkeys/<int:pk>/edit/",
        changing(passkeys.edit_webauthn),
        name="mfa_edit_webauthn",
    ),
]

single_sign_on: list[Any] = [
    path(
        "<str:provider_id>/",
        proving(require_POST(openid.login)),
        name="openid_connect_login",
    ),
    path(
        "<str:provider_id>/callback/",
        require_safe(openid.callback),
        name="openid_connect_callback",
    ),
]

urlpatterns: list[Any] = [
    path("login/", only_forms(views.sign_in), name="account_login"),
    path("logout/", views.sign_out, name="account_logout"),
    path(
        "reauthenticate/",
        proving(account.reauthenticate),
        name="account_reauthenticate",
    ),
    path("password/reset/", include(reset)),
    path("second-factors/", include(second_factors)),
    path("single-sign-on/", include(single_sign_on)),
    path("", include((ours, "accounts"))),
]

"""Adapters for allauth, which provides the flows and pages.

Our services check passwords, start sessions and keep secrets, so that lock-out, limits,
audit and revocation apply on every page.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import devices, queries, seals
from accounts.core.roles import needs_second_factor
from accounts.errors import InvalidCredentials
from accounts.models import User
from accounts.services import people
from accounts.services.identities import link_identity
from accounts.services.sign_in import prove_password, start_browser_session
from audit.base.context import client_address
from security.step_up import is_fresh


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # Untyped package.
    """Sign-in, step-up and password reset through our services."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """No: administrators make people."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Refuse as any failure is; PageRefusalMiddleware answers."""
        raise InvalidCredentials

    def login(self, request: HttpRequest, user: User) -> None:
        start_browser_session(request=request, user=user, method=_method(request, user))

    def post_login(
        self, request: HttpRequest, user: User, **kwargs: Any
    ) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        devices.remember(response, user.username)
        return response

    def reauthenticate(self, user: User, password: str) -> bool:
        try:
            prove_password(
                request=self.request, username=user.username, password=password
            )
        except InvalidCredentials:
            return False
        return True

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask again unless the session's proof is fresh, as our services see it."""
        proved_at = self.request.user.authenticated_at
        return proved_at is None or not is_fresh(proved_at)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Exclude the password for a person with a second factor: it is weaker."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        stronger = [one for one in methods if one["id"] != "reauthenticate"]
        return stronger or methods

    def set_password(self, user: User, password: str) -> None:
        people.set_password(user=user, password=password, acting=user)


class SingleSignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc] # As above.
    """Single sign-on opens accounts that exist; it makes none and widens none."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """No: administrators make people."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Tie an identity to the one active person of its verified address, once."""
        if sociallogin.is_existing:
            return
        verified = [one.email for one in sociallogin.email_addresses if one.verified]
        person = queries.person_of_address(verified)
        if person is None:
            messages.error(request, "No account here belongs to that identity.")
            raise ImmediateHttpResponse(redirect("account_login"))
        link_identity(sociallogin, person=person, request=request)

    def serialize_instance(self, instance: Any) -> dict[str, Any]:
        """Keep only the person's id in the session."""
        if isinstance(instance, User):
            return {"id": instance.pk}
        kept: dict[str, Any] = super().serialize_instance(instance)
        return kept

    def deserialize_instance(self, model: type[Any], data: dict[str, Any]) -> Any:
        if model is User:
            return User.objects.get(pk=data["id"])
        return super().deserialize_instance(model, data)

    def on_authentication_error(self, request: HttpRequest, *_: Any, **__: Any) -> None:
        messages.error(request, "Single sign-on did not succeed. Try again.")
        raise ImmediateHttpResponse(redirect("account_login"))


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc] # As above.
    """Second-factor secrets are encrypted with our ring and bound to their person."""

    def encrypt(self, text: str) -> str:
        return seals.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return seals.unseal(encrypted_text)

    def get_totp_issuer(self) -> str:
        return "AI Agent Platform"

    def get_totp_label(self, user: User) -> str:
        return user.username

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Keep the last factor of a person who must have one."""
        user = authenticator.user
        if not settings.MFA_REQUIRED or not needs_second_factor(user.role):
            return True
        others = Authenticator.objects.filter(user=user).exclude(pk=authenticator.pk)
        others = others.exclude(type=Authenticator.Type.RECOVERY_CODES)
        return bool(others.exists())


def _method(request: HttpRequest, user: User) -> str:
    """Return how a person proved who they are, as the log and the session name it."""
    steps = [
        str(step["type"] if step["method"] == "mfa" else step["method"])
        for step in get_authentication_records(request, user)
    ]
    return "+".join(steps)[:40].replace("socialaccount", "sso") or "password"

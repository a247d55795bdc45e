"""The one file that listens: Django's login signals become audit events.

Sign-in by page and by API send the same signals, so each fact is told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth import signals as auth_signals
from django.db import transaction
from django.http import HttpRequest

from accounts.models import User
from accounts.services.sessions import via
from audit.services import Outcome, record

UNKNOWN = ("user", "", "unknown")


def connect() -> None:
    """Listen to sign-ins, by page and by API alike. Called once, at start."""
    listeners = {
        auth_signals.user_logged_in: on_signed_in,
        auth_signals.user_login_failed: on_sign_in_failed,
        auth_signals.user_logged_out: on_signed_out,
        user_locked_out: on_locked_out,
    }
    for signal, listener in listeners.items():
        signal.connect(listener, dispatch_uid=f"accounts.{listener.__name__}")


def on_signed_in(sender: object, request: HttpRequest, user: User, **_: Any) -> None:
    """A person has proved who they are."""
    details = {"method": "password", "via": via(request)}
    with transaction.atomic():
        record(
            "user.signed_in",
            target=_target(user),
            owner_id=user.pk,
            details=details,
            actor=user,
        )


def on_sign_in_failed(
    sender: object,
    credentials: Mapping[str, Any],
    request: HttpRequest | None = None,
    **_: Any,
) -> None:
    """Somebody has not. The log says why; the answer to them never does."""
    locked = getattr(request, "axes_locked_out", False)
    _record_about(
        str(credentials.get("username", "")),
        "user.sign_in_failed",
        {
            "reason": "locked_out" if locked else "invalid_credentials",
            "via": via(request),
        },
    )


def on_locked_out(
    sender: object, request: HttpRequest, username: str, **_: Any
) -> None:
    """A name had too many failures from one address."""
    details = {"reason": "too_many_failures", "via": via(request)}
    _record_about(username, "user.locked_out", details)


def on_signed_out(
    sender: object, request: HttpRequest, user: User | None, **_: Any
) -> None:
    """A person has ended their own sign-in."""
    if user is None:
        return
    with transaction.atomic():
        record(
            "user.signed_out",
            target=_target(user),
            owner_id=user.pk,
            details={"via": via(request)},
            actor=user,
        )


def _record_about(username: str, action: str, details: Mapping[str, object]) -> None:
    """Tell of an attempt on an account that exists; of another the name is not kept.

    People type passwords into the wrong field.
    """
    try:
        user = User.objects.get_by_natural_key(username)
    except User.DoesNotExist:
        target, owner_id = UNKNOWN, ""
    else:
        target, owner_id = _target(user), user.pk
    with transaction.atomic():
        record(
            action,
            target=target,
            owner_id=owner_id,
            outcome=Outcome.FAILURE,
            details=details,
        )


def _target(user: User) -> tuple[str, str, str]:
    return ("user", user.pk, user.username)

"""The only receivers of signals: those of Django, axes and allauth are recorded here.

Sign-in by page and by API send the same signals, so each fact is recorded once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.account.signals import authentication_step_completed
from allauth.mfa.models import Authenticator
from axes.signals import user_locked_out
from django.contrib.auth import signals as auth_signals
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest

from accounts.models import User
from accounts.services.lock_outs import SECOND_FACTOR
from accounts.services.sessions import renew_proof
from accounts.services.sign_in import SIGN_IN, via
from audit.services.recording import Outcome, record

UNKNOWN = ("user", "", "unknown")


def connect() -> None:
    """Listen to sign-ins, by page and by API alike. Called once, at start."""
    listeners = {
        auth_signals.user_logged_in: on_signed_in,
        auth_signals.user_login_failed: on_sign_in_failed,
        auth_signals.user_logged_out: on_signed_out,
        user_locked_out: on_locked_out,
        authentication_step_completed: on_step_completed,
    }
    for signal, listener in listeners.items():
        signal.connect(listener, dispatch_uid=f"accounts.{listener.__name__}")
    # allauth's own signals come after the commit, when the event could be lost.
    post_save.connect(on_factor_saved, Authenticator, dispatch_uid="accounts.added")
    post_delete.connect(on_factor_gone, Authenticator, dispatch_uid="accounts.gone")


def on_signed_in(sender: object, request: HttpRequest, user: User, **_: Any) -> None:
    """A person has proved who they are."""
    method = getattr(request, "sign_in_method", "password")
    details = {"method": method, "via": via(request)}
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
    reason = "invalid_credentials"
    if getattr(request, "axes_locked_out", False):
        reason = "locked_out"
    elif SECOND_FACTOR in credentials:
        reason = "second_factor"
    _record_about(
        str(credentials.get("username", "")),
        "user.sign_in_failed",
        {"reason": reason, "via": via(request)},
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


def on_step_completed(
    sender: object,
    request: HttpRequest,
    user: User,
    method: str,
    reauthenticated: bool = False,
    **extra: Any,
) -> None:
    """A signed-in person has proved their identity again; the session's id changes."""
    if not reauthenticated:
        return
    renew_proof(
        session_id=request.session[SIGN_IN],
        acting=user,
        method=str(extra.get("type", method)),
    )
    # allauth's user is another instance; this is the one that permissions ask.
    request.user.authenticated_at = user.authenticated_at  # type: ignore[union-attr]
    request.session.cycle_key()


def on_factor_saved(
    sender: object, instance: Authenticator, created: bool, **_: Any
) -> None:
    """Somebody has enrolled a second factor."""
    if created:
        _record_factor("second_factor.added", instance)


def on_factor_gone(sender: object, instance: Authenticator, **_: Any) -> None:
    """Somebody, or an administrator for them, has removed one."""
    _record_factor("second_factor.removed", instance)


def _record_factor(action: str, factor: Authenticator) -> None:
    record(
        action,
        target=_target(factor.user),
        owner_id=factor.user.pk,
        details={"type": factor.type},
    )


def _record_about(username: str, action: str, details: Mapping[str, object]) -> None:
    """Record an attempt on an existing account; other names are not kept.

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

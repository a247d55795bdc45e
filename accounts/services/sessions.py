"""Sign-ins: proving a password, starting, refreshing and ending sessions.

The Django request is needed, because lock-out and Django's login signals are keyed
by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from django.contrib.auth import authenticate, login
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework_simplejwt.settings import api_settings

from accounts import queries, tokens
from accounts.errors import AccountLocked, InvalidCredentials, RefreshRefused
from accounts.models import Session, User
from audit import context
from audit.context import Principal
from audit.services import Outcome, masked_text, record
from security.queries import live_locks

Begun = TypeVar("Begun")


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets: a short access token and a refresh token used once."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in_s: int


def prove_password(*, request: HttpRequest, username: str, password: str) -> User:
    """Return the active person whose password this is.

    The lock-out is asked before the password is hashed. Raises AccountLocked (with
    when to come back) or InvalidCredentials, which is the same for an unknown name,
    a wrong password and a deactivated account. Failures are audited by the signals.
    Whether a security lock keeps them out is asked when the session starts.
    """
    credentials = {"username": username}
    if not AxesProxyHandler.is_allowed(request, credentials):
        raise AccountLocked(retry_after_s=_locked_for_s(request, credentials))
    user = authenticate(request, username=username, password=password)
    if isinstance(user, User):
        return user
    if getattr(request, "axes_locked_out", False):
        raise AccountLocked(retry_after_s=_locked_for_s(request, credentials))
    raise InvalidCredentials


def _locked_for_s(request: HttpRequest, credentials: Mapping[str, str]) -> int:
    """Whole seconds until the newest failure has cooled off, at least one."""
    handler = AxesProxyHandler.get_implementation()
    newest = max(
        (
            attempt.attempt_time
            for attempts in handler.get_user_attempts(request, credentials)
            for attempt in attempts
        ),
        default=timezone.now(),
    )
    remaining: timedelta = newest + get_cool_off(request) - timezone.now()
    return max(1, math.ceil(remaining / timedelta(seconds=1)))


def sign_in(*, request: HttpRequest, username: str, password: str) -> TokenPair:
    """Start a session by API for the person whose password this is.

    Raises as prove_password does.
    """
    user = prove_password(request=request, username=username, password=password)
    return start_session(request=request, user=user)


def start_session(*, request: HttpRequest, user: User) -> TokenPair:
    """Start a session by API for a person who has proved who they are.

    Raises InvalidCredentials as _start() does.
    """

    def begin() -> TokenPair:
        pair = _open_session(user)
        user_logged_in.send(sender=User, request=request, user=user)
        return pair

    return _start(request, user, begin)


def start_browser_session(*, request: HttpRequest, user: User) -> None:
    """Start a browser's session for a person who has proved who they are.

    Raises InvalidCredentials as _start() does.
    """
    _start(request, user, lambda: login(request, user))


def _start(request: HttpRequest, user: User, begin: Callable[[], Begun]) -> Begun:
    """Begin a session under the person's row lock; 3 queries and what `begin` does.

    Session, last sign-in and audit event (by Django's signal) are one transaction.
    Raises InvalidCredentials when the password or the account changed since the
    proof, or a security lock stops the person: otherwise what ends all sessions could
    miss this one. A right password on a locked account is told to the log.
    """
    with transaction.atomic(durable=True):
        unchanged = User.objects.filter(
            pk=user.pk, is_active=True, password=user.password
        )
        is_unchanged = unchanged.select_for_update().first() is not None
        is_locked = live_locks("user", user.pk).exists()
        if is_unchanged and not is_locked:
            return begin()
        if is_locked:
            record(
                "user.sign_in_failed",
                target=target(user),
                owner_id=user.pk,
                outcome=Outcome.FAILURE,
                details={"reason": "locked", "via": via(request)},
            )
    raise InvalidCredentials


def via(request: HttpRequest | None) -> str:
    """Return the door of a sign-in, as the log names it."""
    return "api" if request and request.path.startswith("/api/") else "page"


def _open_session(user: User) -> TokenPair:
    now = timezone.now()
    request = context.current()
    session = Session(
        user=user,
        address=request.address,
        user_agent=masked_text(request.user_agent, 300),
        created_at=now,
        last_seen_at=now,
        expires_at=now + api_settings.REFRESH_TOKEN_LIFETIME,
    )
    refresh = tokens.new_refresh(session.pk)
    session.refresh_hash = tokens.refresh_hash(refresh)
    session.save(force_insert=True)
    return _pair(session, refresh)


def _pair(session: Session, refresh: str) -> TokenPair:
    access = tokens.PersonAccess.issue(subject=session.user_id, session=session.pk)
    return TokenPair(access, refresh, tokens.expires_in_s())


def refresh_session(*, refresh: str) -> TokenPair:
    """Spend a refresh token for a new pair. Exactly one of many at once wins.

    A token that we gave out and that was spent before ends its session at once: of
    the two who hold it, one has stolen it. There is no grace for lost responses.
    Raises RefreshRefused.
    """
    session_id = tokens.session_of(refresh)
    if session_id is None:
        raise RefreshRefused
    with transaction.atomic(durable=True):
        pair = _rotate(session_id, refresh, now=timezone.now())
    if pair is None:
        raise RefreshRefused
    return pair


def _rotate(session_id: str, refresh: str, *, now: datetime) -> TokenPair | None:
    session = Session.objects.select_related("user").filter(pk=session_id).first()
    if session is None or not session.user.is_active:
        return None
    successor = tokens.new_refresh(session_id)
    # No join in this filter: PostgreSQL rechecks a row that it waited for against
    # the row's own columns only.
    live = Session.objects.filter(pk=session_id, ended_at=None, expires_at__gt=now)
    won = live.filter(refresh_hash=tokens.refresh_hash(refresh)).update(
        refresh_hash=tokens.refresh_hash(successor), last_seen_at=now
    )
    target = ("session", session.pk, str(session.user))
    if won:
        record(
            "session.refreshed",
            target=target,
            owner_id=session.user_id,
            actor=session.user,
        )
        return _pair(session, successor)
    if live.update(ended_at=now, end_reason="refresh_replayed"):
        record(
            "session.refresh_replayed",
            target=target,
            owner_id=session.user_id,
            outcome=Outcome.REFUSED,
        )
    return None


def revoke_session(*, session: Session, acting: Principal, reason: str) -> bool:
    """End one session at once, access tokens included. False if it had ended."""
    with transaction.atomic(durable=True):
        live = Session.objects.filter(pk=session.pk, ended_at=None)
        if not live.update(ended_at=timezone.now(), end_reason=reason):
            return False
        record(
            "session.revoked",
            target=("session", session.pk, str(session.user)),
            owner_id=session.user_id,
            details={"reason": reason},
            actor=acting,
        )
    return True


def sign_out(*, request: HttpRequest, session_id: str, acting: User) -> None:
    """End the session that the person is using; the log tells of a sign-out."""
    with transaction.atomic(durable=True):
        live = Session.objects.filter(pk=session_id, ended_at=None)
        if live.update(ended_at=timezone.now(), end_reason="signed_out"):
            user_logged_out.send(sender=User, request=request, user=acting)


def revoke_all_sessions(*, user: User, acting: Principal, reason: str) -> None:
    """End every sign-in of a person, by API and by browser, at once."""
    with transaction.atomic(durable=True):
        end_all_sessions(user, acting, reason)


def end_all_sessions(user: User, acting: Principal, reason: str) -> None:
    """End them within the transaction of the change that calls for it."""
    now = timezone.now()
    live = queries.live_sessions(user, now=now)
    ended_count = live.update(ended_at=now, end_reason=reason)
    user.sessions_ended_at = now
    user.save(update_fields=["sessions_ended_at"])
    record(
        "session.revoked",
        target=target(user),
        owner_id=user.pk,
        details={"reason": reason, "all": True, "ended_count": ended_count},
        actor=acting,
    )


def target(user: User) -> tuple[str, str, str]:
    """Return a person as the audit log names them."""
    return ("user", user.pk, user.username)

"""Sessions: opening, refreshing, proving again and ending them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import queries, tokens
from accounts.core.sessions import LIFETIMES, TOUCH_EVERY
from accounts.errors import RefreshEnded, RefreshRefused
from accounts.models import Session, User
from audit.base import context
from audit.base.context import Principal
from audit.services.recording import Outcome, masked_text, record
from security.alerts.services import raise_at_once


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client gets: a short access token and a refresh token used once."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in_s: int


def new_session(user: User, kind: str, method: str) -> Session:
    """Return an unsaved sign-in that begins now, from where the request comes."""
    now = timezone.now()
    request = context.current()
    return Session(
        user=user,
        kind=kind,
        method=method,
        address=request.address,
        user_agent=masked_text(request.user_agent, 300),
        created_at=now,
        authenticated_at=now,
        last_seen_at=now,
        idles_at=now + LIFETIMES[kind].idle,
        expires_at=now + LIFETIMES[kind].absolute,
    )


def open_session(user: User, method: str) -> TokenPair:
    """Save a new session by API and return its first tokens. 1 INSERT."""
    session = new_session(user, Session.Kind.API, method)
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
    Raises RefreshRefused; RefreshEnded where the one doubt is that the session ended.
    """
    session_id = tokens.session_of(refresh)
    if session_id is None:
        raise RefreshRefused
    with transaction.atomic(durable=True):
        outcome = _rotate(session_id, refresh, now=timezone.now())
    if isinstance(outcome, RefreshRefused):
        raise outcome
    return outcome


def _rotate(
    session_id: str, refresh: str, *, now: datetime
) -> TokenPair | RefreshRefused:
    """Return the new pair or the refusal; raised, it would erase the event."""
    session = Session.objects.select_related("user").filter(pk=session_id).first()
    if session is None or not session.user.is_active:
        return RefreshEnded()
    successor = tokens.new_refresh(session_id)
    # No join in this filter: PostgreSQL rechecks a row that it waited for against
    # the row's own columns only.
    live = queries.live_sessions(session.user, now=now).filter(pk=session_id)
    won = live.filter(refresh_hash=tokens.refresh_hash(refresh)).update(
        refresh_hash=tokens.refresh_hash(successor),
        last_seen_at=now,
        idles_at=now + LIFETIMES[Session.Kind.API].idle,
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
        raise_at_once("refresh_token_replayed")
        return RefreshRefused()
    return RefreshEnded()


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
    """End the session that the person is using; recorded as a sign-out."""
    with transaction.atomic(durable=True):
        live = Session.objects.filter(pk=session_id, ended_at=None)
        if live.update(ended_at=timezone.now(), end_reason="signed_out"):
            user_logged_out.send(sender=User, request=request, user=acting)


def sign_out_browser(*, request: HttpRequest, session_id: str) -> None:
    """End the browser's session and its cookie; Django's signal records it."""
    with transaction.atomic(durable=True):
        live = Session.objects.filter(pk=session_id, ended_at=None)
        live.update(ended_at=timezone.now(), end_reason="signed_out")
        logout(request)


def touch(session: Session, *, now: datetime) -> None:
    """Write down that a browser's session is used, once a minute at most.

    At once if it was last used ahead of now: it would not idle until that time.
    """
    if abs(now - session.last_seen_at) < TOUCH_EVERY:
        return
    live = Session.objects.filter(pk=session.pk, ended_at=None)
    live.update(last_seen_at=now, idles_at=now + LIFETIMES[session.kind].idle)


def renew_proof(*, session_id: str, acting: User, method: str) -> datetime:
    """Record that the session's person proved their identity again; return the time."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        live = queries.live_sessions(acting, now=now).filter(pk=session_id)
        live.update(authenticated_at=now)
        record(
            "session.stepped_up",
            target=("session", session_id, acting.username),
            owner_id=acting.pk,
            details={"method": method},
            actor=acting,
        )
    acting.authenticated_at = now
    return now


def revoke_all_sessions(*, user: User, acting: Principal, reason: str) -> None:
    """End every sign-in of a person, by API and by browser, at once."""
    with transaction.atomic(durable=True):
        User.objects.select_for_update().get(pk=user.pk)
        end_all_sessions(user, acting, reason)


def end_all_sessions(user: User, acting: Principal, reason: str) -> None:
    """End them within the transaction of the change that calls for it.

    Call it with the person's row locked, as sign-in does: none can begin meanwhile.
    """
    now = timezone.now()
    live = queries.live_sessions(user, now=now)
    ended_count = live.update(ended_at=now, end_reason=reason)
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

"""Signing in: a password, a second factor where one is enrolled, then a session.

The Django request is needed, because lock-out and Django's login signals are keyed
by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from django.contrib.auth import authenticate, login
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import queries
from accounts.errors import (
    AccountLocked,
    EnrolmentRequired,
    InvalidCredentials,
    OwnPasswordRequired,
    SecondFactorRequired,
)
from accounts.models import Session, User
from accounts.services.lock_outs import locked_for_s, refuse_locked_out
from accounts.services.password_reset import link_for_password
from accounts.services.second_factors import prove_second_factor
from accounts.services.sessions import TokenPair, new_session, open_session, target
from audit.services.recording import Outcome, record
from security.locks.queries import live_locks

Begun = TypeVar("Begun")
# Where a browser's session keeps the id of its Session row.
SIGN_IN = "sign_in"
BACKEND = "accounts.backends.RoleBackend"


def prove_password(*, request: HttpRequest, username: str, password: str) -> User:
    """Return the active person whose password this is.

    The lock-out is asked before the password is hashed. Raises AccountLocked (with
    when to come back) or InvalidCredentials, which is the same for an unknown name,
    a wrong password and a deactivated account. Failures are audited by the signals.
    Whether a security lock keeps them out is asked when the session starts. A password
    that somebody else knows (User.first_password_ends_at) proves nothing, but for one
    use: raises OwnPasswordRequired, with a link by which to choose one's own.
    """
    refuse_locked_out(request, username)
    user = authenticate(request, username=username, password=password)
    if isinstance(user, User):
        if user.first_password_ends_at is not None:
            _use_first_password(request, user)
        return user
    if getattr(request, "axes_locked_out", False):
        retry_after_s = locked_for_s(request, {"username": username})
        raise AccountLocked(retry_after_s=retry_after_s)
    raise InvalidCredentials


def _use_first_password(request: HttpRequest, user: User) -> NoReturn:
    """End a first password; say how to choose one's own, if it had not ended yet."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        is_in_time = User.objects.filter(
            pk=user.pk, password=user.password, first_password_ends_at__gt=now
        ).update(first_password_ends_at=now)
        record(
            "user.first_password_used" if is_in_time else "user.sign_in_failed",
            target=target(user),
            owner_id=user.pk,
            outcome=Outcome.SUCCESS if is_in_time else Outcome.FAILURE,
            details={"reason": "first_password", "via": via(request)},
        )
    if not is_in_time:
        raise InvalidCredentials
    raise OwnPasswordRequired(link_for_password(user))


def sign_in(
    *, request: HttpRequest, username: str, password: str, otp: str = ""
) -> TokenPair:
    """Start a session by API for the person whose password and code these are.

    Raises as prove_password does; SecondFactorRequired when one is enrolled and no
    code was sent, SecondFactorRefused when it is wrong or was used, EnrolmentRequired
    when the person's role asks for a factor that they do not have yet.
    """
    user = prove_password(request=request, username=username, password=password)
    if queries.factor_types(user):
        if not otp:
            raise SecondFactorRequired
        factor = prove_second_factor(request=request, user=user, code=otp)
        return start_session(
            request=request, user=user, method=f"password+{factor.type}"
        )
    if queries.owes_second_factor(user):
        raise EnrolmentRequired
    return start_session(request=request, user=user)


def start_session(
    *, request: HttpRequest, user: User, method: str = "password"
) -> TokenPair:
    """Start a session by API for a person who has proved who they are.

    Raises InvalidCredentials as _start() does.
    """

    def begin() -> TokenPair:
        pair = open_session(user, method)
        _tell(request, user, method)
        return pair

    return _start(request, user, begin)


def start_browser_session(
    *, request: HttpRequest, user: User, method: str = "password"
) -> None:
    """Start a browser's session for a person who has proved who they are.

    Raises InvalidCredentials as _start() does.
    """

    def begin() -> None:
        session = new_session(user, Session.Kind.BROWSER, method)
        session.save(force_insert=True)
        request.sign_in_method = method  # type: ignore[attr-defined] # For the signal.
        login(request, user, backend=BACKEND)
        request.session[SIGN_IN] = session.pk
        user.authenticated_at = session.authenticated_at

    _start(request, user, begin)


def _tell(request: HttpRequest, user: User, method: str) -> None:
    request.sign_in_method = method  # type: ignore[attr-defined] # As above.
    user_logged_in.send(sender=User, request=request, user=user)


def _start(request: HttpRequest, user: User, begin: Callable[[], Begun]) -> Begun:
    """Begin a session under the person's row lock; 3 queries and what `begin` does.

    Session, last sign-in and audit event (by Django's signal) are one transaction.
    Raises InvalidCredentials when the password or the account changed since the
    proof, or a security lock stops the person: otherwise a service that ends all
    sessions could miss this one. A right password on a locked account is recorded.
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
    """Return the method of a sign-in, as the log names it."""
    return "api" if request and request.path.startswith("/api/") else "page"

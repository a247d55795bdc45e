"""Second-factor secrets at rest: encrypted, and readable for their person only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from allauth.core import context as current
from django.db import transaction

from accounts.models import User
from audit.services import Outcome, record
from security import crypto
from security.errors import DecryptionFailed

FIELD = "mfa.authenticator.data"
_person: ContextVar[User | None] = ContextVar("second_factor_person", default=None)


@contextlib.contextmanager
def person_proving(user: User) -> Iterator[None]:
    """Say whose second factors are being read, where the request cannot tell."""
    token = _person.set(user)
    try:
        yield
    finally:
        _person.reset(token)


def seal(text: str) -> str:
    """Encrypt a secret of the person who enrols it; moved to another it is void."""
    return crypto.encrypt(text, context=context_of(_whose().pk)).decode()


def unseal(token: str) -> str:
    """Decrypt, or raise DecryptionFailed and tell the audit log."""
    person = _whose()
    try:
        return crypto.decrypt(token.encode(), context=context_of(person.pk))
    except DecryptionFailed:
        with transaction.atomic():
            record(
                "decryption.failed",
                target=("user", person.pk, person.username),
                outcome=Outcome.FAILURE,
                details={"field": FIELD},
            )
        raise


def context_of(user_id: str) -> crypto.Context:
    """Return the place that a person's second-factor secrets are bound to."""
    return (FIELD, user_id)


def _whose() -> User:
    """Return the person: named, signed in, or between password and second factor."""
    if (named := _person.get()) is not None:
        return named
    request = current.request
    if isinstance(request.user, User):
        return request.user
    stage = request._login_stage
    assert isinstance(stage.login.user, User)  # noqa: S101 - allauth's, by its stage.
    return stage.login.user

"""Second-factor secrets at rest: encrypted, and readable for their person only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar

from allauth.core import context as current
from allauth.mfa.models import Authenticator
from django.db import connection
from django.db.models import QuerySet

from accounts.models import User
from security.encryption import crypto
from security.encryption.sealed_stores import BATCH, SealedValue, register
from security.encryption.tampering import record_decryption_failure
from security.errors import DecryptionFailed

FIELD = "mfa.authenticator.data"
_person: ContextVar[User | None] = ContextVar("second_factor_person", default=None)


@contextlib.contextmanager
def person_proving(user: User) -> Iterator[None]:
    """Name the person whose second factors are read, if the request does not."""
    token = _person.set(user)
    try:
        yield
    finally:
        _person.reset(token)


def seal(text: str) -> str:
    """Encrypt a secret of the person who enrols it; moved to another it is void."""
    return crypto.encrypt(text, context=context_of(_whose().pk)).decode()


def unseal(token: str) -> str:
    """Decrypt, or raise DecryptionFailed and record it."""
    person = _whose()
    try:
        return crypto.decrypt(token.encode(), context=context_of(person.pk))
    except DecryptionFailed:
        target = ("user", person.pk, person.username)
        record_decryption_failure(target, field=FIELD)
        raise


def context_of(user_id: str) -> crypto.Context:
    """Return the place that a person's second-factor secrets are bound to."""
    return (FIELD, user_id)


class SecondFactorSecrets:
    """What an authenticator app, or the recovery codes, are computed from."""

    # In which key of an Authenticator's JSON.
    keys: ClassVar[Mapping[str, str]] = {
        Authenticator.Type.TOTP: "secret",
        Authenticator.Type.RECOVERY_CODES: "seed",
    }
    name = FIELD

    def count(self) -> int:
        return self._rows().count()

    def after(self, key: Any) -> Sequence[SealedValue]:
        rows = self._rows() if key is None else self._rows().filter(pk__gt=key)
        return [
            SealedValue(
                row.pk,
                str(row.data.get(self.keys[row.type])).encode(),
                context_of(row.user_id),
                ("user", row.user_id, ""),
            )
            for row in rows.order_by("pk")[:BATCH]
        ]

    def swap(self, value: SealedValue, token: bytes) -> bool:
        """Keep the rest of the JSON: another request may use up a code meanwhile."""
        with connection.cursor() as cursor:
            for key in self.keys.values():
                cursor.execute(
                    "UPDATE mfa_authenticator"
                    " SET data = jsonb_set(data, ARRAY[%s], to_jsonb(%s::text))"
                    " WHERE id = (SELECT id FROM mfa_authenticator"
                    " WHERE id = %s AND data->>%s = %s"
                    " FOR NO KEY UPDATE SKIP LOCKED)",
                    [key, token.decode(), value.key, key, value.token.decode()],
                )
                if cursor.rowcount == 1:
                    return True
        return False

    def _rows(self) -> QuerySet[Authenticator]:
        rows: QuerySet[Authenticator] = Authenticator.objects.filter(type__in=self.keys)
        return rows


def register_stores() -> None:
    """Register what else is encrypted; called once, when the app is ready."""
    register(SecondFactorSecrets())


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

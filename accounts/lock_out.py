"""What django-axes calls: the name and address that failed, and the answer."""

from __future__ import annotations

from collections.abc import Mapping

from axes.handlers.database import AxesDatabaseHandler
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from accounts.core.usernames import lock_out_name
from accounts.models import User
from audit.base.context import address_group, client_address

SALT = "accounts.lock_out"
# Each try is lost only to a sign-in that succeeds in that very moment.
TRIES = 5


class RetryingAxesHandler(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Counts failures in the database, also beside a sign-in that forgets them."""

    def user_login_failed(self, *args: object, **kwargs: object) -> None:
        """Count a failure, once more if its row appeared and went meanwhile.

        axes inserts the row, or reads the one that is there already. A success
        between the two deletes it, which axes lets out as an IntegrityError, with its
        savepoint rolled back.
        """
        for tries_left in reversed(range(TRIES)):
            try:
                super().user_login_failed(*args, **kwargs)
            except IntegrityError:
                if not tries_left:
                    raise
            else:
                break


def name_of(request: HttpRequest, credentials: Mapping[str, object] | None) -> str:
    """Return the name that a failure counts for, the same for all its spellings.

    Of a name that nobody has only a keyed digest: people type passwords into the
    wrong field, and what this returns is stored. 1 query.
    """
    typed = (credentials or {}).get("username")
    name = lock_out_name(typed) if isinstance(typed, str) else ""
    if not name or _is_somebodys(name):
        return name
    return f"unknown {digest_of(name)}"


def digest_of(typed: str) -> str:
    """Return a keyed digest of a name, equal for all its spellings."""
    return salted_hmac(SALT, lock_out_name(typed), algorithm="sha256").hexdigest()


def _is_somebodys(name: str) -> bool:
    try:
        User.objects.get_by_natural_key(name)
    except User.DoesNotExist:
        return False
    return True


def address_of(request: HttpRequest) -> str:
    """Return the address that a failure counts for: IPv6 by its /64."""
    return address_group(client_address(request))


def answer(
    request: HttpRequest,
    response: HttpResponse,
    credentials: Mapping[str, object] | None,
) -> HttpResponse:
    """Keep the view's answer: page and API answer 429 with Retry-After themselves."""
    return response

"""Step-up by API: proving one's identity again within a session."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest

from accounts import queries
from accounts.errors import SecondFactorRequired
from accounts.models import User
from accounts.services.second_factors import prove_passkey, prove_second_factor
from accounts.services.sessions import renew_proof
from accounts.services.sign_in import prove_password


def step_up(
    *,
    request: HttpRequest,
    session_id: str,
    acting: User,
    otp: str = "",
    passkey: dict[str, Any] | None = None,
    password: str = "",
) -> datetime:
    """Renew a session's proof by a code, a passkey, or for want of both a password.

    Returns when it was proved. Raises SecondFactorRequired when a password is sent by
    somebody who has a second factor, and what the proofs themselves raise.
    """
    if otp:
        method = prove_second_factor(request=request, user=acting, code=otp).type
    elif passkey is not None:
        method = prove_passkey(
            request=request, session_id=session_id, user=acting, assertion=passkey
        )
    elif queries.factor_types(acting):
        raise SecondFactorRequired
    else:
        prove_password(request=request, username=acting.username, password=password)
        method = "password"
    return renew_proof(session_id=session_id, acting=acting, method=method)

"""What changes about people and their sign-ins.

One public function per use case, one durable transaction each, the audit event in it.
"""

from __future__ import annotations

from accounts.services.people import (
    create_team,
    create_user,
    release_lock_out,
    rename_team,
    set_password,
    update_user,
)
from accounts.services.sessions import (
    TokenPair,
    prove_password,
    refresh_session,
    revoke_all_sessions,
    revoke_session,
    sign_in,
    sign_out,
    start_browser_session,
    start_session,
)

__all__ = [
    "TokenPair",
    "create_team",
    "create_user",
    "prove_password",
    "refresh_session",
    "release_lock_out",
    "rename_team",
    "revoke_all_sessions",
    "revoke_session",
    "set_password",
    "sign_in",
    "sign_out",
    "start_browser_session",
    "start_session",
    "update_user",
]

"""What changes about people and their sign-ins.

One public function per use case, one durable transaction each, the audit event in it.
"""

from __future__ import annotations

from accounts.services.erasure import erase_person
from accounts.services.identities import link_identity
from accounts.services.lock_outs import release_lock_out
from accounts.services.password_reset import (
    mail_password_reset,
    queue_password_reset,
    start_password_reset,
)
from accounts.services.people import (
    create_team,
    create_user,
    rename_team,
    set_password,
    update_user,
)
from accounts.services.provisioning import confirm_account
from accounts.services.retention import purge_failed_sign_ins, purge_sign_ins
from accounts.services.second_factors import (
    ask_passkey,
    prove_passkey,
    prove_second_factor,
    remove_second_factors,
)
from accounts.services.sessions import (
    TokenPair,
    refresh_session,
    renew_proof,
    revoke_all_sessions,
    revoke_session,
    sign_out,
    sign_out_browser,
    touch,
)
from accounts.services.sign_in import (
    prove_password,
    sign_in,
    start_browser_session,
    start_session,
)
from accounts.services.step_up import step_up

__all__ = [
    "TokenPair",
    "ask_passkey",
    "confirm_account",
    "create_team",
    "create_user",
    "erase_person",
    "link_identity",
    "mail_password_reset",
    "prove_passkey",
    "prove_password",
    "prove_second_factor",
    "purge_failed_sign_ins",
    "purge_sign_ins",
    "queue_password_reset",
    "refresh_session",
    "release_lock_out",
    "remove_second_factors",
    "rename_team",
    "renew_proof",
    "revoke_all_sessions",
    "revoke_session",
    "set_password",
    "sign_in",
    "sign_out",
    "sign_out_browser",
    "start_browser_session",
    "start_password_reset",
    "start_session",
    "step_up",
    "touch",
    "update_user",
]

"""Why a use case of this app refused. platform_site/errors.py gives each its status."""

from __future__ import annotations

from audit.base.errors import (
    Conflict,
    Forbidden,
    Invalid,
    PreconditionFailed,
    Unauthenticated,
    Unavailable,
)


class OwnAgentRefused(Forbidden):
    """To switch on what is one's own, or runs under what one made, is another's."""

    code = "own_agent_refused"
    detail = (
        "Another person must reactivate what is yours, or runs under what you made."
    )


class OwnerRefused(Invalid):
    """No active person that the caller answers for has that id."""

    code = "owner_unknown"
    detail = "There is no such active person among those you answer for."


class HandOverRefused(Conflict):
    """A stopped agent cannot be handed over: its new owner would not know of the lock.

    The lock on an owner would no longer stop the agent of another owner.
    """

    code = "hand_over_refused"
    detail = "The agent, its owner or the new one is locked; release that first."


class FunctionNameRefused(Invalid):
    """Plain names only, so that none can be mistaken for another."""

    code = "function_name"
    detail = "Write a lower-case letter, then letters, digits and underscores."


class NameTaken(Conflict):
    """Another thing has the name."""

    code = "name_taken"
    detail = "That name is taken."


class FunctionInUse(Conflict):
    """More than policies of live agents allowed it for, and nobody agreed to that."""

    code = "function_in_use"
    detail = (
        "Policies of live agents allow this function for what it does now. Register"
        " another one, or have them leave it out first."
    )


class PolicyChanged(PreconditionFailed):
    """Somebody set a newer policy than the one that the caller had read."""

    code = "policy_changed"
    detail = "The policy was changed in the meantime; read it again."

    def __init__(self, current_number: int) -> None:
        self.current_number = current_number
        super().__init__()


class CredentialExpiryRefused(Invalid):
    """A credential must end, and within a year."""

    code = "expiry_out_of_range"
    detail = "A credential lasts between 1 and 365 days."


class PublicKeyRefused(Invalid):
    """Not an Ed25519 key that only its holder could sign with."""

    code = "public_key_refused"
    detail = "A public key is the 32 raw bytes of an Ed25519 key, in base64."


class OverlapRefused(Invalid):
    """Two credentials may both be good for a week at most."""

    code = "overlap_out_of_range"
    detail = "A credential overlaps with its successor for 0 to 168 hours."


class CredentialEnded(Conflict):
    """A credential that is revoked, expired or rotated cannot be rotated."""

    code = "credential_ended"
    detail = "The credential was revoked, has expired or was rotated before."


class CredentialRefused(Unauthenticated):
    """The client id and secret are refused, without saying why."""

    code = "invalid_client"
    detail = "The client id or the client secret is not valid."


class SignatureRequired(Unauthenticated):
    """The agent's policy takes signed requests only."""

    code = "signature_required"
    detail = "This agent's policy refuses requests that are not signed."


class PolicyDamaged(Unavailable):
    """A policy version does not match its digest: somebody changed it in place."""

    code = "policy_damaged"
    detail = "The agent's policy was changed in place, so nothing is decided."

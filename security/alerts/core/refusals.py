"""What a refusal says about the caller: alerts and incidents count only offences.

The one table of all codes that the API and the pages refuse with (400 to 499). Where
one code has reasons of several kinds, each reason has its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """OFFENCE: a false proof, or a try at what is not one's own to do.

    FORM: a request that is put wrongly. STEP: a step of the way, on which a well-meant
    client goes on, as by a fresh proof, a new token or a second look.
    """

    OFFENCE = "offence"
    FORM = "form"
    STEP = "step"


OFFENCES = frozenset(
    {
        "authentication_failed",
        "invalid_refresh_token",
        "invalid_token",
        "not_allowed_to_approve",
        "own_agent_refused",
        "own_authority",
        "own_change",
        "permission_denied",
    }
)

STEPS = frozenset(
    {
        "above_own_limit",
        "account_locked",
        "already_approved",
        "amount_above_rest",
        "approval_changed",
        "approval_expired",
        "approval_resolved",
        "authorization_expired",
        "change_expired",
        "change_resolved",
        "change_superseded",
        "credential_ended",
        "csrf_failed",
        "delegation_ended",
        "filter_refused",
        "function_in_use",
        "hand_over_refused",
        "increment_refused",
        "invalid_state",
        "last_unlocker",
        "level_above_role",
        "link_refused",
        "name_taken",
        "no_receipt",
        "not_authenticated",
        "not_found",
        "not_locked",
        "not_sealed_yet",
        "own_password_required",
        "passkey_missing",
        "person_active",
        "person_erased",
        "policy_changed",
        "rate_limited",
        "record_damaged",
        "refresh_token_ended",
        "report_changed",
        "retirement_refused",
        "second_factor_enrolment_required",
        "second_factor_required",
        "signature_required",
        "step_up_required",
        "still_refused",
        "team_name_taken",
        "throttled",
        "token_ended",
        "transition_refused",
        "username_taken",
    }
)

FORMS = frozenset(
    {
        "amount_not_a_number",
        "amount_not_positive",
        "amount_too_large",
        "amount_too_many_decimals",
        "bad_request",
        "category_unknown",
        "content_encoding_refused",
        "credentials_mixed",
        "currency_required",
        "currency_unknown",
        "delegation_refused",
        "expiry_out_of_range",
        "function_name",
        "https_required",
        "idempotency_key_invalid",
        "idempotency_key_required",
        "idempotency_key_reused",
        "if_match_required",
        "invalid_request",
        "length_required",
        "method_not_allowed",
        "name_refused",
        "not_acceptable",
        "occurred_at_not_permitted",
        "overlap_out_of_range",
        "owner_unknown",
        "parameter_refused",
        "parse_error",
        "policy_invalid",
        "public_key_refused",
        "reason_missing",
        "schema_refused",
        "sensitive_data_refused",
        "target_refused",
        "text_refused",
        "too_large",
        "unsupported_media_type",
        "username_refused",
        "wait_out_of_range",
        "weak_password",
    }
)


_OFFENCE, _FORM, _STEP = Kind

# The reasons of failed proofs, by the events that record them: a wrong key is an
# offence; a right one in a wrong form, too late or twice is not.
PROOFS: Mapping[str, Mapping[str, Kind]] = MappingProxyType(
    {
        "user.sign_in_failed": {
            "invalid_credentials": _OFFENCE,
            "locked_out": _OFFENCE,  # With one more wrong password or code.
            "second_factor": _OFFENCE,
            "first_password": _STEP,  # It was right, and had ended.
            "locked": _STEP,  # All proofs were right.
        },
        "agent.token_refused": {
            "unknown_client": _OFFENCE,
            "wrong_secret": _OFFENCE,
            # The secret was right.
            "revoked": _STEP,
            "expired": _STEP,
            "agent_inactive": _STEP,
            "owner_inactive": _STEP,
        },
        "signature.refused": {
            "signature_missing": _FORM,
            "signature_malformed": _FORM,
            "components_incomplete": _FORM,
            "algorithm_unsupported": _FORM,
            "digest_missing": _FORM,
            "outside_time_window": _STEP,
            "nonce_reused": _STEP,
            "key_mismatch": _OFFENCE,
            "digest_mismatch": _OFFENCE,
            "signature_mismatch": _OFFENCE,
        },
    }
)
# The codes that callers get for them; only the log has the reason.
PROOF_EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "invalid_client": "agent.token_refused",
        "invalid_credentials": "user.sign_in_failed",
        "second_factor_refused": "user.sign_in_failed",
        "signature_refused": "signature.refused",
    }
)


def kind_of(code: str) -> Kind | None:
    """Return the kind of a code; None for failures of ours (500 and above).

    None also for the codes of PROOF_EVENTS, whose reasons have different kinds.
    """
    if code in OFFENCES:
        return Kind.OFFENCE
    if code in STEPS:
        return Kind.STEP
    return Kind.FORM if code in FORMS else None


def excused_reasons(action: str) -> list[str]:
    """Return the reasons of a failed proof that are not offences."""
    kinds = PROOFS[action].items()
    return sorted(reason for reason, kind in kinds if kind is not Kind.OFFENCE)

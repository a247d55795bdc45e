"""The closed catalogue of audited actions: dotted, past-tense facts.

An action that is not here cannot be recorded. The second item lists the keys that
an event's details must carry.
"""

from __future__ import annotations

from types import MappingProxyType

_ACTIONS: dict[str, tuple[str, ...]] = {
    # People and their sessions.
    "user.created": ("role",),
    "user.updated": ("changes",),
    "user.signed_in": ("method",),
    "user.sign_in_failed": ("reason",),
    "user.locked_out": ("reason",),
    "user.signed_out": (),
    "user.password_reset_asked": (),
    "user.identity_linked": ("provider", "uid"),
    "second_factor.added": ("type",),
    "second_factor.removed": ("type",),
    "second_factor.reset": ("count",),
    "session.refreshed": (),
    "session.stepped_up": ("method",),
    "session.revoked": ("reason",),
    "session.refresh_replayed": (),
    "user.lock_out_released": (),
    "team.created": (),
    "team.updated": ("changes",),
    # Agents, their credentials and their policies.
    "agent.created": ("mode", "owner"),
    "agent.updated": ("changes",),
    "agent.token_issued": (),
    "agent.token_refused": ("reason",),
    "credential.created": ("expires_at",),
    "credential.rotated": ("successor", "expires_at"),
    "credential.revoked": ("reason",),
    "policy.version_created": ("number", "changes"),
    "function.registered": ("number", "effect"),
    "function.updated": ("changes",),
    # What was asked and decided.
    "transaction.requested": ("amount", "currency", "merchant", "category"),
    "transaction.decided": ("outcome", "reasons", "risk_bp", "policy_version"),
    "transaction.canceled": ("from",),
    "transaction.expired": ("from",),
    "approval.requested": ("expires_at", "required_approvals"),
    "approval.viewed": (),
    "approval.approved": ("reason",),
    "approval.denied": ("reason",),
    "approval.refused": ("reasons",),
    "approval.expired": (),
    "function_call.decided": ("function", "outcome", "reasons"),
    "prompt.screened": ("channel", "outcome"),
    "output.validated": ("outcome",),
    # The platform's own guard.
    "request.refused": ("code", "status"),
    "request.failed": ("status",),
    "request.limited": ("limit",),
    "signature.refused": ("code",),
    "decryption.failed": ("field",),
    "keys.rotated": ("rotated", "unreadable", "left"),
    "resource.locked": ("reason",),
    "resource.unlocked": ("reason",),
    "change.requested": ("kind", "changes", "expires_at"),
    "change.approved": ("kind", "reason"),
    "change.rejected": ("kind", "reason"),
    "change.withdrawn": ("kind", "reason"),
    "change.expired": ("kind",),
    "change.superseded": ("kind",),
    "alert.raised": ("metric", "count", "threshold"),
    "alert.acknowledged": ("note",),
    "incident.opened": ("trigger", "value"),
    "incident.step_done": ("step",),
    "incident.updated": ("status", "note"),
    "notification.queued": ("channel", "subject"),
    "notification.sent": ("channel",),
    "notification.failed": ("channel", "error"),
    "contact.updated": ("changes",),
    "review.opened": ("cadence",),
    "review.completed": ("note",),
    # Reads that are themselves facts.
    "audit.viewed": ("filters",),
    "audit.exported": ("format", "filters"),
    "audit.verification_asked": (),
    "audit.verified": ("since", "size", "findings", "first"),
}

ACTIONS = MappingProxyType(_ACTIONS)


def check_action(action: str, details: dict[str, object]) -> None:
    """Raise AssertionError unless the action is known and carries its keys.

    A programmer's error, never a caller's: actions are literals in services.
    """
    if action not in ACTIONS:
        raise AssertionError(f"{action} is not in audit.core.actions.")
    missing = [key for key in ACTIONS[action] if key not in details]
    if missing:
        raise AssertionError(f"{action} must tell {', '.join(missing)}.")

"""The closed catalogue of audited actions: dotted, past-tense facts.

An action that is not here cannot be recorded. docs/audit-events.md is printed from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Action:
    """What an event of this action means, and the keys that its details must have."""

    meaning: str
    keys: tuple[str, ...] = ()


_ACTIONS: dict[str, Action] = {
    # People and their sessions.
    "user.created": Action("A person was made.", ("role",)),
    "user.updated": Action(
        "A person's role, team, name or rights changed; `changes` has old and new.",
        ("changes",),
    ),
    "user.signed_in": Action("Somebody signed in, by page or API.", ("method",)),
    "user.sign_in_failed": Action(
        "A sign-in was refused: password, code or unknown name.", ("reason",)
    ),
    "user.locked_out": Action(
        "A name failed too often from an address and has to wait.", ("reason",)
    ),
    "user.signed_out": Action("Somebody ended their own sign-in."),
    "user.password_reset_started": Action(
        "An administrator let somebody choose a new password."
    ),
    "user.first_password_used": Action(
        "A password that somebody else knew was used, and ended with that.", ("via",)
    ),
    "user.confirmed": Action(
        "An administrator agreed to what others did to an account.", ("acts",)
    ),
    "platform.four_eyes_off": Action(
        "The platform started with FOUR_EYES=false: one person decides alone."
    ),
    "user.password_reset_asked": Action(
        "Somebody asked for a link to set a new password."
    ),
    "user.identity_linked": Action(
        "A person was tied to an identity of the single sign-on.", ("provider", "uid")
    ),
    "second_factor.added": Action(
        "A person enrolled an app, a passkey or recovery codes.", ("type",)
    ),
    "second_factor.removed": Action("A person removed one of theirs.", ("type",)),
    "second_factor.reset": Action(
        "Somebody else removed all of a person's second factors.", ("count",)
    ),
    "session.refreshed": Action("A refresh token was spent for new ones."),
    "session.stepped_up": Action("A person proved anew who they are.", ("method",)),
    "session.revoked": Action(
        "A sign-in was ended by somebody, or by the platform.", ("reason",)
    ),
    "session.refresh_replayed": Action(
        "A spent refresh token came again; its whole family ended."
    ),
    "user.erased": Action("A person's account was emptied for good; their id stays."),
    "user.lock_out_released": Action(
        "Somebody forgot the failures of a locked-out name."
    ),
    "team.created": Action("A team was made."),
    "team.updated": Action("A team changed.", ("changes",)),
    # Agents, their credentials and their policies.
    "agent.created": Action("An agent was made.", ("mode", "owner")),
    "agent.updated": Action(
        "An agent was suspended, resumed or renamed.", ("changes",)
    ),
    "agent.handed_over": Action(
        "An agent got another owner; its credentials ended.", ("from", "to", "reason")
    ),
    "agent.token_issued": Action("An agent exchanged its credential for a token."),
    "agent.token_refused": Action("A credential was refused.", ("reason",)),
    "credential.created": Action("An agent got a credential.", ("expires_at",)),
    "credential.rotated": Action(
        "A credential got a successor; both are good for a while.",
        ("successor", "expires_at"),
    ),
    "credential.revoked": Action("A credential was revoked.", ("reason",)),
    "policy.version_created": Action(
        "A new version of an agent's policy is in force.", ("number", "changes")
    ),
    "function.registered": Action(
        "A version of a function was registered.", ("number", "effect")
    ),
    "function.updated": Action("A function was switched on or off.", ("changes",)),
    # What was asked and decided.
    "transaction.requested": Action(
        "An agent asked to spend.", ("amount", "currency", "merchant", "category")
    ),
    "transaction.decided": Action(
        "The request was allowed, held or denied, and why.",
        ("outcome", "reasons", "risk_bp", "policy_version", "digest"),
    ),
    "decision.replayed": Action(
        "Somebody had a decision derived anew from its record.",
        ("matches", "differences"),
    ),
    "policy.simulated": Action(
        "Somebody tried a draft policy on an agent's past.",
        ("days", "requests", "flipped"),
    ),
    "transaction.canceled": Action("An agent took a waiting request back.", ("from",)),
    "transaction.expired": Action(
        "An authorization was not captured in time.", ("from",)
    ),
    "transaction.captured": Action(
        "Money set aside was taken.", ("amount", "currency", "is_final")
    ),
    "transaction.capture_refused": Action(
        "Money was to be taken while the agent was stopped.",
        ("amount", "currency", "reasons"),
    ),
    "transaction.captured_late": Action(
        "The payment rail took money that had been given back.",
        ("amount", "currency", "reference"),
    ),
    "transaction.late_capture_reversed": Action(
        "A late capture that was reported wrongly was taken back.",
        ("amount", "currency", "reference", "reason"),
    ),
    "transaction.voided": Action(
        "Money set aside was given back.", ("amount", "currency")
    ),
    "transaction.incremented": Action(
        "More money was set aside.", ("amount", "currency")
    ),
    "transaction.increment_refused": Action(
        "More money was asked for, and not allowed.",
        ("amount", "currency", "reasons"),
    ),
    "transaction.refunded": Action(
        "A merchant gave money back.", ("amount", "currency", "refund")
    ),
    "shared_budget.set": Action(
        "A team's budget, or everybody's, was set.",
        ("limit", "currency", "period", "changes"),
    ),
    "approval.requested": Action(
        "A request waits for people.", ("expires_at", "required_approvals")
    ),
    "approval.viewed": Action("Somebody looked at a waiting request."),
    "approval.approved": Action("Somebody agreed, the last who had to.", ("reason",)),
    "approval.voted": Action(
        "Somebody agreed; others must, too.",
        ("reason", "approvals", "required_approvals"),
    ),
    "approval.escalated": Action(
        "Nobody decided in time; the next higher role has to.", ("role",)
    ),
    "delegation.created": Action(
        "Somebody lets another decide on approvals in their place.",
        ("delegate", "starts_at", "ends_at", "reason"),
    ),
    "delegation.revoked": Action("A delegation was ended before its time."),
    "approver_limit.set": Action(
        "The most that a person may approve was set.", ("changes",)
    ),
    "approval.denied": Action("Somebody refused.", ("reason",)),
    "approval.refused": Action(
        "Somebody agreed, and rules, locks or balances no longer did.", ("reasons",)
    ),
    "approval.expired": Action("Nobody decided in time."),
    "function_call.decided": Action(
        "A function call was allowed, held or denied.",
        ("function", "outcome", "reasons", "digest"),
    ),
    "prompt.screened": Action(
        "A text was screened for injections.", ("channel", "outcome")
    ),
    "output.validated": Action("What an agent wants to say was checked.", ("outcome",)),
    # The platform's own security.
    "request.refused": Action("A request was refused (4xx).", ("code", "status")),
    "request.failed": Action("We failed to answer a request (5xx).", ("status",)),
    "request.limited": Action(
        "A caller met a limit; told once, not for each request.", ("limit",)
    ),
    "signature.refused": Action("A signed request was refused.", ("code",)),
    "decryption.failed": Action("A stored secret did not decrypt.", ("field",)),
    "keys.rotated": Action(
        "Stored secrets were put under a new key.", ("rotated", "unreadable", "left")
    ),
    "resource.locked": Action("A stop button was pressed.", ("reason",)),
    "resource.unlocked": Action("A stop button was released.", ("reason",)),
    "change.requested": Action(
        "A change waits for a second person.", ("kind", "changes", "expires_at")
    ),
    "change.approved": Action(
        "A second person agreed, and the change was made.", ("kind", "reason")
    ),
    "change.rejected": Action("A second person refused.", ("kind", "reason")),
    "change.withdrawn": Action("Who asked took it back.", ("kind", "reason")),
    "change.expired": Action("No second person came in time.", ("kind",)),
    "change.superseded": Action("What was to be changed is another by now.", ("kind",)),
    "alert.raised": Action(
        "A count reached its threshold, or something happened that never may.",
        ("metric", "count", "threshold"),
    ),
    "alert.acknowledged": Action("Somebody has seen an alert.", ("note",)),
    "incident.opened": Action(
        "An actor exceeded a limit; the response began.", ("trigger", "value")
    ),
    "incident.extended": Action(
        "The actor of a live incident exceeded another limit.", ("trigger", "value")
    ),
    "incident.step_done": Action("A step of the response was done.", ("step",)),
    "incident.updated": Action(
        "Somebody acknowledged, contained, resolved or closed it.", ("status", "note")
    ),
    "notification.queued": Action(
        "A message waits to be sent.", ("channel", "subject")
    ),
    "notification.sent": Action("A message was sent.", ("channel",)),
    "notification.failed": Action("A message could not be sent.", ("channel", "error")),
    "contact.updated": Action("A security contact changed.", ("changes",)),
    "review.opened": Action("A scheduled review is due.", ("cadence",)),
    "review.completed": Action("Somebody did it.", ("note",)),
    # Reads that are themselves facts.
    "audit.viewed": Action(
        "Somebody read this log: which filters, or which event.", ("filters",)
    ),
    "audit.exported": Action("Somebody took the log away.", ("format", "filters")),
    "audit.filter_saved": Action(
        "Somebody keeps a filter of the log's list.", ("filters",)
    ),
    "audit.filter_removed": Action("Somebody forgot a filter of theirs."),
    "audit.retired": Action(
        "The events of a month were removed; their hashes stay.",
        ("from", "until", "events"),
    ),
    "audit.verification_asked": Action(
        "Somebody asked for a verification in the console."
    ),
    "audit.verified": Action(
        "The log was verified; `first` names the first bad place.",
        ("since", "size", "findings", "first"),
    ),
}

ACTIONS = MappingProxyType(_ACTIONS)


def check_action(action: str, details: dict[str, object]) -> None:
    """Raise AssertionError unless the action is known and carries its keys.

    A programmer's error, never a caller's: actions are literals in services.
    """
    if action not in ACTIONS:
        raise AssertionError(f"{action} is not in audit.core.actions.")
    missing = [key for key in ACTIONS[action].keys if key not in details]
    if missing:
        raise AssertionError(f"{action} must tell {', '.join(missing)}.")

"""Permissions of each address, one row each. docs/permissions.md is printed from it.

A new route is one line here: its pattern as Django writes it, then the users of each of
its methods. Other methods are refused (405) to users who pass the permission; HEAD
follows GET. `scope` says whose objects one finds: others' are 404, as if
they did not exist. `body` is sent with POST, PUT, PATCH and DELETE, so that the request
gets as far as the permission that a service asks for; `limit` is what these count as.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# The callers.
ANONYMOUS, DEACTIVATED = "anonymous", "deactivated person"
USER, MANAGER, ADMIN = "user", "manager", "admin"
AGENT, OTHER_AGENT = "agent", "another agent"
CALLERS = (ANONYMOUS, DEACTIVATED, USER, MANAGER, ADMIN, AGENT, OTHER_AGENT)
PERSONS = frozenset({USER, MANAGER, ADMIN})
MACHINES = frozenset({AGENT, OTHER_AGENT})

# The callers that a view accepts.
EVERYONE, PEOPLE, MANAGERS, ADMINS = "everyone", "people", "managers", "admins"
AGENTS, KNOWN, NOBODY = "agents", "people and agents", "nobody"
GIVING_BACK = "managers and agents"
LET_IN: Mapping[str, frozenset[str]] = {
    EVERYONE: frozenset(CALLERS),
    PEOPLE: PERSONS,
    MANAGERS: frozenset({MANAGER, ADMIN}),
    ADMINS: frozenset({ADMIN}),
    AGENTS: MACHINES,
    KNOWN: PERSONS | MACHINES,
    GIVING_BACK: frozenset({MANAGER, ADMIN}) | MACHINES,
    NOBODY: frozenset(),
}

# Whose objects.
TEAM = "in scope"  # One's own, the team's for managers, all for admins.
OWN = "own"
ALL = "all"

SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = (*SAFE, "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Row:
    """What is true of one route; `who` by method, without HEAD and OPTIONS."""

    who: Mapping[str, str]
    scope: str = ""
    limit: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    query: str = ""

    def who_may(self, method: str) -> str | None:
        """Return who may use a method, or None where it is not one of the route."""
        return self.who.get("GET" if method == "HEAD" else method)


def api(
    *,
    scope: str = "",
    limit: str = "default",
    body: Mapping[str, Any] | None = None,
    query: str = "",
    **who: str,
) -> Row:
    return Row(who, scope, limit, body or {}, query)


def page(*, scope: str = "", limit: str = "", query: str = "", **who: str) -> Row:
    return Row(who, scope, limit, query=query)


def form(who: str, *, scope: str = "", limit: str) -> Row:
    """Return the row of a page with a form."""
    return Row({"GET": who, "POST": who}, scope, limit)


WHY = {"reason": "Because."}
NOTE = {"note": "Because."}
POLICY = {
    "max_transaction_amount": "1.00",
    "allowed_merchants": [],
    "blocked_categories": [],
    "requires_approval_above": "0.50",
}

DELEGATION = {"delegate": "usr_0", "ends_at": "2999-01-01T00:00:00Z", "reason": "x"}

AUTH: Mapping[str, Row] = {
    "token/": api(POST=EVERYONE, limit="auth"),
    "token/refresh/": api(POST=EVERYONE, limit="auth"),
    "token/revoke/": api(POST=PEOPLE),
    "agent-token/": api(POST=EVERYONE, limit="auth"),
    "csrf/": api(GET=EVERYONE),
    "step-up/": api(POST=PEOPLE, limit="auth"),
    "step-up/passkey/": api(POST=PEOPLE, limit="auth"),
    "sessions/": api(GET=PEOPLE),
    "sessions/revoke-all/": api(POST=PEOPLE),
    "sessions/<str:session_id>/": api(DELETE=PEOPLE, scope=OWN),
}

AGENT_API: Mapping[str, Row] = {
    "": api(GET=PEOPLE, POST=MANAGERS, body={"name": "new"}),
    "<str:agent_id>/": api(GET=PEOPLE, PATCH=MANAGERS, scope=TEAM),
    "<str:agent_id>/credentials/": api(
        GET=PEOPLE, POST=MANAGERS, scope=TEAM, limit="high_risk"
    ),
    "<str:agent_id>/credentials/<str:credential_id>/": api(
        DELETE=MANAGERS, scope=TEAM, limit="high_risk"
    ),
    "<str:agent_id>/credentials/<str:credential_id>/rotate/": api(
        POST=MANAGERS, scope=TEAM, limit="high_risk"
    ),
    "<str:agent_id>/policy/": api(
        GET=PEOPLE, PUT=MANAGERS, scope=TEAM, limit="high_risk", body=POLICY
    ),
    "<str:agent_id>/policy/versions/": api(GET=PEOPLE, scope=TEAM),
    "<str:agent_id>/policy/simulate/": api(
        POST=PEOPLE, scope=TEAM, limit="high_risk", body={"policy": POLICY}
    ),
    "<str:agent_id>/hand-over/": api(
        POST=MANAGERS,
        scope=TEAM,
        limit="high_risk",
        body={"owner": "usr_0", "reason": "Because."},
    ),
    "<str:agent_id>/lock/": api(POST=MANAGERS, scope=TEAM, limit="high_risk", body=WHY),
    "<str:agent_id>/unlock/": api(POST=ADMINS, scope=TEAM, limit="high_risk", body=WHY),
}

TRANSACTIONS: Mapping[str, Row] = {
    "": api(GET=KNOWN, POST=AGENTS),
    "<str:transaction_id>/": api(GET=KNOWN, scope=TEAM),
    "<str:transaction_id>/decision/": api(GET=PEOPLE, scope=TEAM),
    "<str:transaction_id>/replay/": api(POST=PEOPLE, scope=TEAM),
    "<str:transaction_id>/receipt/": api(GET=KNOWN, scope=TEAM),
    "<str:transaction_id>/approve/": api(
        POST=MANAGERS, scope=TEAM, limit="high_risk", body=WHY
    ),
    "<str:transaction_id>/deny/": api(
        POST=MANAGERS, scope=TEAM, limit="high_risk", body=WHY
    ),
    "<str:transaction_id>/cancel/": api(POST=AGENTS, scope=TEAM),
    "<str:transaction_id>/capture/": api(POST=AGENTS, scope=TEAM, limit="high_risk"),
    "<str:transaction_id>/void/": api(POST=GIVING_BACK, scope=TEAM, body=WHY),
    "<str:transaction_id>/increment/": api(
        POST=AGENTS, scope=TEAM, limit="high_risk", body={"amount": "1.00"}
    ),
    "<str:transaction_id>/refund/": api(
        POST=GIVING_BACK, scope=TEAM, limit="high_risk", body=WHY
    ),
    "<str:transaction_id>/late-capture/": api(
        POST=MANAGERS,
        scope=TEAM,
        limit="high_risk",
        body={"amount": "1.00", "reference": "rail-1"},
    ),
    "<str:transaction_id>/late-capture/reverse/": api(
        POST=MANAGERS,
        scope=TEAM,
        limit="high_risk",
        body={"reference": "rail-1", "reason": "Wrong."},
    ),
}

REST: Mapping[str, Row] = {
    "me/": api(GET=PEOPLE),
    "approval-delegations/": api(
        GET=MANAGERS, POST=MANAGERS, limit="high_risk", body=DELEGATION
    ),
    "approval-delegations/<str:delegation_id>/revoke/": api(POST=MANAGERS, scope=TEAM),
    "function-calls/": api(GET=KNOWN, POST=AGENTS),
    "function-calls/<str:call_id>/": api(GET=KNOWN, scope=TEAM),
    "shared-budgets/": api(
        GET=PEOPLE,
        POST=ADMINS,
        body={"team": None, "currency": "USD", "period": "day", "limit": "1.00"},
    ),
    "functions/": api(GET=PEOPLE, POST=ADMINS),
    "functions/<str:name>/": api(
        GET=PEOPLE, PATCH=ADMINS, scope=ALL, body={"enabled": True}
    ),
    "functions/<str:name>/versions/": api(
        POST=ADMINS, scope=ALL, body={"schema": {"type": "object"}, "effect": "read"}
    ),
    "prompts/screen/": api(POST=KNOWN),
    "prompts/wrap/": api(POST=KNOWN),
    "outputs/validate/": api(POST=KNOWN),
    "change-requests/": api(GET=PEOPLE),
    "change-requests/<str:change_id>/": api(GET=PEOPLE, scope=TEAM),
    "change-requests/<str:change_id>/approve/": api(
        POST=MANAGERS, scope=TEAM, limit="high_risk"
    ),
    "change-requests/<str:change_id>/reject/": api(
        POST=MANAGERS, scope=TEAM, limit="high_risk", body=WHY
    ),
    "alerts/": api(GET=ADMINS),
    "incidents/": api(GET=ADMINS),
    "incidents/<str:incident_id>/acknowledge/": api(POST=ADMINS, scope=ALL, body=NOTE),
    "incidents/<str:incident_id>/contain/": api(POST=ADMINS, scope=ALL, body=NOTE),
    "incidents/<str:incident_id>/resolve/": api(POST=ADMINS, scope=ALL, body=NOTE),
    "incidents/<str:incident_id>/close/": api(POST=ADMINS, scope=ALL, body=NOTE),
    "audit/events/": api(GET=ADMINS),
    "audit/events/<str:event_id>/": api(GET=ADMINS, scope=ALL),
    "audit/checkpoint/": api(GET=PEOPLE),
    "audit/proofs/inclusion/": api(GET=ADMINS, query="event=evt_0"),
    "audit/proofs/consistency/": api(GET=PEOPLE, query="from=1&to=1"),
    "schema/": api(GET=EVERYONE),
}

PAGES: Mapping[str, Row] = {
    "": page(GET=PEOPLE),
    "approvals/": page(GET=MANAGERS),
    "approvals/selected/": page(POST=MANAGERS, limit="high_risk"),
    "approvals/delegations/": form(MANAGERS, limit="high_risk"),
    "approvals/delegations/<str:delegation_id>/revoke/": page(
        POST=MANAGERS, scope=TEAM, limit="default"
    ),
    "approvals/<str:approval_id>/": form(MANAGERS, scope=TEAM, limit="high_risk"),
    "transactions/": page(GET=PEOPLE),
    "transactions/<str:transaction_id>/": page(GET=PEOPLE, scope=TEAM),
    "transactions/<str:transaction_id>/give-back/": page(
        POST=MANAGERS, scope=TEAM, limit="high_risk"
    ),
    "dashboard/": page(GET=PEOPLE),
    "agents/": page(GET=PEOPLE),
    "agents/<str:agent_id>/": page(GET=PEOPLE, scope=TEAM),
    "agents/<str:agent_id>/hand-over/": form(MANAGERS, scope=TEAM, limit="high_risk"),
    "agents/<str:agent_id>/simulate/": form(PEOPLE, scope=TEAM, limit="high_risk"),
    "change-requests/": page(GET=PEOPLE),
    "change-requests/<str:change_id>/": page(
        GET=PEOPLE, POST=MANAGERS, scope=TEAM, limit="high_risk"
    ),
    "api/docs/": page(GET=EVERYONE),
    "errors/<slug:code>/": page(GET=EVERYONE),
    ".well-known/jwks.json": page(GET=EVERYONE),
    "docs/reasons/": page(GET=EVERYONE),
    "docs/reasons/<slug:code>/": page(GET=EVERYONE),
    "docs/vocabularies/": page(GET=EVERYONE),
    "docs/vocabularies/<slug:name>/": page(GET=EVERYONE),
    "livez": page(GET=EVERYONE),
    "readyz": page(GET=EVERYONE),
    "metrics": page(GET=ADMINS),
}

ACCOUNT_PAGES: Mapping[str, Row] = {
    "login/": form(EVERYONE, limit="auth"),
    "logout/": page(POST=EVERYONE),
    "reauthenticate/": form(PEOPLE, limit="auth"),
    "password/": form(PEOPLE, limit="auth"),
    "password/reset/": form(EVERYONE, limit="auth"),
    "password/reset/done/": page(GET=EVERYONE),
    "password/reset/key/done/": page(GET=EVERYONE),
    "password/reset/key/<uidb36>-<key>/": form(EVERYONE, limit="auth"),
    "sessions/": page(GET=PEOPLE),
    "sessions/end-all/": page(POST=PEOPLE, limit="default"),
    "sessions/<str:session_id>/end/": page(POST=PEOPLE, scope=OWN, limit="default"),
    "second-factors/": page(GET=PEOPLE),
    "second-factors/authenticate/": form(EVERYONE, limit="auth"),
    "second-factors/reauthenticate/": form(PEOPLE, limit="auth"),
    "second-factors/app/add/": form(PEOPLE, limit="high_risk"),
    "second-factors/app/remove/": form(PEOPLE, limit="high_risk"),
    "second-factors/codes/": page(GET=PEOPLE),
    "second-factors/codes/generate/": form(PEOPLE, limit="high_risk"),
    "second-factors/passkeys/": page(GET=PEOPLE),
    "second-factors/passkeys/add/": form(PEOPLE, limit="high_risk"),
    "second-factors/passkeys/sign-in/": form(EVERYONE, limit="auth"),
    "second-factors/passkeys/reauthenticate/": form(PEOPLE, limit="auth"),
    "second-factors/passkeys/<int:pk>/remove/": form(
        PEOPLE, scope=OWN, limit="high_risk"
    ),
    "second-factors/passkeys/<int:pk>/edit/": form(
        PEOPLE, scope=OWN, limit="high_risk"
    ),
}

STAFF = form(ADMINS, limit="")
CONSOLE_PAGES: Mapping[str, Row] = {
    "": STAFF,
    "login/": STAFF,
    "logout/": form(EVERYONE, limit=""),
    "password_change/": STAFF,
    "password_change/done/": page(GET=ADMINS),
    "autocomplete/": page(
        GET=ADMINS, query="app_label=agents&model_name=agent&field_name=owner"
    ),
    "jsi18n/": page(GET=ADMINS),
    "<app_label>/": STAFF,
    "accounts/user/<str:object_id>/password/": STAFF,
    "audit/auditevent/verify/": page(POST=ADMINS),
    "audit/auditevent/filters/": page(POST=ADMINS),
    "audit/auditevent/filters/<str:filter_id>/remove/": page(POST=ADMINS, scope=OWN),
    "audit/auditevent/export/<str:form>/": page(GET=ADMINS),
}

# Each model's list, pages and history are for admins to read. What else they may do:
CONSOLE_MODELS: Mapping[str, str] = {
    "accounts/session": "",
    "accounts/team": "add change",
    "accounts/user": "add change",
    "agents/agent": "add change",
    "agents/agentcredential": "",
    "agents/function": "add change",
    "agents/functionversion": "add",
    "agents/policyversion": "",
    "audit/auditevent": "",
    "axes/accessattempt": "",
    "security/alert": "",
    "security/changerequest": "",
    "security/incident": "",
    "security/notification": "",
    "security/requestnonce": "",
    "security/resourcelock": "add",
    "security/review": "",
    "security/securitycontact": "add change",
    "transactions/agentactivity": "",
    "transactions/approvaldelegation": "",
    "transactions/approvalrequest": "",
    "transactions/approvalvote": "",
    "transactions/approverlimit": "add change",
    "transactions/budget": "",
    "transactions/decision": "",
    "transactions/functioncall": "",
    "transactions/idempotencyrecord": "",
    "transactions/latecapture": "",
    "transactions/latecapturereversal": "",
    "transactions/ledgerentry": "",
    "transactions/merchantactivity": "",
    "transactions/refund": "",
    "transactions/reservation": "",
    "transactions/sharedbudget": "",
    "transactions/transaction": "",
}

# Addresses that answer nothing of ours: Django's catch-all of the console, and its
# redirect to an object's own page, which no object of ours has.
# Single sign-on is switched off here: tests/accounts/test_single_sign_on.py.
NOTHING_THERE = (
    "accounts/single-sign-on/<str:provider_id>/",
    "accounts/single-sign-on/<str:provider_id>/callback/",
    "admin/<url>",
    "admin/r/<path:content_type_id>/<path:object_id>/",
)


def rows() -> dict[str, Row]:
    """Return the whole table by pattern."""
    return {
        **_under("api/v1/auth/", AUTH),
        **_under("api/v1/agents/", AGENT_API),
        **_under("api/v1/transactions/", TRANSACTIONS),
        **_under("api/v1/", REST),
        **PAGES,
        **_under("accounts/", ACCOUNT_PAGES),
        **_under("admin/", CONSOLE_PAGES),
        **dict(_console_models()),
    }


def _under(prefix: str, table: Mapping[str, Row]) -> dict[str, Row]:
    return {prefix + pattern: row for pattern, row in table.items()}


def _console_models() -> Iterator[tuple[str, Row]]:
    for model, also in CONSOLE_MODELS.items():
        one = f"admin/{model}/<path:object_id>/"
        yield f"admin/{model}/", STAFF
        yield f"admin/{model}/add/", _staff_who("add" in also)
        yield one, STAFF
        yield (
            f"{one}change/",
            page(GET=ADMINS, POST=ADMINS if "change" in also else NOBODY),
        )
        yield f"{one}delete/", _staff_who("delete" in also)
        yield f"{one}history/", STAFF


def _staff_who(may: bool) -> Row:
    return STAFF if may else page(GET=NOBODY, POST=NOBODY)

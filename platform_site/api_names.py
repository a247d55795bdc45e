"""Names of schemas in docs/openapi.yaml, which generated clients use.

Schemas that several operations share are named here. Otherwise drf-spectacular derives
the name from their uses, and it changes with each new use.
"""

from __future__ import annotations

from typing import Any

from agents.core.categories import CATEGORY_WORDS
from agents.core.countries import COUNTRY_WORDS
from agents.core.mcc import GROUPS
from agents.core.money import CURRENCY_WORDS
from agents.policy.core.hours import DAYS
from agents.policy.core.limits import Per, Period, Window

# Every closed set of values in a body.
ENUM_NAMES: dict[str, Any] = {
    "AgentMode": "agents.models.Agent.Mode",
    "AlertStatus": "security.alerts.models.Alert.Status",
    "ApproverRole": "agents.policy.core.approval_levels.ROLES",
    "AuditOutcome": "audit.models.AuditEvent.Outcome",
    "ChangeKind": "security.changes.models.ChangeRequest.Kind",
    "ChangeStatus": "security.changes.models.ChangeRequest.Status",
    "Day": DAYS,
    "FunctionCallStatus": "transactions.calls.models.FunctionCall.Status",
    "FunctionEffect": "agents.models.FunctionVersion.Effect",
    "IncidentStatus": "security.incidents.models.Incident.Status",
    "IncidentStepName": "security.incidents.models.IncidentStep.Name",
    "LimitPer": [*Per],
    "LimitPeriod": [*Period],
    "LimitWindow": [*Window],
    "MccGroup": sorted(GROUPS),
    "Outcome": ["allow", "hold", "deny"],
    "PersonRole": "accounts.models.User.Role",
    "PromptRole": ["system", "user"],
    "SessionKind": "accounts.models.Session.Kind",
    "SharedBudgetPeriod": "transactions.budgets.models.SharedBudget.Period",
    "TextChannel": ["user", "tool_output"],
}
# Long closed sets; errors list their words, too.
VOCABULARIES = {
    "Category": CATEGORY_WORDS,
    "Country": COUNTRY_WORDS,
    "Currency": CURRENCY_WORDS,
}


def _words(*words: str) -> dict[str, Any]:
    return {"type": "string", "enum": [*words]}


SHARED_SCHEMAS: dict[str, Any] = {
    "Amount": {
        "oneOf": [{"type": "string"}, {"type": "number"}],
        "description": 'Decimal units of the currency: "49.99", or a JSON number.',
    },
    **{name: _words(*known.words) for name, known in VOCABULARIES.items()},
    "CategoryOrNone": _words("", *CATEGORY_WORDS.words),
}

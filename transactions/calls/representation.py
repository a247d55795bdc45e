"""Function calls as API consumers see them."""

from __future__ import annotations

from typing import Any

from audit.base.core.readers import rfc3339
from transactions.calls.models import FunctionCall
from transactions.decisions.models import Decision
from transactions.decisions.wording import decisive_reasons


def call_body(
    call: FunctionCall,
    decision: Decision,
    *,
    function_number: int | None,
    policy_number: int | None,
) -> dict[str, Any]:
    """Return the JSON body of a function call, without its parameters. No queries."""
    return {
        "id": call.id,
        "object": "function_call",
        "agent": call.agent_id,
        "function": call.function,
        "function_version": function_number,
        "status": str(call.status),
        "outcome": str(decision.outcome),
        "reasons": decisive_reasons(decision),
        "policy_version": policy_number,
        "created_at": rfc3339(call.created_at),
    }


def represent_call(call: FunctionCall) -> dict[str, Any]:
    """Return the body of a call loaded by queries.represented_calls()."""
    version, policy = call.function_version, call.decision.policy_version
    return call_body(
        call,
        call.decision,
        function_number=version.number if version else None,
        policy_number=policy.number if policy else None,
    )

"""The API of simulations: try a draft policy on an agent's past requests."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPerson, person_of
from agents.core.money import format_amount
from agents.policy.serializers import PolicyInput
from audit.base.serializers import StrictIntegerField, StrictSerializer, body_of
from audit.base.strict_query import StrictQueryView
from transactions.decisions.core.outcome import Outcome
from transactions.simulation.core.simulation import SimulatedRequest
from transactions.simulation.queries import SimulationResult
from transactions.simulation.services import DAYS, DAYS_MAX, simulate_policy
from transactions.spending.api.serializers import ReasonOutput

OUTCOMES = [outcome.value for outcome in Outcome]


class SimulationInput(StrictSerializer):
    """A policy as in the PUT request, and the number of past days to try it on."""

    policy = PolicyInput()
    days = StrictIntegerField(default=DAYS, min_value=1, max_value=DAYS_MAX)


class SimulationTotalOutput(serializers.Serializer[Any]):
    recorded = serializers.ChoiceField(choices=OUTCOMES)
    simulated = serializers.ChoiceField(choices=OUTCOMES)
    currency = serializers.CharField()
    count = serializers.IntegerField()
    amount = serializers.CharField(help_text="Their sum.")


class SimulationExampleOutput(serializers.Serializer[Any]):
    transaction = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    merchant = serializers.CharField()
    amount = serializers.CharField()
    currency = serializers.CharField()
    recorded = serializers.ChoiceField(choices=OUTCOMES)
    simulated = serializers.ChoiceField(choices=OUTCOMES)
    reasons = ReasonOutput(many=True)


class SimulationOutput(serializers.Serializer[Any]):
    """Documents _body(), which builds it."""

    agent = serializers.CharField()
    days = serializers.IntegerField()
    since = serializers.DateTimeField(help_text="When the simulated period begins.")
    is_cut = serializers.BooleanField(
        help_text="True if there were more past requests than a simulation reads."
    )
    judged = serializers.IntegerField()
    unjudged = serializers.IntegerField(
        help_text="Decided by an unknown engine version or without facts; outcome kept."
    )
    flipped = serializers.IntegerField()
    totals = SimulationTotalOutput(many=True)
    examples = SimulationExampleOutput(
        many=True, help_text="Requests with another outcome, newest first."
    )


class PolicySimulationView(StrictQueryView):
    """Decide an agent's last days again under a draft policy; nothing is saved."""

    permission_classes = [IsPerson]
    rate_class = "high_risk"

    @extend_schema(
        operation_id="agents_policy_simulate",
        request=SimulationInput,
        responses={200: SimulationOutput},
        tags=["agents"],
    )
    def post(self, request: Request, agent_id: str) -> Response:
        given = body_of(SimulationInput, request)
        simulated = simulate_policy(
            agent_id,
            given["policy"]["terms"],
            days=given["days"],
            acting=person_of(request),
        )
        return Response(_body(simulated))


def _body(simulated: SimulationResult) -> dict[str, Any]:
    summary = simulated.summary
    return {
        "agent": simulated.agent.pk,
        "days": simulated.days,
        "since": simulated.since,
        "is_cut": simulated.is_cut,
        "judged": summary.judged,
        "unjudged": summary.unjudged,
        "flipped": summary.flipped,
        "totals": [
            {
                "recorded": total.before.value,
                "simulated": total.after.value,
                "currency": total.currency,
                "count": total.count,
                "amount": format_amount(total.amount_minor, total.currency),
            }
            for total in summary.totals
        ],
        "examples": [_example(each) for each in summary.examples],
    }


def _example(judged: SimulatedRequest) -> dict[str, Any]:
    past, verdict = judged.past, judged.verdict
    assert verdict is not None  # noqa: S101 - examples always have a verdict.
    return {
        "transaction": past.transaction,
        "occurred_at": past.occurred_at,
        "merchant": past.request.merchant,
        "amount": format_amount(past.request.amount_minor, past.request.currency),
        "currency": past.request.currency,
        "recorded": past.outcome.value,
        "simulated": verdict.outcome.value,
        "reasons": [finding.as_reason() for finding in verdict.reasons],
    }

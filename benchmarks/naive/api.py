"""A view as one writes it first: serializer, ORM, a decorator for the limit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.decorators import method_decorator
from django_ratelimit.decorators import ratelimit
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.naive.models import (
    Activity,
    Agent,
    AuditEvent,
    Budget,
    Decision,
    IdempotencyRecord,
    MerchantActivity,
    Reservation,
    Transaction,
)

STATUS = {"allow": "authorized", "hold": "pending_approval", "deny": "declined"}


class TransactionSerializer(serializers.ModelSerializer[Transaction]):
    outcome = serializers.CharField(source="decision.outcome", read_only=True)
    reasons = serializers.JSONField(source="decision.reasons", read_only=True)
    risk_score = serializers.FloatField(source="decision.risk_score", read_only=True)

    class Meta:
        model = Transaction
        fields = [
            *("id", "agent", "status", "outcome", "amount", "currency", "merchant"),
            *("category", "description", "metadata", "risk_score", "reasons"),
            "created_at",
        ]
        read_only_fields = ["agent", "status"]


class TransactionCreateView(APIView):
    @method_decorator(ratelimit(key="user", rate="1000000/m", block=True))
    def post(self, request: Request) -> Response:
        serializer = TransactionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key = request.headers["Idempotency-Key"]
        with transaction.atomic():
            agent = Agent.objects.select_for_update().get(user=request.user)
            record = IdempotencyRecord.objects.filter(agent=agent, key=key).first()
            if record is not None:
                return Response(record.response, 201)
            row = decide(agent, serializer, request)
            body = TransactionSerializer(row).data
            IdempotencyRecord.objects.create(
                agent=agent, key=key, request=request.data, response=body
            )
        return Response(body, 201)


def decide(agent: Agent, serializer: Any, request: Request) -> Transaction:
    """Decide by the agent's limits and counters, and save the results."""
    asked, now = serializer.validated_data, timezone.now()
    budget, _ = Budget.objects.get_or_create(agent=agent, day=now.date())
    activity, _ = Activity.objects.get_or_create(agent=agent)
    merchant, _ = MerchantActivity.objects.get_or_create(
        agent=agent, merchant=asked["merchant"]
    )
    hour = now.replace(minute=0, second=0, microsecond=0)
    if activity.hour != hour:
        activity.hour, activity.requests_in_hour = hour, 0
    reasons = [
        *denials(agent, asked, budget, activity),
        *holds(agent, asked, merchant, now),
    ]
    outcome = reasons[0]["outcome"] if reasons else "allow"
    risk_score = risk(agent, asked, activity, merchant)

    row: Transaction = serializer.save(agent=agent, status=STATUS[outcome])
    Decision.objects.create(
        transaction=row,
        outcome=outcome,
        reasons=reasons or [{"code": "allowed_by_policy"}],
        inputs={"reserved": str(budget.reserved), "hour": activity.requests_in_hour},
        risk_score=risk_score,
    )
    activity.requests_in_hour += 1
    if outcome == "allow":
        activity.allowed += 1
        activity.allowed_sum += row.amount
        merchant.allowed += 1
    if outcome != "deny":
        budget.reserved += row.amount
        budget.save()
        Reservation.objects.create(transaction=row, budget=budget, amount=row.amount)
    activity.save()
    merchant.last_amount, merchant.last_at = row.amount, now
    merchant.save()
    for action in ("transaction.requested", "transaction.decided"):
        AuditEvent.objects.create(
            user=request.user,
            action=action,
            target=str(row.pk),
            address=request.META["REMOTE_ADDR"],
            user_agent=request.headers.get("User-Agent", ""),
            details={"amount": str(row.amount), "outcome": outcome},
        )
    return row


def denials(
    agent: Agent, asked: Any, budget: Budget, activity: Activity
) -> list[dict[str, str]]:
    allowed = agent.allowed_merchants
    found = {
        "agent_inactive": not agent.is_active,
        "currency_mismatch": asked["currency"] != agent.currency,
        "amount_above_maximum": asked["amount"] > agent.max_amount,
        "merchant_not_allowed": allowed is not None
        and asked["merchant"] not in allowed,
        "category_blocked": asked["category"] in agent.blocked_categories,
        "daily_budget_exceeded": budget.reserved + asked["amount"] > agent.daily_budget,
        "frequency_exceeded": activity.requests_in_hour >= agent.max_per_hour,
    }
    return [{"code": code, "outcome": "deny"} for code, is_so in found.items() if is_so]


def holds(
    agent: Agent, asked: Any, merchant: MerchantActivity, now: Any
) -> list[dict[str, str]]:
    above, last_at = agent.approval_above, merchant.last_at
    found = {
        "amount_requires_approval": above is not None and asked["amount"] > above,
        "repeated_request": merchant.last_amount == asked["amount"]
        and last_at is not None
        and (now - last_at).total_seconds() < 60,
    }
    return [{"code": code, "outcome": "hold"} for code, is_so in found.items() if is_so]


def risk(
    agent: Agent, asked: Any, activity: Activity, merchant: MerchantActivity
) -> float:
    mean = activity.allowed_sum / activity.allowed if activity.allowed else Decimal(1)
    factors = (
        min(float(asked["amount"] / mean) / 10, 1.0),
        0.5 / (merchant.allowed + 1),
        min(activity.requests_in_hour / agent.max_per_hour, 1.0),
    )
    return sum(factors) / len(factors)

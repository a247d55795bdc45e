"""The API of decision records: replay a decision, and fetch its signed receipt."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPerson, person_of
from agents.permissions import IsAgent
from audit.base.raises import raises
from audit.base.serializers import refuse_fields
from audit.base.strict_query import StrictQueryView
from transactions.decisions.core.record import ENGINE_VERSION
from transactions.errors import NoReceipt, RecordDamaged
from transactions.evidence.queries.receipts import signed_receipt
from transactions.evidence.services import ReplayResult, Today, replay_decision
from transactions.spending.api.serializers import FindingOutput, ReasonOutput
from transactions.spending.api.views import readable_transaction


class RecordOutput(serializers.Serializer[Any]):
    """A verdict with its digests: as recorded, or as derived again where possible."""

    outcome = serializers.CharField(required=False, allow_null=True)
    findings = FindingOutput(many=True, required=False, allow_null=True)
    risk_bp = serializers.IntegerField(required=False, allow_null=True)
    risk_factors_bp = serializers.DictField(
        child=serializers.IntegerField(), required=False, allow_null=True
    )
    policy_digest = serializers.CharField(required=False, allow_null=True)
    digest = serializers.CharField(
        required=False, help_text="Of the whole record; SHA-256 in hex."
    )
    logged_digest = serializers.CharField(help_text="As the audit log has it.")


class EngineVersionsOutput(serializers.Serializer[Any]):
    recorded = serializers.IntegerField(allow_null=True)
    present = serializers.IntegerField()


class RuleOutput(serializers.Serializer[Any]):
    check = serializers.CharField()
    code = serializers.CharField()
    recorded = serializers.CharField(allow_null=True)
    today = serializers.CharField(allow_null=True)


class TodayOutput(serializers.Serializer[Any]):
    policy_version = serializers.IntegerField(allow_null=True)
    outcome = serializers.CharField()
    reasons = ReasonOutput(many=True)
    rules = RuleOutput(many=True)


class ReplayOutput(serializers.Serializer[Any]):
    """Documents _replay_body(), which builds it."""

    transaction = serializers.CharField()
    matches = serializers.BooleanField(
        allow_null=True,
        help_text="Null: decided by an unknown engine version, so not derived again.",
    )
    differences = serializers.ListField(
        child=serializers.CharField(), help_text="Keys whose values differ."
    )
    engine_version = EngineVersionsOutput()
    recorded = RecordOutput()
    replayed = RecordOutput()
    today = TodayOutput(allow_null=True)


class ReplayView(StrictQueryView):
    """Derive the decision again from its record alone; changes nothing."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="transactions_replay", request=None, responses={200: ReplayOutput}
    )
    def post(self, request: Request, transaction_id: str) -> Response:
        refuse_fields(request)
        replayed = replay_decision(transaction_id, acting=person_of(request))
        return Response(_replay_body(replayed))


class ReceiptDecisionOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    digest = serializers.CharField(help_text="SHA-256 of the record, in hex.")


class ReceiptEventOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    action = serializers.CharField()
    leaf_hash = serializers.CharField(help_text="Its leaf in the audit log, in hex.")


class ReceiptOutput(serializers.Serializer[Any]):
    """Documents core.receipt.receipt_of(), which builds it."""

    version = serializers.IntegerField()
    issuer = serializers.CharField(help_text="The name of the audit log.")
    transaction = serializers.CharField()
    agent = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["allow", "hold", "deny"])
    amount = serializers.CharField()
    currency = serializers.CharField()
    merchant = serializers.CharField()
    category = serializers.CharField(allow_blank=True)
    reasons = serializers.ListField(child=serializers.CharField())
    policy_version = serializers.IntegerField(allow_null=True)
    decision = ReceiptDecisionOutput()
    decided_at = serializers.DateTimeField()
    event = ReceiptEventOutput()


class SignedReceiptOutput(serializers.Serializer[Any]):
    receipt = ReceiptOutput()
    signature = serializers.CharField(help_text="Base64, over the receipt (RFC 8785).")
    algorithm = serializers.CharField()
    key_id = serializers.CharField(help_text="The key in /.well-known/jwks.json.")


class ReceiptView(StrictQueryView):
    """Return the signed decision; later changes of the transaction do not alter it."""

    permission_classes = [IsPerson | IsAgent]

    @extend_schema(
        operation_id="transactions_receipt", responses={200: SignedReceiptOutput}
    )
    @raises(NoReceipt, RecordDamaged)
    def get(self, request: Request, transaction_id: str) -> Response:
        found = readable_transaction(request, transaction_id)
        return Response(signed_receipt(found))


def _replay_body(replayed: ReplayResult) -> dict[str, Any]:
    replay, today = replayed.replay, replayed.today
    return {
        "transaction": replayed.transaction_id,
        "matches": replay.matches,
        "differences": list(replay.differences),
        "engine_version": {
            "recorded": replay.record.engine_version,
            "present": ENGINE_VERSION,
        },
        "recorded": dict(replay.recorded),
        "replayed": dict(replay.replayed),
        "today": None if today is None else _today_body(today),
    }


def _today_body(today: Today) -> dict[str, Any]:
    verdict = today.verdict
    return {
        "policy_version": today.policy_number,
        "outcome": verdict.outcome.value,
        "reasons": [finding.as_reason() for finding in verdict.reasons],
        "rules": [
            {
                "check": rule.check,
                "code": rule.code,
                "recorded": rule.recorded,
                "today": rule.today,
            }
            for rule in today.rules
        ],
    }

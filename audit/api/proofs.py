"""What outsiders need to check the log without trusting us."""

from __future__ import annotations

import base64
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.base.context import caller
from audit.base.errors import NotFound
from audit.base.media_types import TextRenderer
from audit.base.permissions import IsHuman, requires
from audit.base.raises import raises
from audit.base.serializers import StrictSerializer, WholeField
from audit.base.strict_query import StrictQueryView
from audit.errors import NotSealedYet
from audit.models import AuditLeaf, Checkpoint
from audit.queries.reading import events_visible_to
from audit.queries.tree import consistency_proof, inclusion_proof, newest_checkpoint

SIZE_MAX = 2**63 - 1


class InclusionProofQuery(StrictSerializer):
    event = serializers.CharField(max_length=30)


class ConsistencyProofQuery(StrictSerializer):
    def get_fields(self) -> dict[str, Any]:
        """Return `from` and `to`; `from` cannot be a name in Python."""
        return {
            "from": WholeField(min_value=1, max_value=SIZE_MAX),
            "to": WholeField(min_value=1, max_value=SIZE_MAX),
        }


class InclusionProofOutput(serializers.Serializer[Any]):
    object = serializers.CharField(default="inclusion_proof", read_only=True)
    event = serializers.CharField()
    index = serializers.IntegerField(help_text="The event's place in the log, from 0.")
    leaf_hash = serializers.CharField(help_text="Base64, as all hashes here.")
    size = serializers.IntegerField(help_text="Of the tree that the proof is for.")
    proof = serializers.ListField(child=serializers.CharField())
    checkpoint = serializers.CharField(help_text="The signed note of that tree.")


class ConsistencyProofOutput(serializers.Serializer[Any]):
    object = serializers.CharField(default="consistency_proof", read_only=True)
    proof = serializers.ListField(child=serializers.CharField())

    def get_fields(self) -> dict[str, Any]:
        sizes = {name: serializers.IntegerField() for name in ("from", "to")}
        return {**sizes, **super().get_fields()}


class CheckpointView(StrictQueryView):
    """The newest checkpoint: a signed note (C2SP), as tools for such logs read it."""

    permission_classes = (IsHuman,)
    rate_class = "default"
    renderer_classes = (TextRenderer,)

    @extend_schema(
        operation_id="get_audit_checkpoint",
        tags=["audit"],
        responses=OpenApiTypes.STR,
    )
    @raises(NotSealedYet)
    def get(self, request: Request) -> Response:
        return Response(_newest().note)


class InclusionProofView(StrictQueryView):
    """Proves that an event is in the log that the newest checkpoint was signed over."""

    permission_classes = (requires("audit.view_auditevent"),)
    rate_class = "default"
    query_parameters = frozenset({"event"})

    @extend_schema(
        operation_id="prove_audit_inclusion",
        tags=["audit"],
        parameters=[InclusionProofQuery],
        responses=InclusionProofOutput,
    )
    @raises(NotFound, NotSealedYet)
    def get(self, request: Request) -> Response:
        query = InclusionProofQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        visible = events_visible_to(caller(request))
        event = get_object_or_404(visible, pk=query.validated_data["event"])
        leaf = AuditLeaf.objects.filter(event_id=event.pk).first()
        checkpoint = _newest()
        if leaf is None or leaf.index >= checkpoint.size:
            raise NotSealedYet
        proof = {
            "event": event.pk,
            "index": leaf.index,
            "leaf_hash": _base64(leaf.hash),
            "size": checkpoint.size,
            "proof": [
                _base64(step) for step in inclusion_proof(leaf.index, checkpoint.size)
            ],
            "checkpoint": checkpoint.note,
        }
        return Response(InclusionProofOutput(proof).data)


class ConsistencyProofView(StrictQueryView):
    """Proves that the log of one checkpoint is the beginning of that of another."""

    permission_classes = (IsHuman,)
    rate_class = "default"
    query_parameters = frozenset({"from", "to"})

    @extend_schema(
        operation_id="prove_audit_consistency",
        tags=["audit"],
        parameters=[ConsistencyProofQuery],
        responses=ConsistencyProofOutput,
    )
    @raises(NotSealedYet)
    def get(self, request: Request) -> Response:
        query = ConsistencyProofQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        first, second = query.validated_data["from"], query.validated_data["to"]
        if first > second:
            raise _invalid("to", "Must not be smaller than `from`.")
        if second > (size := _newest().size):
            raise _invalid("to", f"The newest checkpoint is of {size} events.")
        steps = [_base64(step) for step in consistency_proof(first, second)]
        body = {"from": first, "to": second, "proof": steps}
        return Response(ConsistencyProofOutput(body).data)


def _newest() -> Checkpoint:
    checkpoint = newest_checkpoint()
    if checkpoint is None:
        raise NotSealedYet
    return checkpoint


def _base64(hashed: bytes | memoryview) -> str:
    return base64.b64encode(hashed).decode()


def _invalid(name: str, detail: str) -> ValidationError:
    return ValidationError({name: [ErrorDetail(detail, code="invalid")]})

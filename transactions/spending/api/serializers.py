"""Bodies of transactions and decisions."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agents.core.categories import CATEGORY_WORDS, canonical_category
from agents.core.countries import COUNTRIES, COUNTRY_WORDS
from agents.core.mcc import MCC
from agents.core.merchants import is_merchant_name
from agents.core.money import CURRENCY_WORDS
from audit.base.core.masking import mask
from audit.base.core.visible import is_readable
from audit.base.core.vocabulary import Unlisted
from audit.base.serializers import (
    ObjectField,
    StrictCharField,
    StrictInstantField,
    StrictSerializer,
    WordField,
)
from transactions.spending.services.asking import Ask

METADATA_KEYS_MAX = 20


# A period around an instant, in any time zone, must also fit into datetime's range.
EARLIEST, LATEST = datetime(1971, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)


CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


@extend_schema_field({"$ref": "#/components/schemas/Amount"})
class AmountField(serializers.Field[Any, Any, Any, Any]):
    """An exact decimal, as text or JSON number; checked later against its currency."""

    default_error_messages = {
        "amount_not_a_number": "Write the amount as digits with a decimal point."
    }

    def to_internal_value(self, data: Any) -> Decimal | int | str:
        if isinstance(data, bool) or not isinstance(data, Decimal | int | str):
            self.fail("amount_not_a_number")
        return data

    def to_representation(self, value: Any) -> str:
        return str(value)


class MetadataField(ObjectField):
    """Up to 20 short texts for the caller's own use."""

    child = StrictCharField(max_length=500, allow_blank=True)
    default_error_messages = {
        "too_many_keys": f"At most {METADATA_KEYS_MAX} entries.",
        "key_too_long": "Keys have at most 40 characters.",
    }

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if len(value) > METADATA_KEYS_MAX:
            self.fail("too_many_keys")
        if any(len(key) > 40 for key in value):
            self.fail("key_too_long")
        return value


def refuse_sensitive(name: str) -> str:
    """Return the name. Raises ValidationError if masking would change it."""
    if mask(name) != name:
        raise serializers.ValidationError(
            "A name must not hold a card number or a secret.", code="name_sensitive"
        )
    return name


class TransactionInput(StrictSerializer):
    """A spending request of an agent."""

    amount = AmountField()
    currency = WordField(
        CURRENCY_WORDS,
        required=False,
        max_length=3,
        min_length=3,
        help_text="ISO 4217. Default: the policy's currency.",
    )
    merchant = StrictCharField(min_length=2, max_length=200, trim_whitespace=False)
    category = WordField(
        CATEGORY_WORDS,
        max_length=40,
        allow_blank=True,
        help_text="Synonyms are accepted, too: /docs/vocabularies/categories/. "
        "Any other text counts as `other` if the policy has no rule by category.",
    )
    merchant_country = WordField(
        COUNTRY_WORDS,
        required=False,
        max_length=2,
        help_text="ISO 3166-1 alpha-2, in capitals. Leave it out if unknown.",
    )
    mcc = StrictCharField(
        required=False,
        max_length=4,
        help_text="Merchant category code, four digits (ISO 18245).",
    )
    description = StrictCharField(
        required=False, max_length=1000, allow_blank=True, default=""
    )
    metadata = MetadataField(required=False, default=dict)
    occurred_at = StrictInstantField(
        required=False, default=None, help_text="Only for agents in test mode."
    )

    def validate_occurred_at(self, value: datetime | None) -> datetime | None:
        if value is not None and not EARLIEST <= value < LATEST:
            raise serializers.ValidationError(
                "Give an instant from 1971 to 9997.", code="instant_out_of_range"
            )
        return value

    def validate_merchant(self, value: str) -> str:
        if value != value.strip() or CONTROL.search(value):
            raise serializers.ValidationError(
                "No blanks around the name and no control characters in it.",
                code="merchant_not_clean",
            )
        if not is_merchant_name(value):
            raise serializers.ValidationError(
                "A merchant's name has 2 to 200 characters.", code="merchant_too_short"
            )
        return refuse_sensitive(value)

    def validate_category(self, value: str) -> str:
        """Accept an unknown but readable category; the policy decides on it."""
        if not value or canonical_category(value) is not None:
            return value
        if not is_readable(value):
            raise serializers.ValidationError(
                "This category is not known.",
                code=Unlisted("category_unknown", CATEGORY_WORDS, value),
            )
        return refuse_sensitive(value)

    def validate_merchant_country(self, value: str) -> str:
        if value not in COUNTRIES:
            raise serializers.ValidationError(
                "Write two capitals of ISO 3166, such as DE.",
                code=Unlisted("country_unknown", COUNTRY_WORDS, value),
            )
        return value

    def validate_mcc(self, value: str) -> str:
        if not MCC.fullmatch(value):
            raise serializers.ValidationError(
                "Write the four digits of the code.", code="mcc_malformed"
            )
        return value


# Shared by all requests, because DRF copies every field for each new serializer.
# run_validation() keeps no state, so threads may share it.
_TRANSACTION_INPUT = TransactionInput()


def parse_ask(data: Any) -> Ask:
    """Return the spending request in a body. Raises ValidationError."""
    try:
        values = _TRANSACTION_INPUT.run_validation(data)
    except serializers.ValidationError:
        # A serializer of this request alone reports the errors in the usual form.
        TransactionInput(data=data).is_valid(raise_exception=True)
        raise
    return Ask(
        amount=values["amount"],
        currency=values.get("currency"),
        merchant=values["merchant"],
        category=values["category"],
        description=values["description"],
        metadata=values["metadata"],
        occurred_at=values["occurred_at"],
        merchant_country=values.get("merchant_country", ""),
        mcc=values.get("mcc", ""),
    )


class ReasonOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class RiskFactorsOutput(serializers.Serializer[Any]):
    amount = serializers.FloatField(required=False)
    merchant = serializers.FloatField(required=False)
    velocity = serializers.FloatField(required=False)
    pattern = serializers.FloatField(required=False)


class ApprovalOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    status = serializers.CharField()
    expires_at = serializers.DateTimeField()
    required_approvals = serializers.IntegerField()
    approvals_given = serializers.IntegerField()
    required_role = serializers.CharField(
        help_text="The lowest role that may decide; a higher one after `escalates_at`."
    )
    escalates_at = serializers.DateTimeField(allow_null=True)


class TransactionOutput(serializers.Serializer[Any]):
    """Documents representation.transaction_body(), which builds it."""

    id = serializers.CharField()
    object = serializers.CharField()
    agent = serializers.CharField()
    status = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["allow", "hold", "deny"])
    amount = serializers.CharField()
    currency = serializers.CharField()
    reserved_amount = serializers.CharField(help_text="Set aside and not yet taken.")
    captured_amount = serializers.CharField()
    refunded_amount = serializers.CharField()
    merchant = serializers.CharField()
    category = serializers.CharField(allow_blank=True)
    merchant_country = serializers.CharField(allow_null=True)
    mcc = serializers.CharField(allow_null=True)
    description = serializers.CharField(allow_blank=True)
    metadata = serializers.DictField(child=serializers.CharField())
    risk_score = serializers.FloatField(allow_null=True)
    risk_level = serializers.CharField(allow_null=True)
    risk_factors = RiskFactorsOutput()
    reasons = ReasonOutput(many=True)
    policy_version = serializers.IntegerField(allow_null=True)
    approval = ApprovalOutput(allow_null=True)
    occurred_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()


class FindingOutput(serializers.Serializer[Any]):
    check = serializers.CharField()
    code = serializers.CharField()
    outcome = serializers.CharField()
    message = serializers.CharField()
    values = serializers.DictField(child=serializers.CharField())


@extend_schema_field(OpenApiTypes.OBJECT)
class InputsField(serializers.JSONField):
    """The facts and thresholds that the decision was based on."""


class DecisionOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    outcome = serializers.CharField()
    findings = FindingOutput(many=True)
    inputs = InputsField()
    risk_bp = serializers.IntegerField(allow_null=True)
    risk_factors_bp = serializers.DictField(child=serializers.IntegerField())
    policy_version = serializers.CharField(source="policy_version_id", allow_null=True)
    engine_version = serializers.IntegerField(allow_null=True)
    digest = serializers.CharField(allow_blank=True)
    decided_at = serializers.DateTimeField()

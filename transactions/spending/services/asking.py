"""The body of a request to spend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from transactions.decisions.core.digest import digest
from transactions.decisions.core.fields import by_name
from transactions.decisions.wording import instant


@dataclass(frozen=True, slots=True)
class Ask:
    """A well-formed body; what only the policy can judge is judged later."""

    amount: Decimal | int | str
    currency: str | None
    merchant: str
    category: str
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None
    merchant_country: str = ""
    mcc: str = ""

    def digest(self) -> str:
        """Return what makes two bodies under one Idempotency-Key the same."""
        body = by_name(self)
        for name in ("merchant_country", "mcc"):
            if not body[name]:  # As before there were such fields.
                del body[name]
        body["amount"] = str(self.amount)
        body["occurred_at"] = self.occurred_at and instant(self.occurred_at)
        return digest(body)

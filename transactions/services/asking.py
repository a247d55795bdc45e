"""What an agent asks, and what it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from transactions.core.digest import digest
from transactions.core.fields import by_name
from transactions.representation import instant


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller is told, and whether it was told before."""

    status_code: int
    body: Mapping[str, Any]
    is_replay: bool

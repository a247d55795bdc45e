"""The body of a request to spend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from audit.base.core.codec import by_name
from audit.base.core.readers import rfc3339
from transactions.decisions.core.digest import digest


@dataclass(frozen=True, slots=True)
class Ask:
    """A well-formed body; checks that depend on the policy follow later."""

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
        """Return a digest; equal digests mean the same request under one key."""
        body = by_name(self)
        for name in ("merchant_country", "mcc"):
            if not body[name]:  # So that digests older than these fields match.
                del body[name]
        body["amount"] = str(self.amount)
        body["occurred_at"] = self.occurred_at and rfc3339(self.occurred_at)
        return digest(body)

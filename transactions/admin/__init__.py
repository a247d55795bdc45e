"""The console of this app: records to read, and limits of approvers to set."""

from __future__ import annotations

from transactions.admin import approvals as approvals
from transactions.admin import money as money
from transactions.admin import records as records

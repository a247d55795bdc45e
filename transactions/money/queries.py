"""Checks that all money adds up: compares every figure that is stored twice.

Each check is one statement; the database aggregates, and the rows are streamed, so
memory use is constant. Run all of them in one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.db import connection

from transactions.budgets.core.ledger import MOVEMENTS


@dataclass(frozen=True, slots=True)
class MoneyFault:
    """A violated rule, the id of the violating row, and the figures."""

    rule: str
    id: str
    figures: str

    def __str__(self) -> str:
        return f"{self.id}: {self.rule} ({self.figures})"


_BY_KIND = """
    SELECT transaction_id,
           sum(amount_minor) FILTER (WHERE kind IN ('reserve', 'increment')) AS amount,
           sum(amount_minor) FILTER (WHERE kind = 'capture') AS captured,
           sum(amount_minor) FILTER (WHERE kind = 'release') AS released,
           sum(amount_minor) FILTER (WHERE kind = 'late_capture') AS late,
           sum(amount_minor) FILTER (WHERE kind = 'reversal') AS reversed,
           sum(amount_minor) FILTER (WHERE kind = 'refund') AS refunded
    FROM transactions_ledgerentry GROUP BY transaction_id
"""
_RESERVATION_AND_LEDGER = f"""
SELECT transaction_id, row_to_json(r), row_to_json(l)
FROM transactions_reservation r FULL JOIN ({_BY_KIND}) l USING (transaction_id)
WHERE (coalesce(r.amount_minor, 0), coalesce(r.captured_minor, 0),
       coalesce(r.released_minor, 0), coalesce(r.late_minor, 0),
       coalesce(r.reversed_minor, 0), coalesce(r.refunded_minor, 0))
   <> (coalesce(l.amount, 0), coalesce(l.captured, 0), coalesce(l.released, 0),
       coalesce(l.late, 0), coalesce(l.reversed, 0), coalesce(l.refunded, 0))
"""  # noqa: S608 - constants only.
_MOVEMENTS = ", ".join(
    f"('{kind}', '{credit}', '{debit}')" for kind, (credit, debit) in MOVEMENTS.items()
)
_ENTRY_ASTRAY = f"""
SELECT e.transaction_id, e.id, e.kind, e.agent_id, e.currency
FROM transactions_ledgerentry e JOIN transactions_transaction t
  ON t.id = e.transaction_id
WHERE (e.agent_id, e.currency) <> (t.agent_id, t.currency)
   OR (e.kind, e.credit, e.debit) NOT IN ({_MOVEMENTS})
"""  # noqa: S608 - constants only.
# The balances by ledger entries, and those by reservations, for each account.
_BALANCES = """
SELECT coalesce(l.agent_id, r.agent_id), coalesce(l.currency, r.currency),
       row_to_json(l), row_to_json(r)
FROM (
    SELECT agent_id, currency, sum(minor) AS total,
           coalesce(sum(minor) FILTER (WHERE account = 'reserved'), 0) AS reserved,
           coalesce(sum(minor) FILTER (WHERE account = 'captured'), 0) AS captured,
           coalesce(sum(minor) FILTER (WHERE account = 'refunded'), 0) AS refunded
    FROM (
        SELECT agent_id, currency, debit AS account, amount_minor AS minor
        FROM transactions_ledgerentry
        UNION ALL
        SELECT agent_id, currency, credit, -amount_minor FROM transactions_ledgerentry
    ) sides GROUP BY agent_id, currency
) l FULL JOIN (
    SELECT t.agent_id, t.currency,
           sum(r.amount_minor - r.captured_minor - r.released_minor) AS reserved,
           sum(r.captured_minor + r.late_minor - r.reversed_minor
               - r.refunded_minor) AS captured,
           sum(r.refunded_minor) AS refunded
    FROM transactions_reservation r
    JOIN transactions_transaction t ON t.id = r.transaction_id
    GROUP BY t.agent_id, t.currency
) r ON r.agent_id = l.agent_id AND r.currency = l.currency
WHERE (l.total, l.reserved, l.captured, l.refunded)
      IS DISTINCT FROM (0, r.reserved, r.captured, r.refunded)
"""
_CHILDREN = """
SELECT r.transaction_id, r.late_minor, r.reversed_minor, r.refunded_minor,
       l.minor, l.reversed, f.minor
FROM transactions_reservation r
LEFT JOIN (SELECT transaction_id, sum(amount_minor) AS minor,
                  sum(amount_minor) FILTER (WHERE v.late_capture_id = c.id) AS reversed
           FROM transactions_latecapture c
           LEFT JOIN transactions_latecapturereversal v ON v.late_capture_id = c.id
           GROUP BY 1) l USING (transaction_id)
LEFT JOIN (SELECT transaction_id, sum(amount_minor) AS minor
           FROM transactions_refund GROUP BY 1) f USING (transaction_id)
WHERE (r.late_minor, r.reversed_minor, r.refunded_minor)
   <> (coalesce(l.minor, 0), coalesce(l.reversed, 0), coalesce(f.minor, 0))
"""
_COUNTS = """
    coalesce(sum(r.amount_minor - r.captured_minor - r.released_minor), 0),
    coalesce(sum(r.captured_minor), 0),
    coalesce(sum(r.late_minor - r.reversed_minor), 0),
    coalesce(sum(greatest(r.captured_minor + r.late_minor - r.reversed_minor
                          - r.amount_minor, 0)), 0),
    count(*) FILTER (WHERE r.released_minor < r.amount_minor)
"""
_BUDGET = """
SELECT b.id, b.holder, b.scope, b."window", b.starts_at, b.reserved_minor,
       b.posted_minor, b.late_minor, b.late_above_minor, b.count, c.*
FROM transactions_budget b {holder}
CROSS JOIN LATERAL (
    SELECT {counts}
    FROM transactions_transaction t
    JOIN transactions_reservation r ON r.transaction_id = t.id
    WHERE t.currency = b.currency AND t.occurred_at >= b.starts_at
      AND (b.ends_at IS NULL OR t.occurred_at < b.ends_at) AND {counts_in}
) AS c (reserved_minor, posted_minor, late_minor, late_above_minor, count)
WHERE {is_current}
  AND (b.reserved_minor, b.posted_minor, b.late_minor, b.late_above_minor, b.count)
   <> (c.reserved_minor, c.posted_minor, c.late_minor, c.late_above_minor, c.count)
"""
# Test agents may set their own clock. If it goes back, the steps of a rolling limit
# that had passed apply again, with their old figures; so those are not compared.
_AGENT_BUDGET = _BUDGET.format(
    holder="JOIN agents_agent a ON a.id = b.holder",
    counts=_COUNTS,
    counts_in="""t.agent_id = b.holder AND b.scope IN
        ('agent', 'merchant:' || t.merchant_key, 'category:' || t.category)""",
    is_current="""b.counted_under = a.policy_version_id
        AND (a.mode = 'live' OR NOT starts_with(b."window", 'rolling'))""",
)
_SHARED_BUDGET = _BUDGET.format(
    holder="",
    counts=_COUNTS,
    counts_in="b.holder = ANY (r.shared_budgets)",
    is_current="b.scope = 'shared'",
)
_STATUS = """
SELECT t.id, t.status, d.outcome, row_to_json(r)
FROM transactions_transaction t
LEFT JOIN transactions_decision d ON d.transaction_id = t.id
LEFT JOIN transactions_reservation r ON r.transaction_id = t.id
CROSS JOIN LATERAL (
    SELECT r.amount_minor - r.captured_minor - r.released_minor AS outstanding_minor
) AS still
WHERE NOT coalesce(CASE t.status
    WHEN 'pending_approval' THEN still.outstanding_minor = t.amount_minor
         AND d.outcome = 'hold'
    WHEN 'authorized' THEN still.outstanding_minor > 0 AND r.captured_minor = 0
    WHEN 'partially_captured' THEN still.outstanding_minor > 0 AND r.captured_minor > 0
    WHEN 'captured' THEN still.outstanding_minor = 0
         AND r.captured_minor + r.late_minor > 0
    WHEN 'declined' THEN CASE d.outcome WHEN 'deny' THEN r.transaction_id IS NULL
         ELSE r.released_minor = r.amount_minor END
    WHEN 'canceled' THEN r.released_minor = r.amount_minor
    ELSE still.outstanding_minor = 0 AND r.late_minor = 0
    END, false)
"""
_APPROVAL = """
SELECT t.id, t.status, p.id, p.status
FROM transactions_transaction t
JOIN transactions_decision d ON d.transaction_id = t.id
LEFT JOIN transactions_approvalrequest p ON p.transaction_id = t.id
WHERE (t.status = 'pending_approval') <> coalesce(p.status = 'waiting', false)
   OR (d.outcome = 'hold') <> (p.id IS NOT NULL)
   OR p.status = 'denied' AND t.status <> 'declined'
   OR p.status = 'canceled' AND t.status <> 'canceled'
   OR p.status = 'expired' AND t.status NOT IN ('expired', 'captured')
"""
_WAITING = """
SELECT coalesce(a.agent_id, w.agent_id), a.waiting_approvals, w.waiting
FROM transactions_agentactivity a FULL JOIN (
    SELECT t.agent_id, count(*) AS waiting
    FROM transactions_approvalrequest p
    JOIN transactions_transaction t ON t.id = p.transaction_id
    WHERE p.status = 'waiting' GROUP BY t.agent_id
) w ON w.agent_id = a.agent_id
WHERE coalesce(a.waiting_approvals, 0) <> coalesce(w.waiting, 0)
"""
_ANSWER = """
SELECT i.agent_id, i.key, i.status_code FROM transactions_idempotencyrecord i
WHERE i.status_code = 201 AND i.response::jsonb ? 'outcome' AND NOT EXISTS (
    SELECT FROM transactions_transaction t
    WHERE t.id = i.response::jsonb ->> 'id' AND t.agent_id = i.agent_id)
"""
# The audit events that each transaction and approval must have. After a late capture
# the earlier end (voided or expired) is no longer known. Retired events are excluded.
_EVENTS = """
WITH kept AS (
    SELECT coalesce(min(occurred_at), '-infinity') AS since FROM audit_auditevent
),
recent AS (
    SELECT t.* FROM transactions_transaction t, kept WHERE t.created_at >= kept.since
), expected AS (
    SELECT id AS target, action, 1 AS times FROM recent,
           unnest(ARRAY['transaction.requested', 'transaction.decided']) AS action
    UNION ALL
    SELECT id, 'transaction.' || status, 1 FROM recent
    WHERE status IN ('voided', 'expired', 'canceled')
    UNION ALL
    SELECT e.transaction_id, CASE e.kind
           WHEN 'capture' THEN 'transaction.captured'
           WHEN 'increment' THEN 'transaction.incremented'
           WHEN 'refund' THEN 'transaction.refunded'
           WHEN 'reversal' THEN 'transaction.late_capture_reversed'
           ELSE 'transaction.captured_late' END, count(*)
    FROM transactions_ledgerentry e JOIN recent ON recent.id = e.transaction_id
    WHERE e.kind NOT IN ('reserve', 'release') GROUP BY e.transaction_id, e.kind
    UNION ALL
    SELECT p.id, action, 1
    FROM transactions_approvalrequest p JOIN recent ON recent.id = p.transaction_id,
         unnest(ARRAY['approval.requested', 'approval.' || p.status]) AS action
    WHERE action NOT IN ('approval.waiting', 'approval.canceled')
), logged AS (
    SELECT target_id AS target, action, count(*) AS times FROM audit_auditevent e, kept
    WHERE action IN ('transaction.requested', 'transaction.decided',
        'transaction.canceled', 'transaction.expired', 'transaction.captured',
        'transaction.captured_late', 'transaction.late_capture_reversed',
        'transaction.voided', 'transaction.incremented', 'transaction.refunded',
        'approval.requested', 'approval.approved', 'approval.denied',
        'approval.expired')
      AND NOT EXISTS (
        SELECT FROM transactions_transaction t
        WHERE t.id = e.target_id AND (t.created_at < kept.since
           OR t.status = 'captured' AND e.action IN
              ('transaction.voided', 'transaction.expired')))
      AND NOT EXISTS (
        SELECT FROM transactions_approvalrequest p
        WHERE p.id = e.target_id AND p.created_at < kept.since)
    GROUP BY target_id, action
)
SELECT target, action, expected.times, logged.times
FROM expected FULL JOIN logged USING (target, action)
WHERE expected.times IS DISTINCT FROM logged.times
"""
RULES: Mapping[str, str] = MappingProxyType(
    {
        "a reservation is the sum of its ledger entries": _RESERVATION_AND_LEDGER,
        "a ledger entry is of its transaction's agent and currency": _ENTRY_ASTRAY,
        "an agent's accounts balance and hold what is reserved": _BALANCES,
        "late captures and refunds are those that were reported": _CHILDREN,
        "an agent's budget is the sum of what counts in it": _AGENT_BUDGET,
        "a shared budget is the sum of what counts in it": _SHARED_BUDGET,
        "a status fits its figures": _STATUS,
        "what waits has a waiting approval request": _APPROVAL,
        "an agent's waiting approvals are counted": _WAITING,
        "an answer has its transaction": _ANSWER,
        "every step has its audit event": _EVENTS,
    }
)


def money_faults() -> Iterator[MoneyFault]:
    """Yield every violation of RULES in the database. 11 queries, constant memory.

    Needs a REPEATABLE READ transaction, or no concurrent writes: otherwise they may
    look like faults.
    """
    for rule, sql in RULES.items():
        with connection.chunked_cursor() as cursor:
            cursor.execute(sql)
            for first, *figures in cursor:
                text = ", ".join(str(figure) for figure in figures)
                yield MoneyFault(rule, str(first), text)

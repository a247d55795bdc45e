"""Whatever remembers a time survives a step of the clock either way.

A stored time may be of a clock that was ahead. Code that asks how long ago it was, or
whether it is younger than so long, must say what it means that it lies ahead of now.
"""

from __future__ import annotations

import ast

from tests.house.source import APPS, ROOT, python_files

# Where a time is taken from now, and why one that lies ahead stops nothing.
FROM_NOW = {
    "accounts/services/lock_outs.py: newest + get_cool_off(request) - timezone.now()": (
        "a job deletes failures that lie ahead (purge_failed_sign_ins)"
    ),
    "accounts/services/retention.py: now - SIGN_INS_LAST": "it is deleted later",
    "accounts/services/retention.py: now - settings.AXES_COOLOFF_TIME": (
        "the range has an upper end"
    ),
    "accounts/services/sessions.py: now - session.last_seen_at": (
        "by its amount: it is touched at once"
    ),
    "accounts/tokens.py: now - leeway": "`iat` must not lie ahead",
    "agents/policy/core/limits.py: now - rolling.reach": (
        "it counts: stricter, never looser"
    ),
    "agents/policy/core/limits.py: now - start": "the start was computed from this now",
    "agents/queries.py: timezone.now() - DAY": "it counts: stricter, never looser",
    "audit/base/admin/bases.py: timezone.now() - span[1]": (
        "the list shows it, as newer"
    ),
    "audit/admin.py: timezone.now() - TimeFilter.spans['month'][1]": (
        "the list shows it, as newer"
    ),
    "audit/queries/reading.py: now - unread": "0; the checklist looks at read_at, too",
    "audit/queries/tree.py: now - LOOK_BACK": "the range has an upper end",
    "audit/queries/tree.py: now - oldest.occurred_at": "0; older ones come first",
    "audit/services/sealing.py: timezone.now() - last.time": (
        "by its amount: a checkpoint is due"
    ),
    "platform_site/run/engines/processes.py: now - self.started_at": (
        "a monotonic clock"
    ),
    "platform_site/health.py: now - SILENT_AFTER": "the range has an upper end",
    "platform_site/replay/client.py: now - self._trouble_began": "a monotonic clock",
    "platform_site/checklist/checks.py: now - lag.read_at": (
        "by its amount: the reader is silent"
    ),
    "security/alerts/core/thresholds.py: now - CATCH_UP": "its hour is looked at, too",
    "security/alerts/queries.py: now - thresholds.CATCH_UP": (
        "its hour is looked at, too"
    ),
    "security/alerts/services.py: now - GRACE": "no stored time",
    "security/incidents/services.py: now - HOUR": "the window has an upper end",
    "security/notifications/services/messages.py: now - MESSAGES_LAST": (
        "it is deleted later"
    ),
    "security/notifications/services/messages.py: now - STORM_WINDOW": (
        "the range has an upper end"
    ),
    "security/step_up.py: timezone.now() - proved_at": "it is no proof",
    "transactions/risk/core/likeness.py: facts.now - recent.at": "by its amount",
    "transactions/risk/core/score.py: facts.now - last": "by its amount",
}


def is_now(node: ast.expr) -> bool:
    return ast.unparse(node) in {"now", "timezone.now()", "agent.now", "facts.now"}


def taken_from_now() -> set[str]:
    return {
        f"{path.relative_to(ROOT)}: {ast.unparse(node)}"
        for path in python_files(*APPS)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and (is_now(node.left) or is_now(node.right))
    }


def test_every_time_that_is_taken_from_now_says_what_it_does_ahead_of_it():
    assert taken_from_now() == {*FROM_NOW}
    assert all(len(why.split()) > 2 for why in FROM_NOW.values())

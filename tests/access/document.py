"""Prints docs/permissions.md: `python -m tests.access.document` (see `make schema`)."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.core.roles import GRANTABLE_PERMISSIONS, ROLE_PERMISSIONS
from tests.access.table import CONSOLE_MODELS, CONSOLE_PAGES, Row, rows

INTRODUCTION = """\
# Who may do what

Printed by `make schema` from the role table (`accounts/core/roles.py`) and from the
table of routes (`tests/access/table.py`); the tests ask every route, by every method
that it has, as everybody, and by every other method as an admin (`make stress`: as
everybody), and compare the answers with it. Change those, not this page.

## Roles
"""

MEANINGS = {
    "can_manage_agents": "make agents, set their policies and credentials, lock them",
    "can_approve_transactions": "see what waits for a human, and approve or deny it",
    "can_view_all_data": "see everybody's agents and transactions, and the audit log",
}

WORDS = """\
An admin is security staff: the console (`/admin/`) and the security endpoints are for
admins only. A manager sees and decides for the people of their team, a user sees what
is their own. Nobody approves what they could have asked for themselves
(docs/approvals.md). An agent acts for its owner, with a token of its own; it opens what
is for agents and nothing else.
A deactivated person is refused everywhere, with whatever they still hold. Besides the
role an admin may give a person {grantable}:
that makes an auditor.

## Routes

*Everyone* needs no sign-in; *people* are users, managers and admins; *managers* include
admins. Who does not sign in gets 401, in a browser the sign-in page; who may not, 403.
*Objects* says whose one finds under the address: *in scope* are one's own, for managers
those of their team, for admins all. Others are 404, as if they did not exist. Methods
that are not named are 405; HEAD follows GET, and no header or field changes a method.
*Counts as* is the class of `RATE_LIMIT_CONFIG` that changes count in;
reads by API count as `default`.
"""

CONSOLE = """\
### Console models

An admin may read each list, page and history. No row is deleted by the console's own
forms. Besides:

| model | an admin may |
|---|---|"""

GROUPS = (
    ("Sign-in and sessions", "api/v1/auth/"),
    ("Agents", "api/v1/agents/"),
    ("Transactions", "api/v1/transactions/"),
    ("Other endpoints", "api/v1/"),
    ("People's own pages", "accounts/"),
    ("Console", "admin/"),
    ("Pages", ""),
)


def document() -> str:
    """Return the page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    yield from _roles()
    yield ""
    grantable = " or ".join(f"`{name}`" for name in sorted(GRANTABLE_PERMISSIONS))
    yield WORDS.format(grantable=grantable)
    for title, prefix in GROUPS:
        yield f"### {title}\n"
        yield "| route | who | objects | counts as |\n|---|---|---|---|"
        yield from (_line(pattern, row) for pattern, row in _group(prefix).items())
        yield ""
    yield CONSOLE
    for model, also in CONSOLE_MODELS.items():
        yield f"| {model} | {also.replace(' ', ', ') or 'only read'} |"


def _roles() -> Iterator[str]:
    yield f"| may | {' | '.join(ROLE_PERMISSIONS)} |"
    yield "|---" * (len(ROLE_PERMISSIONS) + 1) + "|"
    for capability, meaning in MEANINGS.items():
        held = [table[capability] for table in ROLE_PERMISSIONS.values()]
        answers = " | ".join("yes" if has else "no" for has in held)
        yield f"| `{capability}`: {meaning} | {answers} |"


def _group(prefix: str) -> dict[str, Row]:
    """Return the rows of a group: of those whose prefix fits, the longest counts."""
    prefixes = [one for _, one in GROUPS]
    own = {f"admin/{pattern}" for pattern in CONSOLE_PAGES}
    models = tuple(f"admin/{model}/" for model in CONSOLE_MODELS)
    return {
        pattern: row
        for pattern, row in rows().items()
        if max(filter(pattern.startswith, prefixes), key=len) == prefix
        and (not pattern.startswith(models) or pattern in own)
    }


def _line(pattern: str, row: Row) -> str:
    who = ", ".join(f"{method}: {who}" for method, who in row.who.items())
    limit = f"`{row.limit}`" if row.limit and set(row.who) != {"GET"} else "–"
    return f"| `/{pattern}` | {who} | {row.scope or '–'} | {limit} |"


if __name__ == "__main__":
    print(document(), end="")  # noqa: T201 - the command of `make schema`.

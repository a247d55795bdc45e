"""Prints docs/categories.md: `python -m tests.agents.catalogue` (see `make schema`)."""

from __future__ import annotations

from collections.abc import Iterator

from agents.core.categories import CATALOGUE
from agents.core.mcc import GROUPS, ranges_of

INTRODUCTION = """\
# Categories

Printed by `make schema` from `agents/core/categories.py` and `agents/core/mcc.py`; the
running platform shows it at `/docs/vocabularies/categories/`. Case, spaces, hyphens and
underscores make no difference: `Web Hosting` is `hosting`.

A request with another text is 400 `category_unknown`, with `allowed` and
`did_you_mean`, where the policy blocks or limits categories. Where not, the text counts
as `other`, and the reasons say so (`category_taken_as_other`).

| category | also written | groups of merchant codes |
|---|---|---|"""

GROUPS_OF_CODES = """
## Groups of merchant codes

What `blocked_mcc_groups` names (ISO 18245). A category's groups say what it means; a
request is judged by its category and by its code, each as it was sent.

| group | codes |
|---|---|"""


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    yield INTRODUCTION
    for each in CATALOGUE.values():
        aliases, groups = ", ".join(each.aliases), ", ".join(each.groups)
        yield f"| `{each.name}` | {aliases or '–'} | {groups or '–'} |"
    yield GROUPS_OF_CODES
    for group in sorted(GROUPS):
        yield f"| `{group}` | {', '.join(ranges_of(group))} |"


if __name__ == "__main__":
    print(*lines(), sep="\n")  # noqa: T201 - it is what this prints.

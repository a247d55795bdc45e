"""axe finds nothing on any page of the product and of its console.

Everything that it knows of WCAG 2.2 A and AA and of good practice, in light; in dark
what colours change, because the rest is the same page.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest

from tests.browser.conftest import Visitor
from tests.browser.test_pages import REASON_PAGES, pages_about, pages_of_change
from tests.console import fill_console
from tests.console import pages as console_pages
from tests.people import People
from tests.transactions.scenes import held

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
EVERYTHING = {
    "type": "tag",
    "values": [
        *("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"),
    ],
}
OF_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
# Colours that change with the scheme fade: what is half-way there is no finding.
RUN = """async (only) => {
  await Promise.all(document.getAnimations().map((fading) => fading.finished));
  const options = {runOnly: only, resultTypes: ["violations"]};
  const {violations} = await axe.run(document, options);
  return violations.flatMap(({id, nodes}) =>
    nodes.map(({html}) => `${id}: ${html.slice(0, 160)}`));
}"""


def findings(visitor: Visitor, path: str) -> dict[str, list[str]]:
    """Return what axe finds on a page, in each scheme."""
    page, found = visitor.page, {}
    schemes: Any = {"light": EVERYTHING, "dark": OF_COLOURS}
    for scheme, only in schemes.items():
        page.emulate_media(color_scheme=scheme)
        if nodes := page.evaluate(RUN, only):
            found[f"{path} ({scheme})"] = nodes
    return found


def look_at(visitor: Visitor, paths: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in paths:
        assert visitor.open(path) == (404 if path == "/nowhere/" else 200), path
        visitor.page.evaluate(AXE)
        found |= findings(visitor, path)
    return found


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_on_the_pages(visit: Visit, people: People, width: int):
    asked = held(people).transaction
    paths = [
        *pages_about(asked),
        *pages_of_change(people),
        *REASON_PAGES,
        "/approvals/delegations/",
        f"/agents/{asked.agent_id}/simulate/",
        "/accounts/sessions/",
        "/accounts/password/",
        "/accounts/second-factors/",
        "/errors/not_found/",
        "/nowhere/",
    ]
    visitor = visit(width=width)
    visitor.open("/accounts/login/")
    visitor.page.evaluate(AXE)
    found = findings(visitor, "/accounts/login/")
    visitor.sign_in("bob").wait_for_url("**/approvals/")

    found |= look_at(visitor, paths)

    assert found == {}, json.dumps(found, indent=1)


def test_axe_finds_nothing_on_the_pages_of_a_demonstration(
    visit: Visit, people: People, settings: Any
):
    settings.DEMO, settings.FOUR_EYES = True, False
    visitor = visit()
    visitor.sign_in("carol").wait_for_url("**/dashboard/")

    found = look_at(visitor, ["/dashboard/"])

    assert visitor.page.locator(".demo p").count() == 2
    assert found == {}, json.dumps(found, indent=1)


def test_axe_finds_nothing_in_the_console(visit: Visit, people: People):
    """Every list, form and page: some 80 of them, a second each."""
    fill_console(people)
    paths = console_pages()
    assert len(paths) > 75
    visitor = visit()
    visitor.sign_in("alice").wait_for_url("**/admin/")

    found = look_at(visitor, paths)

    assert found == {}, json.dumps(found, indent=1)

"""Live agents and test agents on pages."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.browsing import sign_in
from tests.factories import make_agent
from tests.people import People
from tests.transactions.scenes import ask

pytestmark = pytest.mark.usefixtures("spacious_limits")


def test_test_agents_are_behind_a_switch(people: People, monkeypatch):
    monkeypatch.setattr("transactions.dashboard.views.PAGE_SIZE", 1)
    live = make_agent(people.carol, acting=people.alice)
    trial = make_agent(people.carol, acting=people.alice, name="trial", mode="test")
    asked = ask(live, amount="20.00")
    tried = [ask(trial, key=key, amount="20.00") for key in ("a", "b")]
    client = Client()
    sign_in(client, people.bob)

    def shown(address: str) -> list[str]:
        rows = client.get(address).context["rows"]
        return [getattr(row, "pk", None) or row[0].pk for row in rows]

    assert shown("/agents/") == shown("/agents/?mode=live") == [live.pk]
    assert shown("/agents/?mode=test") == [trial.pk]
    assert shown("/transactions/") == [asked.pk]
    assert shown("/transactions/?mode=test") == [tried[1].pk]
    older = client.get("/transactions/?mode=test").context["older"]
    assert shown(f"/transactions/?{older}") == [tried[0].pk]
    # One agent's own list shows it whatever it is.
    assert shown(f"/transactions/?agent={trial.pk}") == [tried[1].pk]
    for address in ("/agents/", "/transactions/"):
        assert client.get(f"{address}?mode=other").status_code == 400

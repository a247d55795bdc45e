from __future__ import annotations

import pytest

from tests.people import People

URL = "/api/v1/me/"


@pytest.mark.parametrize(
    ("who", "role", "capabilities", "team"),
    [
        ("alice", "admin", (True, True, True), None),
        ("bob", "manager", (True, True, False), "North"),
        ("carol", "user", (False, False, False), "North"),
        ("dave", "user", (False, False, False), None),
    ],
)
def test_me_tells_who_one_is(
    client_for, people: People, who: str, role: str, capabilities: tuple, team: str
):
    person = getattr(people, who)

    response = client_for(person).get(URL)

    assert response.status_code == 200
    manage, approve, view_all = capabilities
    assert response.json() == {
        "id": person.pk,
        "username": who,
        "role": role,
        "capabilities": {
            "can_manage_agents": manage,
            "can_approve_transactions": approve,
            "can_view_all_data": view_all,
        },
        "team": {"id": person.team.pk, "name": team} if team else None,
    }


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_c8_me_cannot_be_written(client_for, bob, method: str):
    response = getattr(client_for(bob), method)(URL, {"role": "admin"})

    assert response.status_code == 405
    bob.refresh_from_db()
    assert bob.role == "manager"

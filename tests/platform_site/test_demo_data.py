"""The first run makes people whose passwords are in one file, and only there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Team, User
from agents.models import Agent, AgentCredential, Function, PolicyVersion
from agents.policy.core.policy import to_wire
from agents.services.agents import update_agent
from agents.services.credentials import exchange_credential
from audit.models import AuditEvent
from platform_site import demo
from platform_site.run.credentials import Credentials, Login, save_credentials
from security.changes.models import ChangeRequest
from security.notifications.models import SecurityContact
from security.reviews.models import Review
from tests.factories import SAID_BY_DEFAULT
from tests.people import make_person

pytestmark = pytest.mark.django_db

BASE_URL = "http://127.0.0.1:8123"
TABLES = (
    User, Team, Agent, AgentCredential, PolicyVersion, Function, SecurityContact,
    Review, AuditEvent,
)  # fmt: skip


ROLES = {
    "admin": "admin",
    "manager": "manager",
    "user": "user",
    "admin2": "admin",
    "manager2": "manager",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "credentials.json"


def run(path: Path, *arguments: str, base_url: str = BASE_URL) -> None:
    call_command(
        "demo_data", "--credentials", str(path), "--base-url", base_url, *arguments
    )


def content(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def counts() -> list[int]:
    return [table._default_manager.count() for table in TABLES]


def assert_everybody_can_sign_in(path: Path) -> None:
    told = content(path)
    for name, login in told["users"].items():
        person = User.objects.get(username=login["username"])
        assert (person.username, person.role) == (name, ROLES[name])
        assert person.check_password(login["password"])
    for agent in told["agents"]:
        assert Agent.objects.get(pk=agent["id"]).name == agent["name"]
        assert exchange_credential(agent["client_id"], agent["client_secret"]).access


def test_the_file_has_exactly_the_documented_shape(path):
    run(path)

    told = content(path)
    assert list(told) == ["base_url", "users", "agents"]
    assert told["base_url"] == BASE_URL
    assert list(told["users"]) == [*ROLES]
    keys = {"username", "password"}
    assert [set(one) for one in told["users"].values()] == [keys] * 5
    assert [one["name"] for one in told["agents"]] == ["shopping", "travel", "treasury"]
    keys = {"id", "name", "client_id", "client_secret", "signing_secret"}
    assert [set(one) for one in told["agents"]] == [keys] * 3


def test_only_the_owner_can_read_the_file_and_nothing_else_is_left(path):
    run(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["credentials.json"]


def test_every_password_and_secret_is_long_and_works(path):
    run(path)

    told = content(path)
    passwords = {one["password"] for one in told["users"].values()}
    secrets = {one["client_secret"] for one in told["agents"]}
    assert (len(passwords), len(secrets)) == (5, 3)
    assert min(map(len, passwords | secrets)) >= 20
    assert_everybody_can_sign_in(path)


def test_nothing_is_printed_and_nothing_secret_reaches_the_audit_log(path, capsys):
    run(path)

    assert capsys.readouterr() == ("", "")
    told = content(path)
    log = str(list(AuditEvent.objects.values()))
    assert {agent["client_id"] in log for agent in told["agents"]} == {True}
    secrets = [user["password"] for user in told["users"].values()]
    secrets += [agent["client_secret"] for agent in told["agents"]]
    secrets += [agent["signing_secret"] for agent in told["agents"]]
    assert len(secrets) == len({*secrets}) == 11
    assert [secret for secret in secrets if secret in log] == []


def test_shopping_has_the_example_policy(path):
    run(path)

    policy = PolicyVersion.objects.get(agent__name="shopping")
    assert to_wire(policy.terms) == {
        "currency": "USD",
        "max_transaction_amount": "1000.00",
        "requires_approval_above": "500.00",
        "daily_budget": None,
        "max_transactions_per_hour": None,
        "allowed_merchants": ["Amazon", "Walmart"],
        "blocked_categories": ["gambling", "adult"],
        "allowed_functions": ["search_products", "place_order"],
        "requires_signature": False,
        **SAID_BY_DEFAULT,
    }


def test_the_user_owns_the_agents_that_the_admin_made(path):
    run(path)

    made = Agent.objects.values_list("owner__username", "created_by__username", "mode")
    assert list(made) == [("user", "admin", "live")] * 3
    teams = dict(User.objects.values_list("username", "team__name"))
    assert teams == {
        "admin": None,
        "admin2": None,
        "manager": "Operations",
        "manager2": "Operations",
        "user": "Operations",
    }
    asked = ChangeRequest.objects.values_list("requested_by", "resolved_by", "status")
    assert list(asked) == [("admin", "admin2", "approved")] * 3
    assert PolicyVersion.objects.get(agent__name="treasury").requires_signature
    assert PolicyVersion.objects.get(agent__name="travel").terms.currency == "EUR"


def test_functions_contacts_and_reviews_are_there(path):
    run(path)

    functions = Function.objects.values_list("name", "current_version__effect")
    assert dict(functions) == {
        "search_products": "read",
        "place_order": "write",
        "send_itinerary": "send",
    }
    contacts = SecurityContact.objects.values_list("position", "email")
    assert dict(contacts) == {
        "primary": "security@example.com",
        "backup": "security-backup@example.com",
    }
    cadences = set(Review.objects.values_list("cadence", flat=True))
    assert cadences == set(Review.Cadence.values)


def test_a_second_run_changes_nothing(path):
    run(path)
    before, told = counts(), path.read_bytes()

    run(path)

    assert (counts(), path.read_bytes()) == (before, told)


def test_a_second_run_keeps_what_people_have_changed(path):
    run(path)
    admin = User.objects.get(username="admin")
    shopping = Agent.objects.get(name="shopping")
    update_agent(shopping.pk, name="buyer", is_active=False, acting=admin)
    before = counts()

    run(path)

    assert counts() == before
    assert list(Agent.objects.filter(is_active=False)) == [shopping]


def test_a_new_address_is_told_and_nothing_else_changes(path):
    run(path)
    before, told = counts(), content(path)

    run(path, base_url="http://127.0.0.1:9000")

    assert counts() == before
    assert content(path) == told | {"base_url": "http://127.0.0.1:9000"}


def test_admin_only_makes_one_administrator(path):
    run(path, "--admin-only")

    assert list(User.objects.values_list("username", "role")) == [("admin", "admin")]
    assert Agent.objects.count() == Function.objects.count() == 0
    assert list(content(path)["users"]) == ["admin"]
    assert content(path)["agents"] == []
    assert_everybody_can_sign_in(path)


def test_c16_the_passwords_last_unless_told_otherwise(path, tmp_path):
    run(path)
    assert not User.objects.exclude(first_password_ends_at=None).exists()


def test_c16_first_passwords_end_within_a_day(path):
    run(path, "--admin-only", "--first-passwords")

    ends_at = User.objects.get().first_password_ends_at
    assert ends_at is not None
    assert timedelta(hours=23) < ends_at - timezone.now() <= timedelta(days=1)


def test_the_demo_can_be_added_to_an_administrator(path):
    run(path, "--admin-only")
    admin = content(path)["users"]["admin"]

    run(path)

    assert content(path)["users"]["admin"] == admin
    assert len(content(path)["agents"]) == 3
    assert_everybody_can_sign_in(path)


def test_admin_only_takes_nothing_away_from_the_demo(path):
    run(path)
    before, told = counts(), path.read_bytes()

    run(path, "--admin-only")

    assert (counts(), path.read_bytes()) == (before, told)


def test_a_lost_file_is_said_and_nobody_is_reset(path, capsys):
    run(path)
    before = counts()
    hashes = list(User.objects.values_list("password", flat=True))
    path.unlink()

    run(path)

    assert counts() == before
    assert list(User.objects.values_list("password", flat=True)) == hashes
    assert content(path) == {"base_url": BASE_URL, "users": {}, "agents": []}
    assert "manage.py changepassword" in capsys.readouterr().err


def test_a_platform_with_people_of_its_own_gets_no_demo(path, capsys):
    make_person("zoe", "admin")

    run(path)

    assert list(User.objects.values_list("username", flat=True)) == ["zoe"]
    assert "changepassword" in capsys.readouterr().err


def test_an_old_file_beside_an_empty_database_makes_the_same_people_again(path):
    login = Login("admin", "a password from before the loss")
    save_credentials(path, Credentials(BASE_URL, {"admin": login}))

    run(path)

    assert content(path)["users"]["admin"]["password"] == login.password
    assert len(content(path)["agents"]) == 3
    assert_everybody_can_sign_in(path)


def test_an_unreadable_file_is_refused_and_kept(path):
    path.write_text("{", encoding="utf-8")

    with pytest.raises(CommandError, match="is not JSON"):
        run(path)

    assert path.read_text(encoding="utf-8") == "{"
    assert User.objects.count() == 0


class Killed(BaseException):
    """What no handler of ours may catch, as SIGKILL."""


# How often a first run takes each step.
STEPS = {
    "save_credentials": 9,  # Five people, the administrator again, three agents.
    "create_team": 1,
    "create_user": 5,
    "set_contact": 2,
    "open_due_reviews": 1,
    "move_durably": 1,
    "create_agent": 3,
    "set_policy": 3,
    "approve_change": 3,
    "issue_credential": 3,
    "register_function": 3,
}


def crash_points() -> Iterator[tuple[str, int, bool]]:
    """Every step, at its first, second and last call, just before or just after it."""
    for step, calls in STEPS.items():
        for call in sorted({1, min(2, calls), calls}):
            for after in (False, True):
                yield step, call, after


def test_a_first_run_takes_each_step_so_often(path, monkeypatch):
    taken = {step: kill_at(monkeypatch, step, None, after=True) for step in STEPS}

    run(path)

    assert {step: len(calls) for step, calls in taken.items()} == STEPS


@pytest.mark.parametrize(("step", "call", "after"), list(crash_points()))
def test_a_crash_anywhere_locks_nobody_out(path, monkeypatch, step, call, after):
    with monkeypatch.context() as patched:
        calls = kill_at(patched, step, call, after=after)
        with pytest.raises(Killed):
            run(path)
    assert len(calls) == call
    assert path.exists() is ((step, after) == ("move_durably", True))
    run(path)

    assert (len(content(path)["users"]), len(content(path)["agents"])) == (5, 3)
    assert os.listdir(path.parent) == ["credentials.json"]
    assert_everybody_can_sign_in(path)
    live = AgentCredential.objects.filter(revoked_at=None)
    assert sorted(live.values_list("pk", flat=True)) == sorted(
        agent["client_id"] for agent in content(path)["agents"]
    )
    assert (User.objects.count(), Function.objects.count()) == (5, 3)
    assert set(PolicyVersion.objects.values_list("number", flat=True)) == {1}


def kill_at(
    patched: pytest.MonkeyPatch, step: str, call: int | None, *, after: bool
) -> list[str]:
    """Die at a call of a step, or never; return the list of its calls, as it grows."""
    original, calls = getattr(demo, step), list[str]()

    def dying(*args: Any, **kwargs: Any) -> Any:
        calls.append(step)
        if len(calls) == call and not after:
            raise Killed
        result = original(*args, **kwargs)
        if len(calls) == call:
            raise Killed
        return result

    patched.setattr(demo, step, dying)
    return calls

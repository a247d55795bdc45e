"""Stored decisions come out the same from their records; forged ones do not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from agents.models import PolicyVersion
from audit.base.context import System
from audit.models import AuditEvent
from audit.services.recording import record
from security.alerts.models import Alert
from security.alerts.services import check_alerts
from tests.factories import make_agent_token, make_function
from tests.flows.requests import app_rows, problem
from tests.spending import call, events_since, everything, spend
from tests.transactions.varied import make_varied
from transactions.decisions.core.reasons import MESSAGES
from transactions.decisions.core.record import ENGINE_VERSION, record_digest
from transactions.decisions.models import Decision
from transactions.decisions.queries.records import record_of
from transactions.evidence.queries.replays import replay_of, replays

URL = "/api/v1/transactions/"

pytestmark = pytest.mark.usefixtures("spacious_limits")


def decision_of(body) -> Decision:
    return Decision.objects.get(transaction_id=body["id"])


def forge(row: Decision, **values) -> None:
    """Change a decision as only the owner of the tables can."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE transactions_decision DISABLE TRIGGER USER")
        Decision.objects.filter(pk=row.pk).update(**values)
        cursor.execute("ALTER TABLE transactions_decision ENABLE TRIGGER USER")


@pytest.mark.parametrize("amount", ["49.99", "750.00", "1000.01"])
def test_the_log_tells_the_digest_of_the_whole_record(agent, amount):
    body = spend(agent, amount, description="\u00c4pfel \U0001f34e").body

    row = decision_of(body)
    event = AuditEvent.objects.get(action="transaction.decided", target_id=body["id"])
    assert row.engine_version == ENGINE_VERSION
    assert row.digest == record_digest(record_of(row)) == event.details["digest"]


def test_a_call_has_a_digest_too_and_comes_out_the_same(agent, people, give_policy):
    make_function(acting=people.alice)
    give_policy(agent, allowed_functions=["transfer"])
    for parameters in ({"iban": "x", "amount": 1}, {}):
        call(agent, parameters=parameters)

    rows = list(Decision.objects.exclude(function_call=None).order_by("pk"))
    assert [row.outcome for row in rows] == ["allow", "deny"]
    assert [replay_of(row).matches for row in rows] == [True, True]
    told = AuditEvent.objects.filter(action="function_call.decided")
    assert {event.details["digest"] for event in told} == {row.digest for row in rows}


def test_j16_hundreds_of_decisions_of_every_kind_come_out_the_same(
    people, give_policy, capsys
):
    make_varied(400, people, give_policy)

    call_command("replay_decisions")

    assert capsys.readouterr().out == (
        "400 of 400 decisions were reproduced bit for bit.\n"
    )
    codes = {
        finding["code"]
        for findings in Decision.objects.values_list("findings", flat=True)
        for finding in findings
    }
    # Whatever is left out is in tests/transactions/core/test_replay.py.
    assert set(MESSAGES) - codes <= NOT_MET
    outcomes = Decision.objects.values_list("outcome", flat=True)
    assert set(outcomes) == {"allow", "hold", "deny"}


NOT_MET = {
    *("owner_inactive", "agent_inactive", "credential_revoked", "risk_high"),
    *("function_disabled", "check_failed", "too_many_waiting", "risk_elevated"),
    "shared_budget_exceeded",
    # tests/flows/test_closed_sets.py
    *("category_unknown", "category_taken_as_other"),
}


def test_the_command_takes_the_newest_and_batches_cost_the_same(
    agent, capsys, monkeypatch, django_assert_num_queries
):
    for _ in range(7):
        spend(agent, "1.00")
    newest = list(Decision.objects.order_by("-pk").values_list("pk", flat=True))
    monkeypatch.setattr("transactions.evidence.queries.replays.BATCH", 3)

    # Three batches of decisions and of their events, one policy, and the end.
    with django_assert_num_queries(8):
        assert [each.record.id for each in replays()] == newest
    assert [each.record.id for each in replays(4)] == newest[:4]

    call_command("replay_decisions", "--limit", "4")
    assert capsys.readouterr().out.startswith("4 of 4 decisions")
    with pytest.raises(CommandError):
        call_command("replay_decisions", "--limit", "0")


def test_nothing_decided_is_nothing_wrong(people, capsys):
    call_command("replay_decisions")

    assert capsys.readouterr().out.startswith("0 of 0 decisions")


FORGERIES = [
    ({"outcome": "allow"}, ["outcome", "digest"]),
    ({"findings": []}, ["findings", "digest"]),
    ({"risk_bp": 1}, ["risk_bp", "digest"]),
    ({"risk_factors_bp": {}}, ["risk_factors_bp", "digest"]),
    (
        {"inputs": {}},
        [
            *("policy_digest", "outcome", "findings", "risk_bp", "risk_factors_bp"),
            "digest",
        ],
    ),
    ({"digest": "0" * 64}, ["digest", "logged_digest"]),
    ({"digest": "", "engine_version": None}, ["logged_digest"]),
    ({"engine_version": ENGINE_VERSION + 1}, ["digest"]),
    (
        {"policy_version": None},
        ["policy_digest", "findings", "risk_bp", "risk_factors_bp", "digest"],
    ),
]


@pytest.mark.parametrize(("forgery", "differences"), FORGERIES)
def test_j16_a_forged_record_is_named(
    agent, people, client_for, as_owner, capsys, forgery, differences
):
    honest, forged = spend(agent, "1.00").body, spend(agent, "1000.01").body
    forge(decision_of(forged), **forgery)

    with pytest.raises(CommandError) as refused:
        call_command("replay_decisions")

    assert refused.value.returncode == 1
    row = decision_of(forged)
    [line, count] = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{row.pk} ({forged['id']}): ")
    assert sorted(line.partition(": ")[2].split(", ")) == sorted(differences)
    assert count == "1 of 2 decisions were reproduced bit for bit."
    body = client_for(people.bob).post(f"{URL}{forged['id']}/replay/").json()
    assert body["matches"] is False
    assert sorted(body["differences"]) == sorted(differences)
    told = AuditEvent.objects.filter(action="decision.replayed", target_id=row.pk)
    assert [
        (event.actor_kind, event.outcome, event.details["matches"])
        for event in told.order_by("id")
    ] == [("system", "failure", False), ("user", "failure", False)]
    assert client_for(people.bob).post(f"{URL}{honest['id']}/replay/").json()["matches"]


@pytest.mark.parametrize("how", ["command", "person"])
def test_j16_a_record_that_comes_out_otherwise_raises_an_alert(
    agent, people, client_for, as_owner, how
):
    manager = client_for(people.bob)
    honest, forged = spend(agent, "1.00").body, spend(agent, "1000.01").body
    call_command("replay_decisions")
    manager.post(f"{URL}{honest['id']}/replay/")
    check_alerts(now=timezone.now())
    assert not Alert.objects.exists()
    forge(decision_of(forged), outcome="allow")

    if how == "command":
        with pytest.raises(CommandError):
            call_command("replay_decisions")
    else:
        manager.post(f"{URL}{forged['id']}/replay/")
    check_alerts(now=timezone.now())

    alert = Alert.objects.get()
    assert (alert.metric, alert.count) == ("decision_not_reproduced", 1)


@pytest.mark.parametrize("days", [0, 70])
def test_j16_a_record_that_is_forged_with_its_digest_is_given_away_by_the_log(
    agent, as_owner, days
):
    row = decision_of(spend(agent, "1000.01").body)
    row.decided_at -= timedelta(days=days, microseconds=1)
    forge(row, decided_at=row.decided_at, digest=record_digest(record_of(row)))

    result = replay_of(Decision.objects.get(pk=row.pk))

    assert (result.matches, result.differences) == (False, ("logged_digest",))


def test_j16_a_decision_that_the_log_does_not_tell_of_is_named(agent, as_owner):
    row = decision_of(spend(agent, "1000.01").body)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER USER")
        AuditEvent.objects.filter(action="transaction.decided").delete()
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER USER")

    assert replay_of(row).differences == ("logged_digest",)


@pytest.fixture
def retired():
    """Says that a month of two years ago was retired; its beginning."""
    start = (timezone.now() - timedelta(days=730)).replace(day=1)
    details = {
        "from": start.isoformat(),
        "until": (start + timedelta(days=28)).isoformat(),
        "events": 0,
    }
    with transaction.atomic():
        record("audit.retired", details=details, actor=System("tests"))
    return start


def test_j16_a_record_that_is_moved_to_a_retired_month_is_given_away_too(
    agent, as_owner, retired
):
    row = decision_of(spend(agent, "1000.01").body)
    row.decided_at = retired + timedelta(days=1)
    forge(row, decided_at=row.decided_at, digest=record_digest(record_of(row)))

    assert replay_of(Decision.objects.get(pk=row.pk)).differences == ("logged_digest",)


def test_what_a_retirement_explains_is_no_difference(agent, as_owner, retired):
    row = decision_of(spend(agent, "1000.01").body)
    row.decided_at = retired + timedelta(days=1)
    forge(row, decided_at=row.decided_at, digest=record_digest(record_of(row)))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER USER")
        AuditEvent.objects.filter(action="transaction.decided").delete()
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER USER")

    assert replay_of(Decision.objects.get(pk=row.pk)).matches is True


def test_a_policy_changed_in_place_is_named(agent, as_owner):
    row = decision_of(spend(agent, "1000.01").body)
    document = PolicyVersion.objects.get().document
    document["max_transaction_amount_minor"] = 2000_00
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE agents_policyversion DISABLE TRIGGER USER")
        PolicyVersion.objects.update(document=document)
        cursor.execute("ALTER TABLE agents_policyversion ENABLE TRIGGER USER")

    result = replay_of(Decision.objects.get(pk=row.pk))
    assert result.replayed["outcome"] == "hold"
    assert set(result.differences) == {
        *("policy_digest", "outcome", "findings", "risk_bp", "risk_factors_bp")
    }


def test_decisions_from_before_are_told_apart(agent, as_owner, capsys):
    body = spend(agent).body
    forge(decision_of(body), digest="", engine_version=None)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_auditevent SET details = details - 'digest'")
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER USER")

    call_command("replay_decisions")

    assert capsys.readouterr().out.splitlines() == [
        "0 of 1 decisions were reproduced bit for bit.",
        "1 were made by an engine other than version 2 or 3 and were "
        "not derived again.",
    ]


def test_j16_a_person_has_a_decision_derived_anew(
    agent, people, client_for, give_policy
):
    transaction_id = spend(agent, "750.00", merchant="Target").body["id"]
    row = decision_of({"id": transaction_id})
    give_policy(agent, allowed_merchants=None, requires_approval_above="800.00")
    manager = client_for(people.bob)
    before = everything()

    answer = manager.post(f"{URL}{transaction_id}/replay/")

    assert answer.status_code == 200
    body = answer.json()
    recorded = {
        "outcome": "deny",
        "findings": row.findings,
        "risk_bp": row.risk_bp,
        "risk_factors_bp": row.risk_factors_bp,
        "policy_digest": row.inputs["policy_digest"],
        "digest": row.digest,
        "logged_digest": row.digest,
    }
    assert body == {
        "transaction": transaction_id,
        "matches": True,
        "differences": [],
        "engine_version": dict.fromkeys(("recorded", "present"), ENGINE_VERSION),
        "recorded": recorded,
        "replayed": recorded,
        "today": {
            "policy_version": 2,
            "outcome": "allow",
            "reasons": [
                {
                    "code": "allowed_by_policy",
                    "message": MESSAGES["allowed_by_policy"],
                }
            ],
            "rules": [
                {
                    "check": "amount",
                    "code": "amount_requires_approval",
                    "recorded": "hold",
                    "today": None,
                },
                {
                    "check": "merchant",
                    "code": "merchant_not_allowed",
                    "recorded": "deny",
                    "today": None,
                },
                {
                    "check": "policy",
                    "code": "allowed_by_policy",
                    "recorded": None,
                    "today": "allow",
                },
            ],
        },
    }
    [event] = events_since(before["AuditEvent"])
    assert (event.action, event.outcome) == ("decision.replayed", "success")
    assert (event.actor_id, event.owner_id) == (people.bob.pk, agent.owner_id)
    assert event.target_id == row.pk
    assert event.details == {
        "transaction": transaction_id,
        "matches": True,
        "differences": [],
    }
    assert {**everything(), "AuditEvent": 0} == {**before, "AuditEvent": 0}


def test_c2_nobody_else_has(agent, people, client_for, api):
    transaction_id = spend(agent).body["id"]
    path = f"{URL}{transaction_id}/replay/"
    token = make_agent_token(agent, acting=people.alice)
    before = app_rows()

    for person in (people.dave, people.eve):
        problem(client_for(person).post(path), 404, "not_found")
    problem(api(token=token).post(path), 403, "permission_denied")
    assert api().post(path).status_code == 401
    problem(client_for(people.bob).post(f"{path}?x=1"), 400, "invalid_request")
    assert client_for(people.bob).get(path).status_code == 405

    assert app_rows() == before
    assert not AuditEvent.objects.filter(action="decision.replayed").exists()


def test_without_a_policy_today_denies(agent, people, client_for):
    transaction_id = spend(agent).body["id"]
    agent.policy_version = None
    agent.save(update_fields=["policy_version"])

    today = (
        client_for(people.bob).post(f"{URL}{transaction_id}/replay/").json()["today"]
    )

    assert (today["policy_version"], today["outcome"]) == (None, "deny")
    assert [reason["code"] for reason in today["reasons"]] == ["no_policy"]

"""Any steps in any order: the platform does what the model says, and all adds up."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from agents.policy.core.draft import parse_terms
from security.changes.models import ChangeRequest
from security.changes.services import approve_change
from tests.factories import SEED_POLICY, give_terms, make_agent
from tests.people import make_people, make_person
from tests.spending import approve, deny, make_due, principal_of, spend
from tests.transactions.money_model import Asked, Bound, Model, Shared, money_codes
from tests.transactions.moving import OPERATIONS
from transactions import errors
from transactions.approvals.models import ApprovalRequest
from transactions.approvals.services.times import expire_due_approvals
from transactions.budgets.models import Reservation
from transactions.budgets.services import shared_budgets
from transactions.money.queries import money_faults
from transactions.money.services import late_captures
from transactions.spending.models import Transaction
from transactions.spending.services.lifecycle import cancel, expire_due_authorizations

# Where it is about noon, so that no day ends during a run.
HOURS = 12 - datetime.now(UTC).hour
ZONES = [f"Etc/GMT{-hours:+d}" for hours in (HOURS, HOURS + 1)]
HELD = ("authorized", "partially_captured")
AMOUNTS = st.integers(1_00, 120_00) | st.integers(1_00, 400_00)
LIMITS = st.lists(
    st.sampled_from(
        [
            {"period": "day"},
            {"period": "day", "window": "rolling"},
            {"period": "month", "per": "merchant"},
            {"period": "month", "per": "merchant", "name": "Amazon"},
            {"period": "all_time", "per": "category", "name": "books"},
            {"period": "day", "window": "rolling", "per": "category"},
            {"period": "day", "window": "rolling", "per": "category", "name": "books"},
        ]
    ),
    unique_by=str,
    max_size=4,
)
CAPS = st.tuples(st.integers(300_00, 3000_00), st.none() | st.integers(2, 9))


def major(minor):
    return f"{minor // 100}.{minor % 100:02}"


def where(*statuses):
    """Take a step only where a transaction is in one of some states."""
    return precondition(
        lambda self: any(each.status in statuses for each in self.model.asked.values())
    )


class Money(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        undo: Any = transaction.atomic()
        undo._from_testcase = True  # So that services may be durable in it.
        undo.__enter__()
        self.undo = undo
        self.people = make_people()
        self.approver = make_person("frank", User.Role.ADMIN)
        self.model, self.agents, self.keys = Model(), {}, iter(range(10**6))
        for owner in (self.people.carol, self.people.bob, self.people.eve):
            agent = make_agent(owner, acting=self.people.alice, name=owner.username)
            self.agents[agent.pk] = agent
            self.model.teams[agent.pk] = owner.team_id
            self.limit(agent, [], (0, None))

    def teardown(self):
        if hasattr(self, "undo"):
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)

    def limit(self, agent, chosen, cap):
        """Put limits in force: the same count, half the amount where one has a name."""
        amount, count = cap
        counts = {} if count is None else {"count": count}
        amounts = [amount // 2 if each.get("name") else amount for each in chosen]
        limits = [
            {**each, "amount": major(minor), **counts}
            for each, minor in zip(chosen, amounts, strict=True)
        ]
        terms = {
            **SEED_POLICY,
            "allowed_merchants": None,
            "requires_approval_above": "100.00",
            "time_zone": ZONES[0],
            "limits": limits,
        }
        give_terms(agent, parse_terms(terms), acting=self.people.alice)
        agent.refresh_from_db()
        bounds = [
            Bound(minor, count, each.get("per", ""), each.get("name", "").lower())
            for each, minor in zip(chosen, amounts, strict=True)
        ]
        for bound in bounds:
            bound.bases = self.model.held_now(bound, agent=agent.pk)
        self.model.bounds[agent.pk] = bounds

    def choose(self, data, *statuses):
        """Return a transaction in one of some states."""
        found = [each for each in self.model.asked.values() if each.status in statuses]
        return data.draw(st.sampled_from(found))

    def act(self, operation, asked, **values):
        return OPERATIONS[operation](
            asked.id,
            acting=principal_of(self.agents[asked.agent]),
            idempotency_key=f"{operation}-{next(self.keys)}",
            **values,
        )

    def approval(self, asked):
        return ApprovalRequest.objects.get(transaction_id=asked.id)

    @rule(data=st.data(), amount=AMOUNTS, merchant=st.sampled_from(["Amazon", "Zoo"]))
    def ask(self, data, amount, merchant):
        self._ask(data, amount, merchant)

    def _ask(self, data, amount, merchant):
        pk = data.draw(st.sampled_from(sorted(self.agents)))
        category = data.draw(st.sampled_from(["books", "toys"]))
        new = Asked("", pk, merchant, category, amount, "", self.model.applying(pk))
        objections = self.model.objections(new, total=amount)

        body = spend(
            self.agents[pk],
            major(amount),
            merchant=merchant,
            category=category,
            key=f"ask-{next(self.keys)}",
        ).body

        codes = [reason["code"] for reason in body["reasons"]]
        assert money_codes(codes) == objections
        assert body["outcome"] == "deny" or not objections
        assert body["outcome"] != "allow" or amount <= 100_00
        if body["outcome"] != "deny":
            new.id, new.status = body["id"], body["status"]
            self.model.asked[new.id] = new

    @precondition(lambda self: len(self.model.asked) < 9)
    @rule(data=st.data(), amount=AMOUNTS, merchant=st.sampled_from(["Amazon", "Zoo"]))
    def ask_while_there_is_little(self, data, amount, merchant):
        self._ask(data, amount, merchant)

    @where("pending_approval")
    @rule(data=st.data())
    def approve(self, data):
        asked = self.choose(data, "pending_approval")
        objections = self.model.objections(asked, total=asked.amount)
        try:
            approve(self.approval(asked), self.approver)
        except errors.StillRefused as refusal:
            codes = {reason["code"] for reason in refusal.reasons}
            assert money_codes(codes) == objections
        else:
            assert not objections
            asked.status = "authorized"

    @where("pending_approval")
    @rule(data=st.data(), way=st.sampled_from(["deny", "cancel", "time"]))
    def end_waiting(self, data, way):
        asked = self.choose(data, "pending_approval")
        if way == "deny":
            deny(self.approval(asked), self.approver)
            asked.end("declined")
        elif way == "cancel":
            acting = principal_of(self.agents[asked.agent])
            cancel(asked.id, acting=acting)
            asked.end("canceled")
        else:
            make_due(self.approval(asked))
            assert expire_due_approvals(now=timezone.now()) == 1
            asked.end("expired")
            asked.is_authorized = False

    @where(*HELD)
    @rule(data=st.data(), part=st.none() | AMOUNTS, is_final=st.booleans())
    def capture(self, data, part, is_final):
        asked = self.choose(data, *HELD)
        amount = None if part is None else major(part)
        if part is not None and part > asked.outstanding:
            with pytest.raises(errors.AmountTooLarge):
                self.act("capture", asked, amount=amount, is_final=is_final)
            return
        self.act("capture", asked, amount=amount, is_final=is_final)
        asked.captured += asked.outstanding if part is None else part
        if is_final or not asked.outstanding:
            asked.end("captured")
        else:
            asked.status = "partially_captured"

    @where(*HELD)
    @rule(data=st.data())
    def void(self, data):
        asked = self.choose(data, *HELD)
        self.act("void", asked)
        asked.end("voided")

    @where(*HELD)
    @rule(data=st.data())
    def expire(self, data):
        asked = self.choose(data, *HELD)
        ended = timezone.now() - timedelta(seconds=1)
        Transaction.objects.filter(pk=asked.id).update(expires_at=ended)
        if data.draw(st.booleans()):
            assert expire_due_authorizations(now=timezone.now()) == 1
        else:
            with pytest.raises(errors.AuthorizationExpired):
                self.act("void", asked)
        asked.end("expired")

    @where(*HELD)
    @rule(data=st.data(), amount=AMOUNTS)
    def increment(self, data, amount):
        asked = self.choose(data, *HELD)
        objections = self.model.objections(asked, total=asked.counted + amount)
        try:
            self.act("increment", asked, amount=major(amount))
        except errors.IncrementRefused as refusal:
            codes = {reason["code"] for reason in refusal.reasons}
            assert money_codes(codes) == objections
        else:
            assert not objections
            assert asked.counted + amount <= 100_00
            asked.amount += amount

    @where(*HELD, "captured")
    @rule(data=st.data(), amount=AMOUNTS)
    def refund(self, data, amount):
        asked = self.choose(data, *HELD, "captured")
        left = asked.taken - asked.refunded
        refused = (
            pytest.raises(errors.InvalidState if not left else errors.AmountTooLarge)
            if amount > left
            else contextlib.nullcontext()
        )
        with refused:
            self.act("refund", asked, amount=major(amount), reason="")
            asked.refunded += amount

    @where("voided", "expired", "captured")
    @rule(data=st.data(), amount=AMOUNTS)
    def late_capture(self, data, amount):
        asked = self.choose(data, "voided", "expired", "captured")
        reference = f"late-{next(self.keys)}"
        outcome = late_captures.report_late_capture(
            asked.id,
            amount=major(amount),
            reference=reference,
            acting=self.people.alice,
        )
        authorized = asked.amount if asked.is_authorized else 0
        is_alone = asked.taken + amount <= authorized
        assert isinstance(outcome, Transaction if is_alone else ChangeRequest)
        if not is_alone:
            approve_change(outcome.pk, acting=self.approver)
        asked.late += amount
        asked.status = "captured"
        asked.references[reference] = amount

    @precondition(
        lambda self: any(each.references for each in self.model.asked.values())
    )
    @rule(data=st.data())
    def reverse(self, data):
        found = [each for each in self.model.asked.values() if each.references]
        asked = data.draw(st.sampled_from(found))
        reference = data.draw(st.sampled_from(sorted(asked.references)))
        amount = asked.references[reference]
        refused = (
            pytest.raises(errors.InvalidState)
            if asked.taken - amount < asked.refunded
            else contextlib.nullcontext()
        )
        with refused:
            change = late_captures.reverse_late_capture(
                asked.id, reference=reference, reason="Wrong.", acting=self.people.alice
            )
            approve_change(change.pk, acting=self.approver)
            asked.wrong += asked.references.pop(reference)

    @precondition(lambda self: self.model.asked)
    @rule(data=st.data(), chosen=LIMITS, cap=CAPS)
    def change_policy(self, data, chosen, cap):
        self.limit(
            self.agents[data.draw(st.sampled_from(sorted(self.agents)))], chosen, cap
        )

    @rule(
        is_team=st.booleans(),
        period=st.sampled_from(["day", "all_time"]),
        amount=st.integers(300_00, 4000_00),
        is_active=st.sampled_from([True, True, False]),
        zone=st.sampled_from(ZONES),
    )
    def change_shared_budget(self, is_team, period, amount, is_active, zone):
        team = self.people.north.pk if is_team else None
        terms = shared_budgets.SharedBudgetTerms(
            team_id=team,
            currency="USD",
            period=period,
            limit_minor=amount,
            time_zone=zone,
            is_active=is_active,
        )
        outcome = shared_budgets.set_shared_budget(terms, acting=self.people.alice)
        waits = isinstance(outcome, ChangeRequest)
        if waits:
            approve_change(outcome.pk, acting=self.approver)
        key = outcome.target_id if waits else outcome.pk
        old = self.model.shared.get(key)
        assert waits == bool(
            old
            and old.is_active
            and (not is_active or amount > old.amount or zone != old.zone)
        )
        new = Shared(amount, team=team, zone=zone, is_active=is_active)
        self.model.shared[key] = new
        if is_active and (old is None or not old.is_active or old.zone != zone):
            for asked in self.model.asked.values():
                if team in (None, self.model.teams[asked.agent]):
                    asked.shared.add(key)
        new.bases = self.model.held_now(new, key=key)

    @rule(data=st.data())
    def change_teams(self, data):
        pk = data.draw(st.sampled_from(sorted(self.agents)))
        owner = self.agents[pk].owner
        owner.team = data.draw(st.sampled_from([self.people.north, None]))
        owner.save(update_fields=["team"])
        self.model.teams[pk] = owner.team_id

    @invariant()
    def all_is_as_the_model_says(self):
        rows = Reservation.objects.select_related("transaction")
        assert {
            row.pk: (
                row.transaction.status,
                sorted(row.shared_budgets),
                row.amount_minor,
                row.captured_minor,
                row.released_minor,
                row.late_minor,
                row.reversed_minor,
                row.refunded_minor,
            )
            for row in rows
        } == {
            each.id: (each.status, sorted(each.shared), *each.figures)
            for each in self.model.asked.values()
        }

    @invariant()
    def all_adds_up(self):
        assert list(money_faults()) == []
        assert list(self.model.excesses()) == []


def run(**options):
    run_state_machine_as_test(
        Money,
        settings=settings(
            deadline=None, suppress_health_check=list(HealthCheck), **options
        ),
    )


def test_j1_money_adds_up_after_any_steps_in_any_order(db):
    run(max_examples=8, stateful_step_count=25, derandomize=True, database=None)


@pytest.mark.stress
def test_j1_money_adds_up_after_many_more_steps(db):
    run(max_examples=200, stateful_step_count=60, database=None)

"""Budgets, reservations and the ledger."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.models import Team
from agents.models import Agent
from agents.policy.core.words import spoken_amount
from audit.base.ids import PrefixedIdField
from transactions.budgets.core.ledger import MOVEMENTS, above_minor
from transactions.spending.models import Transaction


class SharedBudget(models.Model):
    """A spending limit of a team or of the organisation per period; live agents only.

    Decisions of all its agents lock this row before they lock their agent's row.
    """

    class Period(models.TextChoices):
        DAY = "day"
        WEEK = "week"
        MONTH = "month"
        ALL_TIME = "all_time"

    id = PrefixedIdField("sbu")
    team = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, help_text="Empty: everybody."
    )
    currency = models.CharField(max_length=3)
    period = models.CharField(max_length=8, choices=Period.choices)
    time_zone = models.CharField(max_length=64, default="UTC")
    limit_minor = models.BigIntegerField()
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["team__name", "currency", "period"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "currency", "period"],
                nulls_distinct=False,
                name="shared_budget_once_per_period",
            ),
            models.CheckConstraint(
                condition=Q(limit_minor__gte=0), name="shared_budget_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.team or 'Organisation'}, {self.get_period_display()}"


class Budget(models.Model):
    """What counts against one limit in one period, or in one step of a rolling one.

    `limit_minor` is the limit at the last reservation; a constraint keeps the sum
    within it under any concurrency. Late captures are counted separately, because no
    limit can stop what has already happened. Their part above the amount set aside
    does not count in shared budgets, but counts in an agent's own.
    """

    id = PrefixedIdField("bud")
    holder = models.CharField(
        max_length=40, help_text="An agent's or a shared budget's id."
    )
    currency = models.CharField(max_length=3)
    scope = models.CharField(
        max_length=220, help_text="agent, merchant:key, category:name or shared."
    )
    window = models.CharField(max_length=20, help_text="Such as calendar_day.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, help_text="Empty: never.")
    limit_minor = models.BigIntegerField(null=True)
    limit_count = models.PositiveIntegerField(null=True)
    reserved_minor = models.BigIntegerField(default=0)
    posted_minor = models.BigIntegerField(default=0)
    late_minor = models.BigIntegerField(default=0)
    late_above_minor = models.BigIntegerField(
        default=0, help_text="Of what was taken late, above what was set aside."
    )
    count = models.PositiveIntegerField(default=0)
    counted_under = models.CharField(
        max_length=40,
        blank=True,
        help_text="The agent's policy version; under another it is counted anew.",
    )

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["holder", "currency", "scope", "window", "starts_at"],
                name="one_budget_per_window",
            ),
            models.CheckConstraint(
                condition=Q(
                    reserved_minor__gte=0,
                    posted_minor__gte=0,
                    late_minor__gte=F("late_above_minor"),
                    late_above_minor__gte=0,
                ),
                name="budget_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(limit_minor=None)
                | Q(limit_minor__gte=F("reserved_minor") + F("posted_minor")),
                name="budget_within_limit",
            ),
            models.CheckConstraint(
                condition=Q(limit_count=None) | Q(limit_count__gte=F("count")),
                name="budget_within_count",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holder} {self.scope} {self.window} {self.starts_at:%Y-%m-%d}"


class Reservation(models.Model):
    """Money set aside for one transaction, and what happened to it.

    `amount_minor` is the total ever set aside, increments included; the part neither
    captured nor released is still reserved. No column ever decreases.
    """

    transaction = models.OneToOneField(
        Transaction, models.PROTECT, primary_key=True, related_name="reservation"
    )
    # An array instead of a table: written with the decision, and never searched.
    shared_budgets = ArrayField(
        models.CharField(max_length=40), default=list, help_text="It counts in these."
    )
    amount_minor = models.BigIntegerField()
    captured_minor = models.BigIntegerField(default=0)
    released_minor = models.BigIntegerField(default=0)
    late_minor = models.BigIntegerField(default=0, help_text="Captured afterwards.")
    reversed_minor = models.BigIntegerField(
        default=0, help_text="Of what was captured afterwards, reported wrongly."
    )
    refunded_minor = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    just_below_minute = models.DateTimeField(
        null=True,
        help_text="In which minute of its agent's activity the amount counts as just "
        "below the approval limit; empty: in none.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    amount_minor__gt=0,
                    captured_minor__gte=0,
                    released_minor__gte=0,
                    late_minor__gte=F("reversed_minor"),
                    reversed_minor__gte=0,
                    refunded_minor__gte=0,
                ),
                name="reservation_positive",
            ),
            models.CheckConstraint(
                condition=Q(
                    amount_minor__gte=F("captured_minor") + F("released_minor")
                ),
                name="reservation_resolves_once",
            ),
            models.CheckConstraint(
                condition=Q(
                    refunded_minor__lte=F("captured_minor")
                    + F("late_minor")
                    - F("reversed_minor")
                ),
                name="refunds_within_captures",
            ),
            models.CheckConstraint(
                condition=Q(
                    resolved_at=None,
                    amount_minor__gt=F("captured_minor") + F("released_minor"),
                )
                | Q(
                    resolved_at__isnull=False,
                    amount_minor=F("captured_minor") + F("released_minor"),
                ),
                name="reservation_resolved_with_its_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Set aside for {self.transaction_id}"

    @property
    def outstanding_minor(self) -> int:
        """The amount that is still set aside."""
        return self.amount_minor - self.captured_minor - self.released_minor

    @property
    def counted_minor(self) -> int:
        """The amount that counts against limits: all that was not given back."""
        return self.amount_minor - self.released_minor

    @property
    def taken_minor(self) -> int:
        """The amount that the merchant received, before refunds."""
        return self.captured_minor + self.late_minor - self.reversed_minor

    @property
    def above_minor(self) -> int:
        """The amount that the merchant received above the amount set aside."""
        return above_minor(
            set_aside_minor=self.amount_minor, taken_minor=self.taken_minor
        )


class LedgerEntry(models.Model):
    """One movement of money between two accounts of an agent. Append-only by trigger.

    Double entry in one row: the amount leaves `credit` and enters `debit`, so every
    entry is balanced.
    """

    class Account(models.TextChoices):
        AVAILABLE = "available", "Available: what limits permit"
        RESERVED = "reserved", "Reserved: set aside, not yet taken"
        CAPTURED = "captured", "Captured: taken by merchants"
        REFUNDED = "refunded", "Refunded: given back by merchants"

    class Kind(models.TextChoices):
        RESERVE = "reserve"
        INCREMENT = "increment"
        RELEASE = "release"
        CAPTURE = "capture"
        LATE_CAPTURE = "late_capture"
        REVERSAL = "reversal"
        REFUND = "refund"

    transaction = models.ForeignKey(
        Transaction, models.PROTECT, related_name="ledger_entries"
    )
    agent = models.ForeignKey(Agent, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    credit = models.CharField(max_length=9, choices=Account.choices)
    debit = models.CharField(max_length=9, choices=Account.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "ledger entries"
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="ledger_amount_positive"
            ),
            models.CheckConstraint(
                condition=reduce(
                    or_,
                    (
                        Q(kind=kind, credit=credit, debit=debit)
                        for kind, (credit, debit) in MOVEMENTS.items()
                    ),
                ),
                name="ledger_kind_between_its_accounts",
            ),
        ]

    def __str__(self) -> str:
        amount = spoken_amount(self.amount_minor, self.currency)
        return f"{self.kind} {amount} for {self.transaction_id}"

"""Countries, category codes and hours: exactly where each begins and ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.mcc import GROUPS
from agents.policy.core.hours import Hours
from agents.policy.core.limits import Limit, Per, Period
from tests.transactions.core.cases import THRESHOLDS, facts, policy, spending
from tests.transactions.core.test_decision import ALLOW, DENY, judge
from transactions.decisions.core.facts import Spent
from transactions.spending.core.decision import decide, recheck

OFFICE = (Hours(("mon", "tue", "wed", "thu", "fri"), 8 * 60, 18 * 60),)
NIGHT = (Hours(("sun",), 2 * 60, 3 * 60),)


def at(text: str):
    return facts(now=datetime.fromisoformat(text).astimezone(UTC))


def codes_at(text: str, **terms):
    return judge(at(text), policy(**terms))[1]


@pytest.mark.parametrize(
    ("country", "allowed", "blocked", "codes"),
    [
        ("DE", None, (), ["allowed_by_policy"]),
        ("", None, (), ["allowed_by_policy"]),
        ("DE", ("DE",), (), ["allowed_by_policy"]),
        ("US", ("DE",), (), ["country_not_allowed"]),
        ("DE", (), (), ["country_not_allowed"]),
        ("DE", None, ("DE",), ["country_blocked"]),
        ("FR", None, ("DE",), ["allowed_by_policy"]),
        ("DE", ("DE",), ("DE",), ["country_blocked"]),
        ("US", ("DE",), ("US",), ["country_not_allowed", "country_blocked"]),
        ("", ("DE",), (), ["country_missing"]),
        ("", (), (), ["country_missing"]),
        ("", None, ("DE",), ["country_missing"]),
    ],
)
def test_countries(country, allowed, blocked, codes):
    rules = policy(
        allowed_countries=None if allowed is None else tuple(allowed),
        blocked_countries=tuple(blocked),
    )

    found = judge(facts(spending(merchant_country=country)), rules)

    assert found == (ALLOW if codes == ["allowed_by_policy"] else DENY, codes)


@pytest.mark.parametrize(
    ("mcc", "blocked", "codes"),
    [
        ("7995", frozenset(), ["allowed_by_policy"]),
        ("", frozenset(), ["allowed_by_policy"]),
        ("7995", GROUPS["gambling"], ["mcc_blocked"]),
        ("5411", GROUPS["gambling"], ["allowed_by_policy"]),
        ("", GROUPS["gambling"], ["mcc_missing"]),
    ],
)
def test_kinds_of_sellers(mcc, blocked, codes):
    found = judge(facts(spending(mcc=mcc)), policy(blocked_mccs=blocked))

    assert found[1] == codes


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2025-03-03T07:59:59.999999+01:00", False),  # A Monday.
        ("2025-03-03T08:00:00+01:00", True),
        ("2025-03-03T17:59:59.999999+01:00", True),
        ("2025-03-03T18:00:00+01:00", False),
        ("2025-03-07T12:00:00+01:00", True),
        ("2025-03-08T12:00:00+01:00", False),
        ("2025-03-09T23:30:00+00:00", False),  # Monday 00:30 in Berlin.
    ],
)
def test_hours_begin_with_their_first_minute_and_end_before_the_last(now, is_open):
    codes = codes_at(now, allowed_hours=OFFICE, time_zone="Europe/Berlin")

    assert codes == ["allowed_by_policy" if is_open else "outside_hours"]


@pytest.mark.parametrize(
    ("instant", "is_open"),
    [
        # Clocks go back at 03:00 on 2025-10-26: 02:30 comes twice, both times inside.
        ("2025-10-25T23:59:59+00:00", False),
        ("2025-10-26T00:00:00+00:00", True),
        ("2025-10-26T00:30:00+00:00", True),
        ("2025-10-26T01:30:00+00:00", True),
        ("2025-10-26T01:59:59+00:00", True),
        ("2025-10-26T02:00:00+00:00", False),
        # They go forward at 02:00 on 2025-03-30: 02:30 never comes.
        ("2025-03-30T00:59:59+00:00", False),
        ("2025-03-30T01:00:00+00:00", False),
        ("2025-03-30T01:30:00+00:00", False),
    ],
)
def test_j12_hours_follow_the_clocks_when_those_are_changed(instant, is_open):
    codes = codes_at(instant, allowed_hours=NIGHT, time_zone="Europe/Berlin")

    assert codes == ["allowed_by_policy" if is_open else "outside_hours"]


@given(st.integers(0, 48 * 60), st.integers(1, 240))
def test_j12_a_clock_that_goes_back_opens_only_what_its_hour_opens(minutes, back):
    """The verdict depends on the instant alone, not on the way to it."""
    now = datetime(2025, 10, 25, tzinfo=UTC) + timedelta(minutes=minutes)
    rules = policy(allowed_hours=OFFICE + NIGHT, time_zone="Europe/Berlin")

    first = decide(facts(now=now), rules, THRESHOLDS).outcome
    decide(facts(now=now - timedelta(minutes=back)), rules, THRESHOLDS)

    assert decide(facts(now=now), rules, THRESHOLDS).outcome is first


def test_midnight_belongs_to_the_next_day():
    day = (Hours(("mon",), 0, 24 * 60),)

    assert codes_at("2025-03-02T23:59:59+00:00", allowed_hours=day) == ["outside_hours"]
    assert codes_at("2025-03-03T00:00:00+00:00", allowed_hours=day) == [
        "allowed_by_policy"
    ]
    assert codes_at("2025-03-03T23:59:59+00:00", allowed_hours=day) == [
        "allowed_by_policy"
    ]
    assert codes_at("2025-03-04T00:00:00+00:00", allowed_hours=day) == ["outside_hours"]


def test_j7_any_hour_and_no_hour_are_two_things():
    assert judge(facts(), policy(allowed_hours=None))[0] is ALLOW
    assert judge(facts(), policy(allowed_hours=())) == (DENY, ["outside_hours"])


def test_hours_are_told_by_the_clock_of_the_policy():
    rules = policy(allowed_hours=OFFICE, time_zone="Europe/Berlin")

    verdict = decide(at("2025-03-08T11:05:00+00:00"), rules, THRESHOLDS)

    assert [finding.message for finding in verdict.findings] == [
        "It is Sat 12:05 in Europe/Berlin, outside of the allowed hours."
    ]


@pytest.mark.parametrize("zone", ["Gone/Away", ""])
def test_j8_a_time_zone_that_is_gone_denies(zone):
    rules = policy(allowed_hours=OFFICE, time_zone=zone)

    assert judge(facts(), rules) == (DENY, ["check_failed"])


def test_j8_an_instant_that_no_clock_shows_denies():
    known = facts(now=datetime.max.replace(tzinfo=UTC))
    rules = policy(allowed_hours=OFFICE, time_zone="Asia/Tokyo")

    assert judge(known, rules) == (DENY, ["check_failed"])


def test_a_human_cannot_lift_what_the_reach_keeps_out_but_may_act_at_night():
    known = facts(spending(750_00, merchant_country="US", mcc="7995"))
    rules = policy(
        allowed_countries=("DE",),
        blocked_mccs=GROUPS["gambling"],
        allowed_hours=(),
    )

    assert [finding.code for finding in recheck(known, rules, THRESHOLDS)] == [
        "country_not_allowed",
        "mcc_blocked",
    ]
    anywhere = replace(rules, allowed_countries=None)
    assert [finding.code for finding in recheck(known, anywhere, THRESHOLDS)] == [
        "mcc_blocked"
    ]


STRANGE = facts(
    spending(category="other", unknown_category="zeppelins\u2764"),
    spent=(Spent("category:other", "calendar_day"),),
)
BY_CATEGORY = Limit(period=Period.DAY, per=Per.CATEGORY, count=9)


def test_an_unknown_category_counts_as_other_where_none_is_told_apart():
    verdict = decide(STRANGE, policy(blocked_categories=()), THRESHOLDS)

    assert verdict.outcome is ALLOW
    codes = [finding.code for finding in verdict.reasons]
    assert codes == ["allowed_by_policy", "category_taken_as_other"]
    assert verdict.reasons[1].values == {"category": r"zeppelins\u2764"}


def test_the_note_goes_with_what_another_check_found():
    rules = policy(blocked_categories=(), max_transaction_amount_minor=1)
    verdict = decide(STRANGE, rules, THRESHOLDS)

    assert verdict.outcome is DENY
    codes = [finding.code for finding in verdict.reasons]
    assert codes == ["amount_above_maximum", "category_taken_as_other"]


@pytest.mark.parametrize(
    "terms",
    [
        {"blocked_categories": ("gambling",)},
        {"blocked_categories": (), "limits": (BY_CATEGORY,)},
    ],
)
def test_an_unknown_category_is_denied_where_categories_are_told_apart(terms):
    rules = policy(**terms)

    assert judge(STRANGE, rules)[1] == ["category_unknown"]
    assert [f.code for f in recheck(STRANGE, rules, THRESHOLDS)] == ["category_unknown"]

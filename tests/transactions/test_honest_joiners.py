"""A merchant whose script or emoji needs a joiner is a merchant like any other."""

from __future__ import annotations

import pytest
from django.urls import reverse

from audit.services.saved_filters import save_filter
from tests.audit.test_joiners import DIGIKALA, FAMILY
from tests.browsing import sign_in
from tests.factories import make_agent
from tests.spending import spend
from tests.transactions.scenes import OPEN_POLICY
from transactions.spending.models import Transaction

MERCHANTS = [DIGIKALA, f"{FAMILY} Shop"]


@pytest.mark.parametrize("merchant", MERCHANTS)
def test_e9_it_is_not_held_for_its_joiners(people, merchant):
    agent = make_agent(people.carol, acting=people.alice, policy=OPEN_POLICY)

    assert spend(agent, merchant=merchant).body["outcome"] == "allow"


@pytest.mark.parametrize("merchant", MERCHANTS)
def test_e9_it_can_be_put_on_a_list_and_is_found_in_either_spelling(
    agent, give_policy, merchant
):
    give_policy(agent, allowed_merchants=[merchant])

    other = merchant.replace("\u200c", "").replace("\u200d", "")
    for name, amount in ((merchant, "20.00"), (other, "49.00")):
        assert spend(agent, amount, merchant=name).body["outcome"] == "allow", name
    keys = Transaction.objects.values_list("merchant_key", flat=True).distinct()
    assert keys.order_by().count() == 1


def test_e9_a_joiner_that_nothing_needs_is_denied_beside_a_list(agent):
    body = spend(agent, merchant="Ama\u200dzon").body

    codes = [reason["code"] for reason in body["reasons"]]
    assert (body["outcome"], codes) == (
        "deny",
        ["merchant_not_allowed", "merchant_lookalike"],
    )


def test_e9_a_description_with_needed_joiners_is_not_held(people):
    agent = make_agent(people.carol, acting=people.alice, policy=OPEN_POLICY)
    words = f"{FAMILY} \u0d05\u0d35\u0d28\u0d4d\u200d, {DIGIKALA}"

    assert spend(agent, description=words).body["outcome"] == "allow"


@pytest.mark.usefixtures("spacious_limits")
def test_e9_pages_show_its_name_as_it_is_written(client, people):
    agent = make_agent(
        people.carol, acting=people.alice, name=DIGIKALA, policy=OPEN_POLICY
    )
    spend(agent, merchant=DIGIKALA, amount="750.00", description=FAMILY)
    sign_in(client, people.bob)

    page = client.get(reverse("transactions:approval-queue"))

    text = page.content.decode()
    assert page.status_code == 200
    assert text.count(DIGIKALA) >= 2
    assert "Disguised" not in text
    assert "\u27e6U+" not in text


def test_e9_a_filter_of_the_log_may_have_such_a_name(people):
    saved = save_filter(DIGIKALA, "within=hour", acting=people.alice)

    assert saved.name == DIGIKALA

"""A page per reason code, at an address that stays; reasons in two languages."""

from __future__ import annotations

import gettext
import re
from string import Formatter

import pytest
from django.conf import settings

from agents.policy.core.limits import LIMIT_WORDS
from platform_site.reason_pages import EXAMPLES, explanations
from tests.browsing import sign_in
from tests.spending import held, spend
from tests.transactions.core.test_decision import DENY
from transactions.decisions.core.reasons import MESSAGES, Finding
from transactions.decisions.models import Decision
from transactions.decisions.wording import message_of, reason_language

CATALOGUE = settings.BASE_DIR / "transactions/locale/de/LC_MESSAGES"
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}

pytestmark = pytest.mark.usefixtures("spacious_limits")


def fields_of(text):
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


def test_the_document_explains_every_code_and_no_other():
    assert sorted(explanations()) == sorted(MESSAGES)
    assert "" not in {each.outcome for each in explanations().values()}


@pytest.mark.parametrize("code", MESSAGES)
def test_each_code_has_a_public_page(client, db, code):
    page = client.get(f"/docs/reasons/{code}/")

    assert page.status_code == 200
    text = page.content.decode()
    assert f"<code>{code}</code>" in text
    assert "What to do:" in text
    assert "**" not in text
    assert "`" not in re.sub(r"<head.*</head>", "", text, flags=re.S)


def test_no_page_shows_a_placeholder_in_any_language(client, db):
    pages = ["/docs/reasons/", *(f"/docs/reasons/{code}/" for code in MESSAGES)]

    for headers in ({}, GERMAN):
        for page in pages:
            answer = client.get(page, headers=headers)
            assert answer.status_code == 200
            found = re.findall(r"[^{]{0,40}(?<!/)\{\w*\}", answer.content.decode())
            assert (page, found) == (page, [])


def test_a_page_shows_a_message_as_it_may_read(client, db):
    address = "/docs/reasons/amount_above_maximum/"
    english = client.get(address).content.decode()
    german = client.get(address, headers=GERMAN).content.decode()

    assert "“1,249.00 USD is above the maximum of 1,000.00 USD.”" in english
    assert "“1,249.00 USD liegt über dem Höchstbetrag von 1,000.00 USD.”" in german


def test_every_field_of_a_message_has_an_example():
    named = {name for message in MESSAGES.values() for name in fields_of(message)}

    assert named == {*EXAMPLES}


@pytest.mark.parametrize("code", ["nonsense", "x", "Bad", "..%2f", "a" * 200])
def test_another_code_has_none(client, db, code):
    assert client.get(f"/docs/reasons/{code}/").status_code == 404


def test_the_index_lists_them_in_the_order_of_the_checks(client, db):
    text = client.get("/docs/reasons/").content.decode()

    assert re.findall(r"/docs/reasons/([a-z_]+)/", text) == list(explanations())
    assert "**" not in text


def test_pages_that_show_reasons_link_to_them(client, agent, people):
    approval = held(agent, merchant="Amazon")
    sign_in(client, people.bob)

    for address in (
        f"/approvals/{approval.pk}/",
        f"/transactions/{approval.transaction_id}/",
    ):
        page = client.get(address).content.decode()
        assert 'href="/docs/reasons/amount_requires_approval/"' in page


def test_every_message_is_translated_with_the_same_fields():
    """Add a message to django.po, then `make messages`."""
    with (CATALOGUE / "django.mo").open("rb") as compiled:
        german = gettext.GNUTranslations(compiled)
    source = (CATALOGUE / "django.po").read_text()
    pairs = dict(re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', source, re.M))

    assert sorted(pairs) == sorted({*MESSAGES.values(), *LIMIT_WORDS})
    for english, told in pairs.items():
        assert german.gettext(english) == told != english
        assert fields_of(told) == fields_of(english)


def test_a_page_tells_reasons_in_the_readers_language(client, agent, people):
    approval = held(agent)
    sign_in(client, people.bob)

    page = client.get(f"/approvals/{approval.pk}/", headers=GERMAN).content.decode()

    assert "750.00 USD liegt über 500.00 USD, daher entscheidet ein Mensch." in page
    assert "Why it was held" in page


def test_a_message_that_has_changed_since_is_told_as_it_was():
    now = Finding(
        "amount", "currency_mismatch", DENY, {"policy_currency": "A", "currency": "B"}
    )
    old = now.as_json() | {"message": "Wrong currency."}
    bare = now.as_json() | {"values": {}}
    gone = now.as_json() | {"code": "gone"}

    with reason_language("de"):
        assert message_of(now.as_json()) == "Die Richtlinie gilt in A, nicht in B."
        assert message_of(old) == "Wrong currency."
        assert message_of(bare) == now.message
        assert message_of(gone) == now.message


def test_what_a_limit_is_about_is_told_in_the_readers_language():
    at_one = Finding(
        "amount",
        "count_limit_exceeded",
        DENY,
        {"count": "4", "limit": "3", "period": "at Bücher & Co in a week"},
    )
    in_all = Finding(
        "amount",
        "amount_limit_exceeded",
        DENY,
        {"amount": "5.00 USD", "available": "1.00 USD", "period": "within 24 hours"},
    )

    with reason_language("de"):
        assert message_of(at_one.as_json()) == (
            "4 Transaktionen bei Bücher & Co in einer Woche, erlaubt sind 3."
        )
        assert message_of(in_all.as_json()) == (
            "5.00 USD übersteigt, was innerhalb von 24 Stunden noch ausgegeben werden"
            " darf: 1.00 USD."
        )
    assert message_of(at_one.as_json()) == at_one.message


def test_values_are_never_read_as_a_format(agent):
    spend(agent, merchant="{0.__class__} %n")

    finding = Decision.objects.get().findings[0]

    with reason_language("de"):
        assert message_of(finding) == "{0.__class__} %n ist kein erlaubter Händler."

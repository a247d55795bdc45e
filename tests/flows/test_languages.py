"""Accept-Language changes the messages of reasons, and nothing else."""

from __future__ import annotations

import json

import pytest

from tests.flows.requests import SEED, URL, create
from transactions.decisions.models import Decision, IdempotencyRecord

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}

pytestmark = pytest.mark.usefixtures("spacious_limits")


def test_the_api_tells_messages_in_the_callers_language_and_codes_never(shopper, agent):
    def ask(**headers):
        key = f"key-{len(headers)}-{headers.get('Accept-Language', '')[:2]}"
        headers = {"Idempotency-Key": key} | headers
        return shopper.post(URL, SEED | {"amount": "1000.01"}, headers=headers).json()

    german, english = ask(**GERMAN), ask()

    assert german["reasons"] == [
        {
            "code": "amount_above_maximum",
            "message": "1000.01 USD liegt über dem Höchstbetrag von 1000.00 USD.",
        }
    ]
    assert english["reasons"] == [
        {
            "code": "amount_above_maximum",
            "message": "1000.01 USD is above the maximum of 1000.00 USD.",
        }
    ]
    read = shopper.get(f"{URL}{english['id']}/", headers=GERMAN).json()
    assert read["reasons"] == german["reasons"]
    findings = Decision.objects.get(transaction_id=german["id"]).findings
    assert findings[0]["message"] == english["reasons"][0]["message"]


def test_nothing_else_is_translated(shopper):
    refused = shopper.post(URL, {}, headers={"Idempotency-Key": "k"} | GERMAN).json()

    assert refused["errors"][0]["detail"] == "This field is required."


def test_j2_a_replay_is_the_stored_answer_whatever_language_asks_again(shopper):
    headers = {"Idempotency-Key": "k"}
    first = shopper.post(URL, SEED, headers=headers | GERMAN)

    again = shopper.post(URL, SEED, headers=headers | {"Accept-Language": "en"})

    assert again["Idempotent-Replayed"] == "true"
    assert (
        again.json()
        == first.json()
        == json.loads(IdempotencyRecord.objects.get().response)
    )
    assert "Alle Prüfungen" in again.json()["reasons"][0]["message"]


@pytest.mark.parametrize(
    "languages", ["", "*", "xx", "fr;q=1", "de;q=nonsense", "\u0434\u0435", "x" * 9000]
)
def test_a_language_that_we_do_not_speak_is_english(shopper, languages):
    answer = shopper.get(
        URL, headers={"Accept-Language": languages.encode().decode("latin-1")}
    )

    assert answer.status_code == 200
    created = create(shopper).json()
    assert created["reasons"][0]["message"].startswith("Every check passed")

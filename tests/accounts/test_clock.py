"""B20: a clock that jumps makes no token good that was not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import queries
from accounts.models import Session, User
from accounts.services.second_factors import CODE_REMEMBERED
from accounts.services.sessions import TokenPair, revoke_session
from accounts.services.sign_in import start_session
from security.errors import StepUpRequired
from security.signing.models import RequestNonce
from security.signing.requests import purge_nonces
from security.step_up import require_step_up
from tests.browsing import sign_in

ME = "/api/v1/me/"
pytestmark = pytest.mark.usefixtures("spacious_limits")
HOURS = timedelta(hours=2)


def start(user: User) -> TokenPair:
    return start_session(request=RequestFactory().post("/"), user=user)


def status(api: Any, pair: TokenPair) -> int:
    return int(api(token=pair.access).get(ME).status_code)


def test_b20_two_hours_ahead_every_access_token_has_expired(api, carol: User):
    pair = start(carol)

    with time_machine.travel(timezone.now() + HOURS):
        assert status(api, pair) == 401

    assert status(api, pair) == 200


def test_b20_two_hours_back_no_token_of_the_future_is_taken(api, carol: User):
    pair = start(carol)

    with time_machine.travel(timezone.now() - HOURS):
        assert status(api, pair) == 401


def test_b20_a_token_made_while_the_clock_was_ahead_is_refused_after(api, carol: User):
    with time_machine.travel(timezone.now() + HOURS):
        ahead = start(carol)
        assert status(api, ahead) == 200

    assert status(api, ahead) == 401


def test_b20_what_had_expired_is_not_good_again_because_the_clock_went_back(
    api, carol: User
):
    """No mass acceptance: its time of issue lies ahead then."""
    with time_machine.travel(timezone.now() - HOURS):
        old = start(carol)
    assert status(api, old) == 401

    with time_machine.travel(timezone.now() - 3 * HOURS):
        assert status(api, old) == 401


def test_b20_a_proof_of_the_future_is_no_fresh_proof(carol: User):
    carol.authenticated_at = timezone.now() + timedelta(minutes=1)

    with pytest.raises(StepUpRequired):
        require_step_up(carol)


def test_b20_a_session_that_ended_stays_so_when_the_clock_goes_back(api, carol: User):
    pair = start(carol)
    revoke_session(session=Session.objects.get(), acting=carol, reason="signed_out")

    for jump in (-HOURS, HOURS):
        with time_machine.travel(timezone.now() + jump):
            body = {"refresh": pair.refresh}
            answer = api().post("/api/v1/auth/token/refresh/", body)
            assert answer.status_code == 401


def test_b20_a_token_of_a_clock_that_was_ahead_is_a_step_and_no_false_proof(
    api, carol: User
):
    with time_machine.travel(timezone.now() + HOURS):
        ahead = start(carol)

    for _ in range(2):  # The second is known to be good but for its time.
        answer = api(token=ahead.access).get(ME)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_ended")


def test_b20_a_sign_in_of_a_clock_that_was_ahead_has_not_begun(api, carol: User):
    """It would last until that time and longer, by page and by refresh."""
    browser = Client()
    with time_machine.travel(timezone.now() + HOURS):
        pair = start(carol)
        sign_in(browser, carol)
        assert browser.get("/accounts/sessions/").status_code == 200

    assert queries.live_sessions(carol, now=timezone.now()).count() == 0
    assert browser.get("/accounts/sessions/").status_code == 302
    answer = api().post("/api/v1/auth/token/refresh/", {"refresh": pair.refresh})
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh_token_ended")


def test_b20_a_sign_in_that_was_used_ahead_of_now_idles_as_any_other(carol: User):
    browser = Client()
    sign_in(browser, carol)
    with time_machine.travel(timezone.now() + timedelta(minutes=50)):
        assert browser.get("/accounts/sessions/").status_code == 200
    ahead = Session.objects.get().idles_at

    assert browser.get("/accounts/sessions/").status_code == 200

    assert Session.objects.get().idles_at < ahead


def test_a13_a_code_counts_once_also_after_a_clock_that_was_ahead(carol: User):
    RequestNonce.objects.create(
        key_id="factor:1",
        nonce="123456",
        expires_at=timezone.now() + CODE_REMEMBERED,
    )
    RequestNonce.objects.create(
        key_id="k", nonce="n", expires_at=timezone.now() + timedelta(days=30)
    )

    purge_nonces(now=timezone.now() + timedelta(days=3))

    assert RequestNonce.objects.count() == 2

"""B20: a clock that jumps makes no token good that was not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import RequestFactory
from django.utils import timezone

from accounts import services
from accounts.models import Session, User
from accounts.services import TokenPair
from security.errors import StepUpRequired
from security.step_up import require_step_up

ME = "/api/v1/me/"
pytestmark = pytest.mark.usefixtures("spacious_limits")
HOURS = timedelta(hours=2)


def start(user: User) -> TokenPair:
    return services.start_session(request=RequestFactory().post("/"), user=user)


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
    services.revoke_session(
        session=Session.objects.get(), acting=carol, reason="signed_out"
    )

    for jump in (-HOURS, HOURS):
        with time_machine.travel(timezone.now() + jump):
            body = {"refresh": pair.refresh}
            answer = api().post("/api/v1/auth/token/refresh/", body)
            assert answer.status_code == 401

"""Many workers, few accounts: nothing is lost, doubled or overspent."""

from __future__ import annotations

import pytest

from tests.transactions.bank import assert_sound, open_bank, run


def test_j15_eight_workers_move_money_and_it_adds_up(committed_db, people):
    bank = open_bank(people)

    run(bank, workers=8, rounds=30)

    assert_sound(bank)
    assert {"ask", "capture", "void", "increment", "approve"} <= {
        kind for kind, *_ in bank.told
    }


@pytest.mark.stress
def test_j15_thirty_two_workers_move_money_a_thousand_times_each(committed_db, people):
    bank = open_bank(people)

    run(bank, workers=32, rounds=1000)

    assert_sound(bank)

"""Every refusal has its HTTP status and is an offence, a form or a step."""

from __future__ import annotations

import re
from typing import get_args

from platform_site.error_codes import domain_errors, error_details
from security.alerts.core.refusals import (
    FORMS,
    OFFENCES,
    PROOF_EVENTS,
    PROOFS,
    STEPS,
    kind_of,
)
from security.errors import DecryptionFailed
from security.signing.core.signatures import Refusal
from tests.house.source import ROOT


def test_every_domain_error_is_of_a_kind_that_has_a_status():
    statuses = {kind: kind.status for kind in domain_errors()}

    assert len(statuses) > 50
    ours = [kind for kind, status in statuses.items() if status == 500]
    assert ours == [DecryptionFailed]


def test_every_refusal_is_an_offence_a_form_or_a_step():
    ours = {kind.code for kind in domain_errors() if kind.status >= 500}
    ours |= {"internal_error", "unavailable"}

    sorts = [*OFFENCES, *STEPS, *FORMS, *PROOF_EVENTS]
    assert sorted(sorts) == sorted({*error_details()} - ours)
    assert {kind_of(code) for code in ours} == {None}


# The sources of the events, and how a reason is spelled there.
REASONS = {
    "user.sign_in_failed": (
        ("accounts/signals.py", "accounts/services/sign_in.py"),
        r'\breason"?(?: =|:) "(?!too_many_failures)(\w+)"',  # Of user.locked_out.
    ),
    "agent.token_refused": (
        ("agents/services/credentials.py",),
        r'"(\w+)": (?:is_right|credential\.(?:revoked_at is|expires_at >|agent\.))'
        r'|"(unknown_client)"',
    ),
}


def test_every_reason_of_a_failed_proof_is_an_offence_a_form_or_a_step():
    """One code may hide a wrong key, a missing component and a clock that drifts."""
    assert {*PROOF_EVENTS.values()} == {*PROOFS} == {*REASONS, "signature.refused"}
    assert {*PROOFS["signature.refused"]} == {*get_args(Refusal)}
    for action, (files, spelled) in REASONS.items():
        source = "".join((ROOT / name).read_text() for name in files)
        matches = re.finditer(spelled, source)
        found = {next(filter(None, match.groups())) for match in matches}
        assert found == {*PROOFS[action]}, action


def test_the_reasons_of_signatures_are_in_their_document_with_their_kinds():
    text = (ROOT / "docs" / "signed-requests.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (offence|form|step) \|$", text, re.M))

    assert rows == {**PROOFS["signature.refused"]}

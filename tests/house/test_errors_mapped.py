"""No refusal without its HTTP status."""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import get_args

from django.utils.module_loading import import_string

from audit.base.errors import DomainError
from platform_site.error_codes import error_details
from platform_site.errors import STATUS, status_of
from security.alerts.core.refusals import (
    FORMS,
    OFFENCES,
    PROOFS,
    STEPS,
    TOLD_AS,
    kind_of,
)
from security.signing.core.signatures import Refusal
from tests.house.source import APPS, ROOT


def subclasses(kind: type[DomainError]) -> set[type[DomainError]]:
    found = set(kind.__subclasses__())
    return found.union(*(subclasses(child) for child in found)) if found else found


def domain_errors() -> list[type[DomainError]]:
    for app in APPS:
        package = importlib.import_module(app)
        for module in pkgutil.walk_packages(package.__path__, f"{app}."):
            if module.name.endswith("errors") or ".core" in module.name:
                importlib.import_module(module.name)
    return [
        kind
        for kind in subclasses(DomainError)
        if kind.__module__.split(".")[0] in APPS
    ]


def names_of(kind: type[DomainError]) -> set[str]:
    return {f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__}


def test_every_domain_error_has_a_status():
    assert len(domain_errors()) > 50
    assert [kind for kind in domain_errors() if not names_of(kind) & set(STATUS)] == []


def test_every_mapped_name_exists():
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in domain_errors()}

    assert set(STATUS) <= names


def test_an_error_nobody_mapped_is_ours_to_answer_for():
    class Unmapped(DomainError):
        pass

    assert status_of(Unmapped()) == 500


def test_every_refusal_is_an_offence_a_form_or_a_step():
    ours = {import_string(name).code for name in STATUS if STATUS[name] >= 500}
    ours |= {"internal_error", "unavailable"}

    sorts = [*OFFENCES, *STEPS, *FORMS, *TOLD_AS]
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
    assert {*TOLD_AS.values()} == {*PROOFS} == {*REASONS, "signature.refused"}
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

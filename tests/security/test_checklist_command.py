"""The specification's checklist, as the installation sees itself."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from audit.models import ReaderCursor
from platform_site.checklist.checks import CHECKS, run_checklist
from platform_site.checklist.core import CHECKLIST
from security.alerts.services import check_alerts
from security.incidents.services import detect_incidents
from security.notifications.models import SecurityContact
from security.notifications.services.contacts import set_contact
from security.reviews.models import Review
from security.reviews.services import open_due_reviews
from security.schemas.core import json_schema
from tests.people import SETUP

pytestmark = pytest.mark.django_db

MANUAL = {
    "waf_rules",
    "ddos_protection",
    "network_groups",
    "backup_strategy",
    "model_validation",
}


# What the platform does nothing of yet, however well it is installed.
NOT_DONE = {"behavior_monitoring", "security_audits"}


def statuses() -> dict[str, str]:
    return {result.item.key: result.finding.status for result in run_checklist()}


@pytest.fixture
def good_installation(settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.BASE_URL = "https://platform.example.com"
    set_contact("primary", acting=SETUP, name="Lead", email="lead@example.com")
    check_alerts(now=timezone.now())
    detect_incidents(now=timezone.now())
    open_due_reviews(now=timezone.now())


def test_it_is_the_seeds_list():
    sections: dict[str, int] = {}
    for item in CHECKLIST:
        sections[item.section] = sections.get(item.section, 0) + 1

    assert sections == {"Deployment": 5, "Application": 5, "Data": 5, "AI/ML": 5}
    assert len({item.key for item in CHECKLIST}) == 20
    assert {item.key for item in CHECKLIST} - set(CHECKS) == MANUAL


@pytest.mark.usefixtures("good_installation")
def test_a_good_installation_passes_all_that_can_be_told_and_nothing_more():
    found = statuses()

    assert {key for key, status in found.items() if status == "manual"} == MANUAL
    assert {key for key, status in found.items() if status == "not_done"} == NOT_DONE
    assert [key for key, status in found.items() if status == "fail"] == []


WRONG = [
    ("SECURE_SSL_REDIRECT", False, "https_only"),
    ("X_FRAME_OPTIONS", "SAMEORIGIN", "secure_headers"),
    ("RATE_LIMIT_CONFIG", {}, "rate_limiting"),
    ("DATA_UPLOAD_MAX_MEMORY_SIZE", 2**30, "input_validation"),
    ("SESSION_COOKIE_AGE", 10**6, "session_management"),
    ("DEBUG", True, "error_handling"),
    ("ENCRYPTION_KEY", "no key", "encryption"),
    ("AUTHENTICATION_BACKENDS", [], "access_controls"),
]


@pytest.mark.usefixtures("good_installation")
@pytest.mark.parametrize(("setting", "value", "key"), WRONG)
def test_what_is_wrong_fails(settings, setting, value, key):
    setattr(settings, setting, value)

    assert statuses()[key] == "fail"


def no_contact(settings, monkeypatch):
    SecurityContact.objects.all().delete()


def no_partition(settings, monkeypatch):
    in_ten_years = timezone.now() + timedelta(days=3653)
    monkeypatch.setattr(timezone, "now", lambda: in_ten_years)


def no_schema_check(settings, monkeypatch):
    monkeypatch.setattr(json_schema, "check", lambda *_: ())


def text_is_answered(settings, monkeypatch):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"]
    }


def never_read(settings, monkeypatch):
    ReaderCursor.objects.all().delete()


def never_reviewed(settings, monkeypatch):
    Review.objects.all().delete()


BROKEN_BESIDES = {
    "behavior_monitoring": never_read,
    "data_access_monitoring": no_partition,
    "fail_safes": no_contact,
    "function_calling": no_schema_check,
    "output_sanitizing": text_is_answered,
    "output_validation": no_schema_check,
    "security_audits": never_reviewed,
}


@pytest.mark.usefixtures("good_installation")
@pytest.mark.parametrize("key", BROKEN_BESIDES)
def test_each_other_check_can_fail(settings, monkeypatch, key):
    assert statuses()[key] != "fail"

    BROKEN_BESIDES[key](settings, monkeypatch)

    assert statuses()[key] == "fail"


def test_no_item_passes_by_a_check_that_no_test_has_seen_fail():
    assert {key for *_, key in WRONG} | {*BROKEN_BESIDES} == {*CHECKS}


@pytest.mark.usefixtures("good_installation")
def test_m8_a_stopped_detector_and_an_overdue_review_fail():
    stopped_at = timezone.now() - timedelta(minutes=11)
    ReaderCursor.objects.filter(name="incidents").update(read_at=stopped_at)
    Review.objects.update(due_at=timezone.now())

    found = statuses()

    assert found["behavior_monitoring"] == "fail"
    assert found["security_audits"] == "fail"


def test_the_command_tells_it_as_a_table_and_exits_with_1():
    out = io.StringIO()

    with pytest.raises(SystemExit) as exit_:
        call_command("security_checklist", stdout=out)

    assert exit_.value.code == 1
    text = out.getvalue()
    assert text.startswith("Deployment\n  FAIL    Enable HTTPS only\n")
    assert "  MANUAL  Set up WAF rules" in text
    assert text.rstrip().endswith("0 not done, 5 manual")


@pytest.mark.usefixtures("good_installation")
def test_what_checks_nothing_says_that_it_is_not_done():
    out = io.StringIO()

    call_command("security_checklist", stdout=out)

    text = out.getvalue()
    assert "  NOT DONE  Monitor AI behavior\n" in text
    assert "nothing compares what an agent does with what it did before" in text
    assert "  NOT DONE  Regular security audits\n" in text
    assert "The weekly scan is not done: the platform has no scan yet" in text
    assert text.rstrip().endswith("13 pass, 0 fail, 2 not done, 5 manual")


@pytest.mark.usefixtures("good_installation")
def test_the_command_tells_it_as_json_and_exits_with_0():
    out = io.StringIO()

    call_command("security_checklist", format="json", stdout=out)

    rows = json.loads(out.getvalue())
    assert len(rows) == 20
    assert set(rows[0]) == {
        "section",
        "key",
        "item",
        "status",
        "evidence",
        "guidance",
    }

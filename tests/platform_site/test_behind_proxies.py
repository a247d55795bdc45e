"""What stands in front changes names and addresses; each is taken or refused."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from platform_site import env

HOSTS = ["10.2.3.4:8000", "health.invalid", "", "a b", "[::1"]


@pytest.mark.django_db
@pytest.mark.parametrize("host", HOSTS)
def test_health_checks_answer_whatever_the_host(host):
    for address in ("/livez", "/readyz"):
        assert Client().get(address, headers={"Host": host}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["health.invalid", "a b", "[::1"])
@pytest.mark.parametrize("address", ["/accounts/login/", "/livez/", "/metrics"])
def test_nothing_else_does(host, address):
    assert Client().get(address, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://pay.example.com", "https://pay.example.com"),
        ("https://pay.example.com/", "https://pay.example.com"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_the_base_url_is_an_origin(monkeypatch, given, origin):
    monkeypatch.setenv("BASE_URL", given)

    assert env.origin("BASE_URL", "http://localhost") == origin


@pytest.mark.parametrize(
    "given",
    [
        "https://example.com/platform",
        "https://example.com/platform/",
        "https://example.com?x=1",
        "https://example.com#x",
        "https://user@example.com",
        "https://example.com:0",
        "https://example.com:99999",
        "ftp://example.com",
        "example.com",
        "https://",
        "https://exa mple.com",
        "",
    ],
)
def test_a_base_url_with_more_than_an_origin_is_refused(monkeypatch, given):
    monkeypatch.setenv("BASE_URL", given)

    with pytest.raises(ImproperlyConfigured, match="cannot be served under a path"):
        env.origin("BASE_URL", "http://localhost")

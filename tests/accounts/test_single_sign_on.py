"""Single sign-on against an OpenID provider of the test's own, over real HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.models import Session, User
from audit.models import AuditEvent
from platform_site import single_sign_on
from tests.people import People
from tests.second_factors import code_of, enrol_app

START = "/accounts/single-sign-on/sso/"
CALLBACK = "/accounts/single-sign-on/sso/callback/"

pytestmark = pytest.mark.usefixtures("spacious_limits")


@dataclass
class Provider:
    """What the provider says of the person who signs in, and what it was sent."""

    address: str
    claims: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "idp-1",
            "email": "Carol@Example.com",
            "email_verified": True,
        }
    )
    asked: list[dict[str, str]] = field(default_factory=list)
    audience: str = "platform"

    def answer(self, path: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "userinfo_endpoint": f"{self.address}/userinfo",
                "jwks_uri": f"{self.address}/jwks",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        if path == "/userinfo":
            return self.claims
        assert path == "/token", path
        claims = self.claims | {
            "iss": self.address,
            "aud": self.audience,
            "exp": int(time.time()) + 60,
        }
        token = jwt.encode(claims, "k" * 32, "HS256")
        return {"access_token": "at", "token_type": "Bearer", "id_token": token}


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(idp.answer(urlsplit(self.path).path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            idp.asked.append(dict(parse_qsl(sent)))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    idp = Provider(f"http://127.0.0.1:{server.server_port}")
    settings.OIDC_ISSUER = idp.address
    settings.SOCIALACCOUNT_PROVIDERS = single_sign_on.providers(
        idp.address, "platform", "s3cret", "Acme"
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield idp
    server.shutdown()
    thread.join()
    server.server_close()


def go(client: Client) -> dict[str, str]:
    """Press the button; return what the provider is asked."""
    response = client.post(START)
    assert response.status_code == 302
    return {
        name: values[0]
        for name, values in parse_qs(urlsplit(response["Location"]).query).items()
    }


def come_back(client: Client, **changes: str) -> Any:
    asked = go(client)
    return client.get(CALLBACK, {"code": "c0de", "state": asked["state"]} | changes)


def test_an_identity_opens_the_account_of_its_verified_address(
    client: Client, provider: Provider, carol: User
):
    asked = go(client)
    assert asked["code_challenge_method"] == "S256"
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    response = client.get(CALLBACK, {"code": "c0de", "state": asked["state"]})

    assert (response.status_code, response["Location"]) == (302, "/")
    session = Session.objects.get()
    assert (session.user, session.method, session.kind) == (carol, "sso", "browser")
    assert provider.asked[0]["client_secret"] == "s3cret"
    assert len(provider.asked[0]["code_verifier"]) >= 43
    linked = AuditEvent.objects.get(action="user.identity_linked")
    assert (linked.target_id, linked.details["uid"]) == (carol.pk, "idp-1")


def test_it_keeps_to_that_account_when_the_address_changes(
    client: Client, provider: Provider, people: People
):
    come_back(client)
    provider.claims["email"] = "alice@example.com"

    come_back(Client())

    owners = [session.user for session in Session.objects.select_related("user")]
    assert owners == [people.carol] * 2


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "carol@example.com", "email_verified": False},
        {"email": "carol@example.com", "email_verified": None},
        {"email": "nobody@example.com"},
        {"email": ""},
    ],
)
def test_without_a_verified_address_of_ours_nothing_opens(
    client: Client, provider: Provider, people: People, claims: dict[str, Any]
):
    provider.claims |= claims
    users = User.objects.count()

    response = come_back(client)

    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    assert (Session.objects.count(), SocialAccount.objects.count()) == (0, 0)
    assert User.objects.count() == users


def test_a_deactivated_person_stays_out(
    client: Client, provider: Provider, carol: User
):
    come_back(client)
    Session.objects.all().delete()
    User.objects.filter(pk=carol.pk).update(is_active=False)

    response = come_back(Client())

    assert response["Location"] == "/accounts/login/"
    assert Session.objects.count() == 0


def test_the_second_factor_is_asked_all_the_same(
    client: Client, provider: Provider, carol: User
):
    secret = enrol_app(carol)

    response = come_back(client)
    assert response["Location"] == "/accounts/second-factors/authenticate/"
    assert Session.objects.count() == 0
    client.post(response["Location"], {"code": code_of(secret)})

    assert Session.objects.get().method == "sso+totp"


@pytest.mark.parametrize("changes", [{"state": "forged"}, {"error": "access_denied"}])
def test_a_forged_or_refused_answer_opens_nothing(
    client: Client, provider: Provider, carol: User, changes: dict[str, str]
):
    response = come_back(client, **changes, _redir="")

    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    assert provider.asked == []
    assert Session.objects.count() == 0


def test_a_token_for_somebody_else_opens_nothing(
    client: Client, provider: Provider, carol: User
):
    provider.audience = "another-client"

    response = come_back(client)

    assert response["Location"] == "/accounts/login/"
    assert Session.objects.count() == 0


def test_without_its_cookie_the_browser_is_sent_once_more_from_our_own_page(
    client: Client, provider: Provider, carol: User
):
    """Browsers keep a SameSite=Strict cookie back while another site sends them."""
    state = go(client)["state"]

    stranger = Client().get(CALLBACK, {"code": "c0de", "state": state})

    again = f"{CALLBACK}?code=c0de&amp;state={state}&amp;_redir="
    assert f'href="{again}"' in stranger.content.decode()
    assert client.get(again.replace("&amp;", "&"))["Location"] == "/"


def test_the_button_is_shown_where_it_is_switched_on(
    client: Client, provider: Provider, settings: Any, carol: User
):
    settings.OIDC_NAME = "Acme"
    assert "Continue with Acme" in client.get("/accounts/login/").content.decode()

    settings.OIDC_ISSUER = ""
    page = client.get("/accounts/login/")
    assert page.status_code == 200
    assert "Continue with" not in page.content.decode()


def test_where_it_is_off_its_addresses_are_none(client: Client, carol: User):
    assert client.post(START).status_code == 404
    assert client.get(CALLBACK, {"_redir": ""}).status_code == 404

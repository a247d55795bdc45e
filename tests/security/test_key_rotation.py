"""`manage.py rotate_keys`: all secrets under the new key, whatever else happens."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from accounts.seals import SecondFactorSecrets
from agents.models import AgentCredential
from audit.models import AuditEvent
from security.encryption import crypto, services
from security.encryption.sealed_stores import all_stores
from security.notifications.models import SecurityContact
from security.notifications.services.contacts import set_contact
from tests.factories import make_agent, make_credential
from tests.house.source import APPS, ROOT, python_files
from tests.people import People
from tests.second_factors import code_of, enrol_app, recovery_codes
from tests.security.rotating import NEW, OLD, forget_old, rotate_to_new, use_old


@pytest.fixture
def old_key(settings: Any) -> None:
    use_old(settings)


@pytest.fixture
def secrets_of_old(old_key: None, people: People) -> dict[str, Any]:
    """One secret of every kind, under the old key."""
    people.carol.phone = "+1-555-0100"
    people.carol.save(update_fields=["phone"])
    agent = make_agent(people.carol, acting=people.bob)
    issued = make_credential(agent, acting=people.bob)
    set_contact(
        "primary", acting=people.alice, name="Ada", email="ada@x.org", phone="+1-2"
    )
    return {
        "signing_secret": issued.signing_secret,
        "totp": enrol_app(people.carol),
        "codes": recovery_codes(people.carol),
    }


def run(*arguments: str, capsys: Any) -> str:
    call_command("rotate_keys", *arguments)
    return str(capsys.readouterr().out)


def test_every_kind_of_secret_is_found():
    assert {store.name for store in all_stores()} == {
        "accounts.user.phone",
        "agents.agentcredential.signing_secret",
        "security.securitycontact.phone",
        "mfa.authenticator.data",
    }


def test_nothing_encrypts_past_the_stores():
    files = [
        str(path.relative_to(ROOT))
        for path in python_files(*APPS)
        if "crypto.encrypt(" in path.read_text()
    ]

    # The checklist keeps nothing, a session ends before a key does.
    assert files == [
        "accounts/seals.py",
        "platform_site/checklist/checks.py",
        "security/encryption/fields.py",
        "security/encryption/session_serializer.py",
    ]


def test_g6_all_secrets_are_rotated_and_the_old_key_can_go(
    secrets_of_old, people, settings, capsys, client_for
):
    rotate_to_new(settings)

    told = run(capsys=capsys)

    assert "accounts.user.phone: " in told
    assert "mfa.authenticator.data: 2 rotated" in told
    assert "you can remove ENCRYPTION_PREVIOUS_KEYS" in told
    forget_old(settings)
    assert User.objects.get(pk=people.carol.pk).phone == "+1-555-0100"
    assert SecurityContact.objects.get().phone == "+1-2"
    credential = AgentCredential.objects.get()
    assert credential.signing_secret == secrets_of_old["signing_secret"]
    client = client_for(people.carol)
    for proof in (code_of(secrets_of_old["totp"]), secrets_of_old["codes"][0]):
        answer = client.post("/api/v1/auth/step-up/", {"otp": proof})
        assert answer.status_code == 200, answer.content
    event = AuditEvent.objects.get(action="keys.rotated")
    assert event.actor_kind == "system"
    assert (event.details["unreadable"], event.details["left"]) == (0, 0)
    assert event.details["rotated"]["mfa.authenticator.data"] == 2


def test_g6_a_second_run_changes_nothing(secrets_of_old, settings, capsys):
    rotate_to_new(settings)
    run(capsys=capsys)
    before = stored()

    told = run(capsys=capsys)

    assert "rotated" not in told
    assert stored() == before


def stored() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT phone::text FROM accounts_user"
            " UNION ALL SELECT signing_secret::text FROM agents_agentcredential"
            " UNION ALL SELECT phone::text FROM security_securitycontact"
            " UNION ALL SELECT data::text FROM mfa_authenticator ORDER BY 1"
        )
        return list(cursor.fetchall())


def test_a_dry_run_tells_and_writes_nothing(secrets_of_old, settings, capsys):
    rotate_to_new(settings)
    before = stored()

    told = run("--dry-run", capsys=capsys)

    assert "mfa.authenticator.data: 2 to rotate, 0 current, 0 unreadable" in told
    assert stored() == before
    assert not AuditEvent.objects.filter(action="keys.rotated").exists()


def test_what_does_not_decrypt_is_named_kept_and_told(
    secrets_of_old, people, settings, capsys
):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_user SET phone = (SELECT phone FROM accounts_user"
            " WHERE username = 'carol') WHERE username = 'bob'"
        )
    rotate_to_new(settings)
    moved = User.objects.filter(username="bob").values_list("phone").get()

    with pytest.raises(CommandError, match=f"accounts.user.phone {people.bob.pk}"):
        run(capsys=capsys)

    assert User.objects.filter(username="bob").values_list("phone").get() == moved
    failures = AuditEvent.objects.filter(action="decryption.failed")
    assert [event.target_id for event in failures] == [people.bob.pk]
    assert User.objects.get(username="carol").phone == "+1-555-0100"
    with pytest.raises(CommandError, match="do not decrypt"):
        run("--dry-run", capsys=capsys)


def test_without_the_previous_key_nothing_is_lost(secrets_of_old, settings, capsys):
    settings.ENCRYPTION_KEY, settings.ENCRYPTION_PREVIOUS_KEYS = NEW, []
    before = stored()

    with pytest.raises(CommandError, match="stay as they are"):
        run(capsys=capsys)

    assert stored() == before


def test_a_writer_with_an_old_key_is_told_of(
    secrets_of_old, people, settings, monkeypatch, capsys
):
    """A process that was not restarted: each pass finds what it wrote since."""
    rotate_to_new(settings)
    store = next(one for one in all_stores() if one.name == "accounts.user.phone")
    old = Fernet(OLD)

    def write(*_: Any) -> bool:
        context = ("accounts.user", "phone", people.carol.pk)
        new = Fernet(NEW).decrypt(crypto.encrypt("+1-9", context=context))
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE accounts_user SET phone = %s WHERE id = %s",
                [old.encrypt(new), people.carol.pk],
            )
        return False

    monkeypatch.setattr(type(store), "swap", write)
    monkeypatch.setattr(services, "PAUSE_S", 0)

    with pytest.raises(CommandError, match="still writes with a previous key"):
        run(capsys=capsys)

    assert User.objects.get(pk=people.carol.pk).phone == "+1-9"
    assert AuditEvent.objects.get(action="keys.rotated").details["left"] > 0


def test_a_value_that_was_written_meanwhile_is_not_overwritten(
    secrets_of_old, people, settings
):
    rotate_to_new(settings)
    values = [(store, value) for store in all_stores() for value in store.after(None)]

    assert len({store.name for store, _ in values}) == 4
    for store, value in values:
        assert store.swap(value, b"first")
        assert not store.swap(value, b"second")


def test_using_up_a_recovery_code_meanwhile_is_kept(secrets_of_old, settings, people):
    rotate_to_new(settings)
    store = SecondFactorSecrets()
    [value] = [
        value
        for value in store.after(None)
        if Authenticator.objects.get(pk=value.key).type == "recovery_codes"
    ]
    row = Authenticator.objects.get(pk=value.key)
    row.data["used_mask"] = 5
    row.save(update_fields=["data"])

    assert store.swap(value, b"token")

    assert Authenticator.objects.get(pk=value.key).data == {
        **row.data,
        "used_mask": 5,
        "seed": "token",
    }

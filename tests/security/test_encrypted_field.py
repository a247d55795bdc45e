from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import connection, transaction
from django.forms import modelform_factory

from audit.models import AuditEvent
from security.encryption import crypto
from security.encryption.fields import EncryptedTextField, Sealed
from security.errors import DecryptionFailed
from security.notifications.models import SecurityContact

pytestmark = pytest.mark.django_db

PHONE = "+1-555-0100"


def make_contact(position="primary", phone=PHONE):
    return SecurityContact.objects.create(
        position=position, name="Ada", email="ada@example.com", phone=phone
    )


def stored(contact):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT phone FROM security_securitycontact WHERE id = %s", [contact.pk]
        )
        return bytes(cursor.fetchone()[0])


def store(contact, token):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE security_securitycontact SET phone = %s WHERE id = %s",
            [token, contact.pk],
        )


def fresh(contact):
    return SecurityContact.objects.get(pk=contact.pk)


def read(contact):
    return fresh(contact).phone


def failures():
    return list(
        AuditEvent.objects.filter(action="decryption.failed").values_list(
            "target_id", "details", "outcome"
        )
    )


@pytest.mark.parametrize("text", [PHONE, "", "é\n\U0001f600", "x" * 10_000])
def test_a_text_comes_back_as_it_was(text):
    assert fresh(make_contact(phone=text)).phone == text


def test_g1_the_column_holds_no_plain_text():
    contact = make_contact()

    assert PHONE.encode() not in stored(contact)
    assert stored(contact).startswith(b"gAAAA")


def test_the_same_text_is_stored_differently_each_time():
    assert stored(make_contact()) != stored(make_contact("backup"))


def test_g4_a_ciphertext_moved_to_another_row_does_not_decrypt():
    primary, backup = make_contact(), make_contact("backup", "+1-555-0199")
    store(backup, stored(primary))

    with pytest.raises(DecryptionFailed):
        read(backup)

    field = "security.securitycontact.phone"
    assert failures() == [(backup.pk, {"field": field}, "failure")]
    assert fresh(primary).phone == PHONE


def test_g4_a_ciphertext_of_another_column_does_not_decrypt():
    contact = make_contact()
    context = ("security.securitycontact", "name", contact.pk)
    store(contact, crypto.encrypt(PHONE, context=context))

    with pytest.raises(DecryptionFailed):
        read(contact)


@pytest.mark.parametrize("position", [0, 9, 20, 60, -1])
def test_g5_a_flipped_bit_is_an_error_and_never_a_blank(position):
    contact = make_contact()
    token = bytearray(stored(contact))
    token[position] ^= 1
    store(contact, bytes(token))

    with pytest.raises(DecryptionFailed):
        read(contact)
    assert len(failures()) == 1


@pytest.mark.parametrize("token", [b"", b"+1-555-0100"])
def test_g5_a_plain_or_empty_column_is_an_error(token):
    contact = make_contact()
    store(contact, token)

    with pytest.raises(DecryptionFailed):
        read(contact)


def test_the_rest_of_a_tampered_row_stays_readable():
    contact = make_contact()
    store(contact, b"broken")

    assert fresh(contact).name == "Ada"


def test_g6_previous_keys_still_decrypt_and_the_new_one_encrypts(settings):
    contact = make_contact()
    old, new = settings.ENCRYPTION_KEY, Fernet.generate_key().decode()
    settings.ENCRYPTION_KEY, settings.ENCRYPTION_PREVIOUS_KEYS = new, [old]

    rotated = fresh(contact)
    assert rotated.phone == PHONE
    rotated.save(update_fields=["phone"])

    settings.ENCRYPTION_PREVIOUS_KEYS = []
    assert fresh(contact).phone == PHONE
    settings.ENCRYPTION_KEY = old
    with pytest.raises(DecryptionFailed):
        read(contact)


@pytest.mark.parametrize("key", ["", "short", "x" * 44])
def test_g7_without_a_key_nothing_is_encrypted(settings, key):
    settings.ENCRYPTION_KEY = key

    with pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEY"):
        make_contact()


def test_a_value_that_was_not_read_is_saved_as_it_stands():
    contact = make_contact()
    before = stored(contact)

    fresh(contact).save(update_fields=["name", "phone"])

    assert stored(contact) == before


def test_deferred_loading_and_refresh_decrypt():
    contact = make_contact()

    assert SecurityContact.objects.defer("phone").get().phone == PHONE
    assert SecurityContact.objects.only("phone").get().phone == PHONE
    contact.phone = "changed"
    contact.refresh_from_db()
    assert contact.phone == PHONE


def test_changing_and_saving_encrypts_the_new_text():
    contact = fresh(make_contact())
    contact.phone = "+1-555-0111"
    contact.save(update_fields=["phone"])

    assert fresh(contact).phone == "+1-555-0111"


def test_values_yield_the_sealed_token_that_shows_nothing():
    make_contact()

    [sealed] = SecurityContact.objects.values_list("phone", flat=True)

    assert isinstance(sealed, Sealed)
    assert repr(sealed) == "Sealed()"


@pytest.mark.parametrize(
    "lookup", ["phone", "phone__in", "phone__contains", "phone__gt"]
)
def test_g8_the_column_cannot_be_searched(lookup):
    with pytest.raises(FieldError):
        SecurityContact.objects.filter(**{lookup: "x"}).exists()


def test_isnull_is_the_one_lookup():
    make_contact()

    assert SecurityContact.objects.filter(phone__isnull=False).count() == 1


def test_update_without_a_row_is_refused():
    contact = make_contact()

    with pytest.raises(FieldError), transaction.atomic():
        SecurityContact.objects.update(phone="x")
    contact.phone = "x"
    with pytest.raises(FieldError), transaction.atomic():
        SecurityContact.objects.bulk_update([contact], ["phone"])
    assert fresh(contact).phone == PHONE


def test_bulk_create_encrypts_each_row_for_itself():
    rows = [
        SecurityContact(position=position, name="A", email="a@b.co", phone=position)
        for position in ("primary", "backup")
    ]
    SecurityContact.objects.bulk_create(rows)

    assert [fresh(row).phone for row in rows] == ["primary", "backup"]


def test_forms_show_and_save_it_as_text():
    contact = fresh(make_contact())
    form_class = modelform_factory(SecurityContact, fields=["phone"])

    assert PHONE in str(form_class(instance=contact))
    form = form_class({"phone": "+1-555-0122"}, instance=contact)
    assert form.is_valid()
    form.save()
    assert fresh(contact).phone == "+1-555-0122"


def test_it_is_not_serialized():
    with pytest.raises(FieldError):
        SecurityContact._meta.get_field("phone").value_to_string(make_contact())


def test_migrations_name_it_by_its_own_path():
    field = EncryptedTextField(blank=True)

    assert field.deconstruct()[1:] == (
        "security.encryption.fields.EncryptedTextField",
        [],
        {"blank": True},
    )
    assert type(field.clone()) is EncryptedTextField

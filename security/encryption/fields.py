"""A text column that is encrypted at rest and readable in its own row only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.query_utils import DeferredAttribute
from django_cryptography.fields import EncryptedMixin

from security.encryption import crypto
from security.encryption.tampering import record_decryption_failure
from security.errors import DecryptionFailed


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column's ciphertext; `values()` yields it as it is, attributes decrypt it."""

    token: bytes = field(repr=False)


class DecryptingAttribute(DeferredAttribute):
    """Decrypts on first access: only here is the row known that a token belongs to."""

    field: EncryptedTextField

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if instance is None or not isinstance(value, Sealed):
            return value
        text = self.field.unseal(value, instance)
        instance.__dict__[self.field.attname] = text
        return text

    # Without it Python would serve the instance's __dict__ and never ask __get__.
    def __set__(self, instance: models.Model, value: object) -> None:
        instance.__dict__[self.field.attname] = value


class EncryptedTextField(EncryptedMixin, models.TextField):  # type: ignore[type-arg]
    """TextField on django-cryptography's machinery, with our own dump and load.

    The package pickles, has one key, and decrypts a ciphertext that was moved to
    another row. Here: JSON, the key ring of crypto.py, and a token bound to model,
    field and primary key. Filterable by isnull only; `update()` and
    `bulk_update()` raise FieldError, because they know no row.
    """

    descriptor_class = DecryptingAttribute
    description = "Encrypted text"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Past EncryptedMixin.__init__, which makes a key of its own from SECRET_KEY.
        models.TextField.__init__(self, *args, **kwargs)

    def unseal(self, sealed: Sealed, instance: models.Model) -> str:
        """Decrypt, or raise DecryptionFailed and record it. Never blank."""
        try:
            return crypto.decrypt(sealed.token, context=self._context(instance))
        except DecryptionFailed:
            self._report(instance)
            raise

    def pre_save(self, model_instance: models.Model, add: bool) -> Sealed | None:
        value = model_instance.__dict__[self.attname]
        if value is None or isinstance(value, Sealed):
            return value
        if not isinstance(value, str):
            raise FieldError(f"{self.name} takes a text.")
        if model_instance.pk is None:
            raise FieldError(f"{self.name} needs its row's key before the insert.")
        return Sealed(crypto.encrypt(value, context=self._context(model_instance)))

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, Sealed) else super().to_python(value)

    def value_to_string(self, obj: models.Model) -> str:
        raise FieldError(f"{self.name} is encrypted and is not serialized.")

    def deconstruct(self) -> Any:
        return models.TextField.deconstruct(self)

    def clone(self) -> EncryptedTextField:
        _, _, args, kwargs = self.deconstruct()
        return type(self)(*args, **kwargs)

    def _dump(self, value: Any) -> bytes:
        if not isinstance(value, Sealed):
            raise FieldError(f"{self.name} can only be saved with its row.")
        return value.token

    def _load(self, value: bytes) -> Sealed:
        return Sealed(value)

    def _context(self, instance: models.Model) -> crypto.Context:
        return (self.model._meta.label_lower, self.name, str(instance.pk))

    def _report(self, instance: models.Model) -> None:
        record_decryption_failure(
            (self.model._meta.model_name or "", str(instance.pk), ""),
            field=f"{self.model._meta.label_lower}.{self.name}",
        )

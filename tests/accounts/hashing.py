"""How often a password was hashed."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from accounts.models import User
from tests.people import PASSWORD


class CountingHasher(PBKDF2PasswordHasher):
    """Costs what Django's does, and notes the rounds of each hash."""

    iterations = 1000
    rounds: ClassVar[list[int]] = []

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        self.rounds.append(iterations or self.iterations)
        return super().encode(password, salt, iterations)

    @classmethod
    def watch(cls, person: User, settings: Any) -> list[int]:
        """Hash with this one from now on; return the list of what that costs."""
        settings.PASSWORD_HASHERS = [f"{cls.__module__}.{cls.__qualname__}"]
        person.set_password(PASSWORD)
        person.save(update_fields=["password"])
        cls.rounds.clear()
        return cls.rounds

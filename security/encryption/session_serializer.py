"""Django's session data, encrypted because it contains secrets for a while.

It contains the secret of an authenticator app until it is enrolled, and forms that wait
for a step-up.
"""

from __future__ import annotations

import json
from typing import Any

from security.encryption import crypto

CONTEXT = ("sessions.session",)


class SealedSerializer:
    """SESSION_SERIALIZER. What does not decrypt is, to Django, an empty session."""

    def dumps(self, session: dict[str, Any]) -> bytes:
        return crypto.encrypt(json.dumps(session), context=CONTEXT)

    def loads(self, token: bytes) -> dict[str, Any]:
        session: dict[str, Any] = json.loads(crypto.decrypt(token, context=CONTEXT))
        return session

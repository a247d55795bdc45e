"""System checks for an unsafe installation, each with an id and a hint."""

from __future__ import annotations

import importlib.util
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import Error, Tags, register, run_checks
from django.core.exceptions import ImproperlyConfigured

from audit.core.checkpoint import is_origin
from audit.keys import trusted_keys
from audit.sinks import sinks
from transactions.evidence.keys import public_keys

KEY_BYTES_MINIMUM = 32
GENERATE = (
    "Generate one: python -c "
    "'import secrets; print(secrets.token_urlsafe(48))', and set {name} or {name}_FILE."
)
GENERATE_FERNET = (
    "Generate one: python -c 'from cryptography.fernet import Fernet; "
    "print(Fernet.generate_key().decode())', and set ENCRYPTION_KEY or its _FILE."
)

GENERATE_SEED = (
    "Generate a key: python -c 'import base64, secrets; "
    "print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())', and set "
    "{name} or its _FILE."
)


def refuse_unsafe_start() -> None:
    """Raise ImproperlyConfigured if a check fails; every process calls this."""
    errors = [
        error
        for error in run_checks(tags=[Tags.security])
        if error.is_serious() and str(error.id).startswith("platform.")
    ]
    if errors:
        raise ImproperlyConfigured("\n".join(str(error) for error in errors))


@register(Tags.security)
def check_keys(app_configs: object, **kwargs: Any) -> list[Error]:
    """E001: a key or token is missing or short. E002: it is not a Fernet key."""
    errors = []
    keys = {
        "SECRET_KEY": [settings.SECRET_KEY],
        "JWT_SECRET_KEY": [settings.JWT_SECRET_KEY],
        "JWT_PREVIOUS_SECRET_KEYS": settings.JWT_PREVIOUS_SECRET_KEYS,
        "METRICS_TOKEN": [settings.METRICS_TOKEN] if settings.METRICS_TOKEN else [],
    }
    for name, values in keys.items():
        if any(len(value.encode()) < KEY_BYTES_MINIMUM for value in values):
            message = f"{name} must have at least {KEY_BYTES_MINIMUM} bytes."
            hint = GENERATE.format(name=name)
            errors.append(Error(message, hint=hint, id="platform.E001"))
    ring = [settings.ENCRYPTION_KEY, *settings.ENCRYPTION_PREVIOUS_KEYS]
    if not all(_is_fernet_key(key) for key in ring):
        message = "ENCRYPTION_KEY and its previous keys must be Fernet keys."
        errors.append(Error(message, hint=GENERATE_FERNET, id="platform.E002"))
    return errors


@register(Tags.security)
def check_audit_seal(app_configs: object, **kwargs: Any) -> list[Error]:
    """E013: the log's key or name is unusable. E014: a checkpoint sink is unusable."""
    errors = []
    try:
        trusted_keys()
    except ValueError as error:
        hint = GENERATE_SEED.format(name="AUDIT_SIGNING_KEY")
        errors.append(Error(str(error), hint=hint, id="platform.E013"))
    if not is_origin(settings.AUDIT_ORIGIN):
        message = "AUDIT_ORIGIN must be a name without spaces and plus signs."
        hint = "Choose a permanent one, such as platform.example.com/audit."
        errors.append(Error(message, hint=hint, id="platform.E013"))
    try:
        sinks()
    except ImportError as error:
        hint = "AUDIT_SINKS lists classes by dotted path."
        errors.append(Error(str(error), hint=hint, id="platform.E014"))
    return errors


@register(Tags.security)
def check_receipt_keys(app_configs: object, **kwargs: Any) -> list[Error]:
    """E015: a key for receipts is unusable, or is also the audit log's key."""
    hint = GENERATE_SEED.format(name="RECEIPT_SIGNING_KEY")
    try:
        public_keys()
    except ValueError as error:
        return [Error(str(error), hint=hint, id="platform.E015")]
    if settings.RECEIPT_SIGNING_KEY == settings.AUDIT_SIGNING_KEY:
        message = "RECEIPT_SIGNING_KEY must not be AUDIT_SIGNING_KEY."
        return [Error(message, hint=hint, id="platform.E015")]
    return []


@register(Tags.security)
def check_production(app_configs: object, **kwargs: Any) -> list[Error]:
    """E003–E007: settings that production requires."""
    return list(_production_errors()) if settings.PRODUCTION else []


def _production_errors() -> Iterator[Error]:
    if settings.DEBUG:
        hint = "Unset DEBUG."
        yield Error("DEBUG is on in production.", hint=hint, id="platform.E003")
    if not _trusted_proxies_are_decided():
        yield Error(
            "TRUSTED_PROXIES is not set or not valid: client addresses are unreliable.",
            hint="List the networks of your proxies (CIDR), or set it to `none`.",
            id="platform.E004",
        )
    if "redis" not in str(settings.CACHES["default"]["BACKEND"]).lower():
        yield Error(
            "The cache is in memory: every process would count limits separately.",
            hint="Use the Redis cache; set REDIS_URL.",
            id="platform.E005",
        )
    if not settings.DATABASE_URL or not settings.REDIS_URL:
        yield Error(
            "DATABASE_URL and REDIS_URL must be set.",
            hint="Outside of production `manage.py up` starts its own engines.",
            id="platform.E006",
        )
    if not settings.BASE_URL.startswith("https://"):
        yield Error(
            "BASE_URL must be https in production.",
            hint="Set BASE_URL to the address that people and agents use.",
            id="platform.E007",
        )


@register(Tags.security)
def check_identity(app_configs: object, **kwargs: Any) -> list[Error]:
    """E009-E012: settings that protect people's accounts."""
    return list(_identity_errors())


def _identity_errors() -> Iterator[Error]:
    if settings.PRODUCTION and not settings.MFA_REQUIRED:
        yield Error(
            "Second factors are not required for administrators and approvers.",
            hint="Unset MFA_REQUIRED; it is on in production.",
            id="platform.E009",
        )
    if not _is_issuer(settings.OIDC_ISSUER):
        yield Error(
            "OIDC_ISSUER must be an https address (http only outside of production).",
            hint="Set it to the issuer's address, without /.well-known/.",
            id="platform.E010",
        )
    if ["username", "ip_address"] not in settings.AXES_LOCKOUT_PARAMETERS:
        yield Error(
            "A lock-out by name alone lets a stranger lock an administrator out.",
            hint='AXES_LOCKOUT_PARAMETERS must be [["username", "ip_address"]].',
            id="platform.E011",
        )
    for path, attribute in REQUIRED_PARTS:
        if not _is_wired(path, attribute):
            yield Error(
                f"{attribute} must name {path}: sign-in would bypass our services.",
                hint="Leave the setting as it is shipped.",
                id="platform.E012",
            )


# Parts that a changed setting could silently disable.
REQUIRED_PARTS = (
    ("accounts.adapters.AccountAdapter", "ACCOUNT_ADAPTER"),
    ("accounts.adapters.SecondFactorAdapter", "MFA_ADAPTER"),
    ("accounts.middleware.PersonMiddleware", "MIDDLEWARE"),
    ("accounts.middleware.PageRefusalMiddleware", "MIDDLEWARE"),
    ("axes.backends.AxesStandaloneBackend", "AUTHENTICATION_BACKENDS"),
)


def _is_wired(path: str, attribute: str) -> bool:
    value = getattr(settings, attribute)
    return path == value if isinstance(value, str) else path in value


def _is_issuer(address: str) -> bool:
    schemes = ("https://",) if settings.PRODUCTION else ("https://", "http://")
    return not address or address.startswith(schemes)


@register(Tags.security)
def check_agents_is_ours(app_configs: object, **kwargs: Any) -> list[Error]:
    """E008: another package named `agents` (openai-agents) shadows ours."""
    spec = importlib.util.find_spec("agents")
    ours = Path(settings.BASE_DIR) / "agents" / "__init__.py"
    if spec is not None and spec.origin and Path(spec.origin) == ours:
        return []
    return [
        Error(
            "The package `agents` that is imported is not this project's.",
            hint="openai-agents installs one of that name; use another environment.",
            id="platform.E008",
        )
    ]


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def _trusted_proxies_are_decided() -> bool:
    proxies = settings.TRUSTED_PROXIES
    if proxies == ["none"]:
        return True
    try:
        return bool([ipaddress.ip_network(proxy) for proxy in proxies])
    except ValueError:
        return False

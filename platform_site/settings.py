"""The only settings file. Deployments set environment variables (docs/settings.md).

Policies that operators change are not here: they are versioned database rows.
"""

from __future__ import annotations

import gc
import urllib.parse
from datetime import timedelta
from pathlib import Path

import django_stubs_ext
from csp.constants import NONE, SELF

from platform_site import engine_settings, env, single_sign_on
from platform_site.log_settings import LOGGING as LOGGING
from platform_site.schedule import SCHEDULE
from platform_site.schema_settings import SPECTACULAR_SETTINGS as SPECTACULAR_SETTINGS
from security.limits.core.config import parse_limits

# Garbage collection during imports took a tenth of the start time.
# ConsoleConfig.ready() enables it after the last import.
gc.disable()

# Lets Django's classes take type parameters at run time, as in annotations.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

ENVIRONMENT = env.choice(
    "ENVIRONMENT", default="development", choices=("development", "test", "production")
)
PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.boolean("DEBUG", default=False)
DEFAULT_EXCEPTION_REPORTER_FILTER = "platform_site.reports.ValueHidingFilter"
# Shows on every page that the people and agents are fictitious.
DEMO = env.boolean("DEMO", default=False)
# Off where one person runs the platform: nothing waits for a second person.
FOUR_EYES = env.boolean("FOUR_EYES", default=True)

# Keys, independent of each other; previous ones still verify or decrypt. Without them
# production stops here. Elsewhere the placeholder is too short for the system checks,
# which say what to do; no process serves requests until they pass.
UNSET = "unset"
SECRET_KEY = env.text("SECRET_KEY", None if PRODUCTION else UNSET)
JWT_SECRET_KEY = env.text("JWT_SECRET_KEY", None if PRODUCTION else UNSET)
JWT_PREVIOUS_SECRET_KEYS = env.items("JWT_PREVIOUS_SECRET_KEYS")
JWT_ALGORITHM = env.choice("JWT_ALGORITHM", default="HS256", choices=("HS256",))
JWT_EXPIRATION_MINUTES = env.integer(
    "JWT_EXPIRATION_MINUTES", default=60, minimum=1, maximum=1440
)
ENCRYPTION_KEY = env.text("ENCRYPTION_KEY", None if PRODUCTION else UNSET)
ENCRYPTION_PREVIOUS_KEYS = env.items("ENCRYPTION_PREVIOUS_KEYS")
# django-cryptography derives a key at import; our fields never use it.
CRYPTOGRAPHY_KEY = "unused: see security/encryption/fields.py"

# The audit log: its name, its signing key, and where its checkpoints go.
AUDIT_ORIGIN = env.text("AUDIT_ORIGIN", None if PRODUCTION else "local/audit")
AUDIT_SIGNING_KEY = env.text("AUDIT_SIGNING_KEY", None if PRODUCTION else UNSET)
AUDIT_PREVIOUS_PUBLIC_KEYS = env.items("AUDIT_PREVIOUS_PUBLIC_KEYS")
AUDIT_SINKS = env.items("AUDIT_SINKS") or ["audit.sinks.DirectorySink"]
AUDIT_CHECKPOINT_DIR = env.text(
    "AUDIT_CHECKPOINT_DIR", str(BASE_DIR / "var/checkpoints")
)
AUDIT_CHECKPOINT_EVENTS = env.integer(
    "AUDIT_CHECKPOINT_EVENTS", default=1000, minimum=1, maximum=1_000_000
)

# Receipts of decisions: the signing key, and the previous ones.
RECEIPT_SIGNING_KEY = env.text("RECEIPT_SIGNING_KEY", None if PRODUCTION else UNSET)
RECEIPT_PREVIOUS_PUBLIC_KEYS = env.items("RECEIPT_PREVIOUS_PUBLIC_KEYS")
METRICS_TOKEN = env.text("METRICS_TOKEN", "")

# The platform's own address.
BASE_URL = env.origin("BASE_URL", "http://127.0.0.1:8000")
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS") or [
    "localhost",
    "127.0.0.1",
    "[::1]",
    *([host] if (host := urllib.parse.urlsplit(BASE_URL).hostname) else []),
]
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS")
# Networks whose X-Forwarded-For is trusted. Production requires a value (check
# platform.E004); "none" means no proxy.
TRUSTED_PROXIES = env.items("TRUSTED_PROXIES")

INSTALLED_APPS = [
    "platform_site.apps.PlatformSiteConfig",
    "transactions.apps.TransactionsConfig",
    "agents.apps.AgentsConfig",
    "accounts.apps.AccountsConfig",
    "security.apps.SecurityConfig",
    "audit.apps.AuditConfig",
    "platform_site.apps.ConsoleConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_celery_beat",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
]

MIDDLEWARE = [
    "audit.base.middleware.RequestContextMiddleware",
    "platform_site.middleware.RefuseAddressMiddleware",
    "security.limits.middleware.RateLimitHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "platform_site.middleware.ContentPolicyMiddleware",
    "platform_site.middleware.BrowserPolicyMiddleware",
    "platform_site.bodies.RefuseUnreadBodyMiddleware",
    "platform_site.middleware.StrictAddressMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "platform_site.middleware.HostMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.PersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.PageRefusalMiddleware",
    "transactions.decisions.middleware.ReasonLanguageMiddleware",
]

ROOT_URLCONF = "platform_site.urls"
WSGI_APPLICATION = "platform_site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "platform_site.context.site",
            ],
        },
    },
]

# Threads per process of the web server.
WEB_THREADS = env.integer("WEB_THREADS", default=8, minimum=2, maximum=64)

# Engines: those at these URLs; `manage.py up` and the tests can start their own.
DATABASE_URL = env.text("DATABASE_URL", "")
STATEMENT_TIMEOUT_S = env.integer(
    "STATEMENT_TIMEOUT_S", default=20, minimum=0, maximum=86_400
)
PREPARED_STATEMENTS = env.boolean("PREPARED_STATEMENTS", default=True)
REDIS_URL = env.text("REDIS_URL", "")
REDIS_TIMEOUT_MS = env.integer(
    "REDIS_TIMEOUT_MS", default=250, minimum=10, maximum=60_000
)

DATABASES = {
    "default": engine_settings.database(
        DATABASE_URL,
        threads=WEB_THREADS,
        statement_timeout_s=STATEMENT_TIMEOUT_S,
        prepared=PREPARED_STATEMENTS,
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": engine_settings.cache_options(timeout_ms=REDIS_TIMEOUT_MS),
    }
}

CELERY_BROKER_URL = engine_settings.broker(REDIS_URL)
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 300
# Then a job whose worker was killed goes back to the queue. A job that runs longer may
# run twice at the same time, which is harmless.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CONSUMER = "platform_site.broker:Consumer"
# Otherwise anybody with access to Valkey could stop the workers.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "platform_site.beat:Scheduler"
CELERY_TIMEZONE = "UTC"
# Saved after each run, so that a killed beat repeats no job.
CELERY_BEAT_SYNC_EVERY = 1
CELERY_BEAT_SCHEDULE = SCHEDULE

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "accounts.backends.RoleBackend",
]
LOGIN_URL = LOGOUT_REDIRECT_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
PASSWORD_MINIMUM = 12
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": f"{_VALIDATION}.MinimumLengthValidator",
        "OPTIONS": {"min_length": PASSWORD_MINIMUM},
    },
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
]

# Links for a forgotten password are valid for an hour.
PASSWORD_RESET_TIMEOUT = 3600

# Second factors: required for staff and approvers; off by default in development.
MFA_REQUIRED = env.boolean("MFA_REQUIRED", default=PRODUCTION)
MFA_ADAPTER = "accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_RECOVERY_CODE_DIGITS = 10
MFA_PASSKEY_LOGIN_ENABLED = True
# Browsers treat http://localhost as secure; fido2 does only with this setting.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
MFA_FORMS = {
    "authenticate": "accounts.forms.SignInCodeForm",
    "reauthenticate": "accounts.forms.StepUpCodeForm",
    "add_webauthn": "accounts.forms.NewPasskeyForm",
    "authenticate_webauthn": "accounts.forms.SignInPasskeyForm",
    "login_webauthn": "accounts.forms.PasskeyOnlyForm",
    "reauthenticate_webauthn": "accounts.forms.StepUpPasskeyForm",
}
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_FORMS = {"reset_password": "accounts.forms.ForgottenPasswordForm"}
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "accounts.links.PasswordLinks"  # noqa: S105 - a name.
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False  # Ours apply: RATE_LIMIT_CONFIG.

# Single sign-on by OpenID Connect, switched on by the issuer's address.
OIDC_ISSUER = env.text("OIDC_ISSUER", "")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID", None if OIDC_ISSUER else "")
OIDC_CLIENT_SECRET = env.text("OIDC_CLIENT_SECRET", None if OIDC_ISSUER else "")
OIDC_NAME = env.text("OIDC_NAME", "single sign-on")
SOCIALACCOUNT_ADAPTER = "accounts.adapters.SingleSignOnAdapter"
SOCIALACCOUNT_PROVIDERS = single_sign_on.providers(
    OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_NAME
)

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
# By both: by name alone, a stranger could lock an administrator out.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_HANDLER = "accounts.lock_out.RetryingAxesHandler"
AXES_CLIENT_IP_CALLABLE = "accounts.lock_out.address_of"
AXES_USERNAME_CALLABLE = "accounts.lock_out.name_of"
AXES_LOCKOUT_CALLABLE = "accounts.lock_out.answer"
AXES_RESET_ON_SUCCESS = True
# The console shows failures by our own read-only admin.
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "password"]

# Limits: the specification's table, or the environment variable of that name.
RATE_LIMIT_CONFIG = parse_limits(env.json_object("RATE_LIMIT_CONFIG"))
RATELIMIT_IP_META_KEY = "audit.base.context.client_address"
RATELIMIT_EXCEPTION_CLASS = "security.errors.RateLimited"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.PersonAuthentication",
        "agents.authentication.AgentAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.IsPerson"],
    "DEFAULT_THROTTLE_CLASSES": ["security.limits.throttles.GcraThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "audit.base.media_types.ProblemNegotiation",
    "DEFAULT_PARSER_CLASSES": ["security.schemas.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "audit.base.pagination.TimeCursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["audit.base.filters.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "platform_site.api_schema.ApiSchema",
    "DEFAULT_VERSIONING_CLASS": None,
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS is 405: see docs/openapi.yaml.
    "EXCEPTION_HANDLER": "platform_site.errors.problem_response",
    "UNAUTHENTICATED_USER": "audit.base.context.Anonymous",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "URL_FORMAT_OVERRIDE": None,
    "PAGE_SIZE": 50,
}

SIMPLE_JWT = {
    "ALGORITHM": JWT_ALGORITHM,
    "SIGNING_KEY": JWT_SECRET_KEY,
    "ISSUER": "ai-agent-platform",
    "AUDIENCE": "ai-agent-platform-api",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=JWT_EXPIRATION_MINUTES),
    "USER_ID_CLAIM": "sub",
    "TOKEN_TYPE_CLAIM": "typ",
    "LEEWAY": 5,
}


# Requests are small; a larger body is refused before it is parsed.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

# Transport and browser policy.
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https")
    if TRUSTED_PROXIES and TRUSTED_PROXIES != ["none"]
    else None
)
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_HSTS_SECONDS = 63_072_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_NAME = "__Host-session" if PRODUCTION else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if PRODUCTION else "csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_SERIALIZER = "security.encryption.session_serializer.SealedSerializer"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_FAILURE_VIEW = "platform_site.views.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF, *single_sign_on.origin_of(OIDC_ISSUER)],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        **({"upgrade-insecure-requests": True} if PRODUCTION else {}),
    }
}

STATIC_URL = "/static/"
STATIC_ROOT = env.text("STATIC_ROOT", "") or None
STATICFILES_DIRS = [BASE_DIR / "platform_site" / "static"]
# Without `collectstatic` files are served from where they are.
WHITENOISE_USE_FINDERS = STATIC_ROOT is None

# How mail is sent; the security contacts are database rows.
EMAIL_BACKEND = env.text(
    "EMAIL_BACKEND",
    f"django.core.mail.backends.{'smtp' if PRODUCTION else 'console'}.EmailBackend",
)
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.integer("EMAIL_PORT", default=25, minimum=1, maximum=65535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", default=False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "platform@example.com")

LANGUAGE_CODE = "en"
# Languages of the reasons (transactions/locale); all other text is English.
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "platform_site.formats"

# Usernames are unique by a constraint on their lower-case form.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]

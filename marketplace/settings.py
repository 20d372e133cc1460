"""Settings: one file, from the environment only, typed; an invalid value stops the program at startup.

MODE sets how strict we are. ``demo`` (the default) and ``test`` fill gaps with safe local values;
``production`` fills nothing and refuses values a stranger could know (see ``marketplace/ops/checks.py``).
"""

import hashlib
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError
from marshmallow.validate import OneOf, Range

from marketplace.ops.checks import refuse_unsafe
from marketplace.ops.local_keys import load_local_keys
from marketplace.ops.postgres.cluster import Cluster, test_cluster

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- How strict --------------------------------------------------------------------------------
TESTING = "pytest" in sys.modules
MODE = env.str("MODE", "test" if TESTING else "demo", validate=OneOf(["demo", "test", "production"]))
PRODUCTION = MODE == "production"
DEBUG = env.bool("DEBUG", False)
VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var"))).resolve()

# --- Keys: what signs, what seals, what digests ------------------------------------------------
MISSING: Any = ...  # how environs spells "there is no default"
_local: dict[str, Any] = {} if PRODUCTION else load_local_keys(VAR_DIR / "keys.json")
try:
    SECRET_KEY = env.str("SECRET_KEY", _local.get("SECRET_KEY", MISSING))
    # "id:base64 of 32 bytes", comma separated; the first key seals, all of them open.
    FIELD_KEYS: list[str] = env.list("FIELD_KEYS", [_local["FIELD_KEYS"]] if _local else MISSING)
    DIGEST_KEY = env.str("DIGEST_KEY", _local.get("DIGEST_KEY", MISSING))
except EnvError as error:
    raise ImproperlyConfigured(f"production needs its own keys: {error}") from error

# --- Addresses ---------------------------------------------------------------------------------
PORT = env.int("PORT", 8000, validate=Range(1, 65535))
WEB_WORKERS = env.int("WEB_WORKERS", 1, validate=Range(1, 64))  # web processes of `manage.py up`
SITE_URL = env.str("SITE_URL", f"http://localhost:{PORT}").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", [SITE_URL])
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0, validate=Range(0, 5))
ROOT_URLCONF = "marketplace.urls"
WSGI_APPLICATION = "marketplace.wsgi.application"

# --- The operator: a named company on every page and receipt ------------------------------------
DEMO_OPERATOR = {
    "name": "Harrow & Pine Lead Exchange LLC",
    "street": "410 Sycamore Street, Suite 3",
    "city": "Dayton, OH 45402",
    "phone": "(937) 555-0142",
    "email": "desk@remainder.example",
}
OPERATOR = {field: env.str(f"OPERATOR_{field.upper()}", value) for field, value in DEMO_OPERATOR.items()}

# --- Apps --------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "leads",
    "buyers",
    "billing",
    "marketplace",
    "pghistory.admin",  # must come before the admin, so that its links appear on the admin's pages
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.forms",
    "template_partials",
    "django_filters",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "pgtrigger",
    "pghistory",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "marketplace.middleware.RequestLogMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "pghistory.middleware.HistoryMiddleware",
    "buyers.companies.access.BuyerMiddleware",
    "buyers.companies.second_factor.StaffSecondFactorMiddleware",
    "marketplace.middleware.PrivateResponseMiddleware",
    "marketplace.middleware.ShelfMiddleware",
]

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
                "marketplace.context.market",
            ],
        },
    },
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "NAME": "jinja",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {"environment": "marketplace.jinja.environment"},
    },
]

# --- Database: one engine everywhere ------------------------------------------------------------
if _database_url := env.str("DATABASE_URL", ""):
    DATABASES: dict[str, dict[str, Any]] = {
        "default": dict(dj_database_url.parse(_database_url, conn_max_age=60, conn_health_checks=True))
    }
    EMBEDDED_CLUSTER = None
else:
    if PRODUCTION:
        raise ImproperlyConfigured("production needs DATABASE_URL")
    EMBEDDED_CLUSTER = test_cluster(VAR_DIR / "postgres-test") if TESTING else Cluster(VAR_DIR / "postgres")
    DATABASES = {"default": EMBEDDED_CLUSTER.django_settings(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Jobs ---------------------------------------------------------------------------------------
_database = DATABASES["default"]
CELERY_BROKER_URL = env.str("BROKER_URL", "pgmq://")
if CELERY_BROKER_URL == "pgmq://":
    # A broker that needs no server: pgmq's tables in our own database (see docs/decisions.md).
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "conn_string": " ".join(
            f"{key}='{_database[name]}'"
            for key, name in (
                ("host", "HOST"),
                ("port", "PORT"),
                ("user", "USER"),
                ("password", "PASSWORD"),
                ("dbname", "NAME"),
            )
            if _database.get(name)
        ),
        "init_extension": False,
        "wait_time_seconds": 0,
        "polling_interval": 0.05,
        "visibility_timeout": 600,
        "pool_size": 2,
    }
elif CELERY_BROKER_URL.startswith("amqp"):
    CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
    CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"
    CELERY_WORKER_DETECT_QUORUM_QUEUES = True
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "unacked_restore_throttle": 1}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 540  # below the visibility timeout: a longer task would run twice
CELERY_TASK_SOFT_TIME_LIMIT = 480
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# --- Money: cards by Stripe, amounts in cents ----------------------------------------------------
# Without a key there are no card payments and the operator credits wallets; the demo has a stand-in for Stripe.
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", "")
# Newest first; two while one is being replaced.
STRIPE_WEBHOOK_SECRETS: list[str] = env.list("STRIPE_WEBHOOK_SECRETS", [])
STRIPE_API_BASE = env.str("STRIPE_API_BASE", "https://api.stripe.com").rstrip("/")
STRIPE_CHECKOUT_ORIGIN = env.str("STRIPE_CHECKOUT_ORIGIN", "https://checkout.stripe.com").rstrip("/")
STRIPE_STAND_IN = MODE == "demo" and not STRIPE_SECRET_KEY
STRIPE_STAND_IN_PORT = env.int("STRIPE_STAND_IN_PORT", PORT + 1, validate=Range(1, 65534))
if STRIPE_STAND_IN:
    STRIPE_SECRET_KEY = "sk_test_stand_in"  # noqa: S105  (the demo stand-in's, and worth nothing)
    STRIPE_WEBHOOK_SECRETS = [f"whsec_{hashlib.sha256(f'stand-in {SECRET_KEY}'.encode()).hexdigest()}"]
    STRIPE_API_BASE = f"http://127.0.0.1:{STRIPE_STAND_IN_PORT}"
    STRIPE_CHECKOUT_ORIGIN = f"http://localhost:{STRIPE_STAND_IN_PORT}"
STRIPE_API_VERSION = "2026-10-28.endive"
STRIPE_TIMEOUT_SECONDS = env.float("STRIPE_TIMEOUT_SECONDS", 10.0, validate=Range(0.1, 60))
TOP_UP_LEAST_CENTS = env.int("TOP_UP_LEAST_CENTS", 1_000, validate=Range(50, 99_999_999))
TOP_UP_MOST_CENTS = env.int("TOP_UP_MOST_CENTS", 1_000_000, validate=Range(50, 99_999_999))
TOP_UP_SUGGESTED_CENTS = env.list("TOP_UP_SUGGESTED_CENTS", [5_000, 10_000, 25_000, 50_000], subcast=int)
AUTOMATIC_TOP_UP_NOTICE_MINUTES = env.int("AUTOMATIC_TOP_UP_NOTICE_MINUTES", 10, validate=Range(0, 24 * 60))
AUTOMATIC_TOP_UP_DAILY_MOST_CENTS = env.int("AUTOMATIC_TOP_UP_DAILY_MOST_CENTS", 500_000, validate=Range(50))
PAYOUT_TWO_PEOPLE_OVER_CENTS = env.int("PAYOUT_TWO_PEOPLE_OVER_CENTS", 100_000, validate=Range(0))
PAYOUT_LEAST_CENTS = env.int("PAYOUT_LEAST_CENTS", 2_500, validate=Range(1))

# --- People -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "buyers.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if TESTING:
    # Every test creates users; the real hasher is slow on purpose.
    PASSWORD_HASHERS.insert(0, "django.contrib.auth.hashers.MD5PasswordHasher")
# NIST 800-63B: a minimum length and a list of known passwords; no composition rules.
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 15}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "buyers.companies.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]  # asked once, because the field can show what is typed
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if PRODUCTION else "optional"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(SITE_URL).scheme
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = False
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Remainder"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION  # passkeys on http://localhost
# Staff can see personal data: in production a password alone is not enough for the operator's pages.
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", PRODUCTION)
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# --- The audit trail in the admin: one object or one model at a time ----------------------------
PGHISTORY_ADMIN_MODEL = "pghistory.MiddlewareEvents"
PGHISTORY_ADMIN_ALL_EVENTS = False

# --- Email, files -------------------------------------------------------------------------------
_email = env.dj_email_url("EMAIL_URL", "smtp://" if PRODUCTION else "console:")
globals().update({name: value for name, value in _email.items() if name.startswith("EMAIL_")})
DEFAULT_FROM_EMAIL = env.str("FROM_EMAIL", f"Remainder <{OPERATOR['email']}>")
_STATIC_FILES = {
    "test": "django.contrib.staticfiles.storage.StaticFilesStorage",
    "demo": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",  # without compression, which takes 40 s
    "production": "whitenoise.storage.CompressedManifestStaticFilesStorage",
}
_storage_url = urlsplit(env.str("STORAGE_URL", ""))


def _files_in(folder: str) -> dict[str, Any]:
    """Under VAR_DIR, or in a bucket that several hosts share: s3://bucket/prefix (needs django-storages[s3])."""
    if _storage_url.scheme == "s3":
        place = {"bucket_name": _storage_url.netloc, "location": f"{_storage_url.path.strip('/')}/{folder}".lstrip("/")}
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {**place, "querystring_auth": True}}
    if _storage_url.scheme:
        raise ImproperlyConfigured("STORAGE_URL must be empty or a URL such as s3://bucket/prefix.")
    return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(VAR_DIR / folder)}}


STORAGES = {
    # Stored uploads are sealed (leads/intake/importing/stored.py); nothing in here has a public URL.
    "default": _files_in("files"),
    # Inventory snapshots that every web process loads at startup.
    "inventory": _files_in("inventory"),
    "staticfiles": {"BACKEND": _STATIC_FILES[MODE]},
}
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = TESTING
FORM_RENDERER = "marketplace.form_renderer.MarketFormRenderer"

# --- Time and language --------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False

# --- Cache: front page counts and rate limits on guessing, shared by all processes ------------------
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if TESTING
    else {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "market_cache"}
}

# --- Security -----------------------------------------------------------------------------------
_HTTPS = SITE_URL.startswith("https://")
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        # A form submission may redirect to Stripe's own page.
        "form-action": [SELF, STRIPE_CHECKOUT_ORIGIN],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
UPLOAD_LIMIT_BYTES = env.int("UPLOAD_LIMIT_BYTES", 200 * 1024 * 1024)

# --- API ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["buyers.companies.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["buyers.companies.authentication.HasBuyer"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["marketplace.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "marketplace.api.openapi.MarketSchema",
    "DEFAULT_THROTTLE_CLASSES": ["marketplace.api.throttling.BuyerThrottle"],
    "DEFAULT_THROTTLE_RATES": {"buyer": env.str("API_RATE", "600/min")},
    "EXCEPTION_HANDLER": "marketplace.api.errors.answer_error",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Remainder",
    "DESCRIPTION": "Browse, quote, buy and download aged leads.",
    "VERSION": "1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enum_id_removal"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

# --- Logs: one JSON line per event, no personal data --------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", "INFO", validate=OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]))
LOGGING_CONFIG = "marketplace.ops.logs.configure"
LOGGING = {"level": LOG_LEVEL, "json": env.bool("LOG_JSON", PRODUCTION)}
SILENCED_SYSTEM_CHECKS: list[str] = []

if PRODUCTION:
    refuse_unsafe(globals())

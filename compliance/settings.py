"""Settings: an embedded default (SQLite, a broker in a folder) that the environment turns into production."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

if sys.getfilesystemencoding() != "utf-8":  # a person in the name of a file would not be recognised
    raise ImproperlyConfigured(
        f"Names of files and what commands say would be read as {sys.getfilesystemencoding()}.\n"
        "Next: set PYTHONUTF8=1, or a locale of UTF-8 such as LC_ALL=C.UTF-8, and start again."
    )
BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(str(BASE_DIR / ".env"))

# Nothing is fetched from a model hub at run time, and model processes stay on one thread each.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

OUBLI_VAR = Path(env.str("OUBLI_VAR", default=str(BASE_DIR / "var"))).resolve()
# Letters with codes, the database and what workers write lie here: no other account of the machine may look in.
OUBLI_VAR.mkdir(parents=True, exist_ok=True, mode=0o700)
OUBLI_KEYS = Path(env.str("OUBLI_KEYS", default=str(OUBLI_VAR / "keys"))).resolve()
OUBLI_MAIL = OUBLI_VAR / "mail"
OUBLI_EVIDENCE = OUBLI_VAR / "evidence"
OUBLI_UNDO = OUBLI_VAR / "undo"
OUBLI_BROKER = OUBLI_VAR / "broker"
OUBLI_SUPPRESSIONS = OUBLI_VAR / "suppressions"
OUBLI_UNDO_DAYS = env.int("OUBLI_UNDO_DAYS", default=30)
OUBLI_MODELS = Path(env.str("OUBLI_MODELS", default=str(OUBLI_VAR / "models"))).resolve()
OUBLI_CALLBACK_HOSTS = env.list("OUBLI_CALLBACK_HOSTS", default=[])
OUBLI_UNLEARNING_LIVE = env.int("OUBLI_UNLEARNING_LIVE", default=4)
OUBLI_UNLEARNING_DAILY = env.int("OUBLI_UNLEARNING_DAILY", default=50)
OUBLI_CODE_MINUTES = 15
OUBLI_CODE_TRIES = 5
OUBLI_SITE = env.str("OUBLI_SITE", default="http://localhost:8000").rstrip("/")
OUBLI_BIND = env.str("OUBLI_BIND", default="127.0.0.1")
OUBLI_PROXIES = env.int("OUBLI_PROXIES", default=0)
# Knocks an hour: from one network, and from everybody together (which only a flood of many machines reaches).
OUBLI_LIMITS = {
    "form": (env.int("OUBLI_FORMS_AN_HOUR", default=30), 20_000),
    "file": (60, 20_000),
    "code": (60, 40_000),
    "status": (120, 40_000),
    "draft": (30, 20_000),
}
# The company's own sign-in (OpenID Connect), by which its customers may prove identifiers; none without an issuer.
OUBLI_OIDC_ISSUER = env.str("OUBLI_OIDC_ISSUER", default="").rstrip("/")
OUBLI_OIDC_NAME = env.str("OUBLI_OIDC_NAME", default="Customer account")
OUBLI_OIDC_CLAIMS = env.str("OUBLI_OIDC_CLAIMS", default="email=email,phone_number=phone")
SOCIALACCOUNT_ADAPTER = "compliance.web.company_account.Proving"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a link: a form may not lead to another site (Content-Security-Policy)
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "company",
                "name": OUBLI_OIDC_NAME,
                "client_id": env.str("OUBLI_OIDC_CLIENT", default=""),
                "secret": env.str("OUBLI_OIDC_SECRET", default=""),
                "settings": {"server_url": OUBLI_OIDC_ISSUER},
            }
        ]
        if OUBLI_OIDC_ISSUER
        else [],
    }
}
OUBLI_EXIT = env.str("OUBLI_EXIT", default="https://www.wikipedia.org/")
OUBLI_SCANNER = env.str("OUBLI_SCANNER", default="")
OUBLI_RETENTION_DAYS = env.int("OUBLI_RETENTION_DAYS", default=3 * 365)
OUBLI_FORECAST_QUESTIONS = env.int("OUBLI_FORECAST_QUESTIONS", default=100)
OUBLI_LEASE_SECONDS = env.int("OUBLI_LEASE_SECONDS", default=20)
OUBLI_JOB_ATTEMPTS = 5
OUBLI_SHARD_MEGABYTES = env.int("OUBLI_SHARD_MEGABYTES", default=32)


def _secret(name: str) -> str:
    """A secret from the environment, else from a file of its own that only the owner can read."""
    if value := env.str(name, default=""):
        return str(value)
    path = OUBLI_KEYS / name.lower()
    if not path.exists():
        OUBLI_KEYS.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(secrets.token_urlsafe(48))
            handle.flush()
            os.fsync(handle.fileno())
        try:
            os.link(temporary, path)  # fails when another process was first: then its secret counts
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_text()


SECRET_KEY = _secret("OUBLI_SECRET_KEY")
OUBLI_MASTER_KEY = _secret("OUBLI_MASTER_KEY")
# Only between the two halves of a rotation (manage.py rotate_keys): the key that was in use before.
OUBLI_MASTER_KEY_PREVIOUS = env.str("OUBLI_MASTER_KEY_PREVIOUS", default="")
if not OUBLI_MASTER_KEY_PREVIOUS and (OUBLI_KEYS / "oubli_master_key_previous").is_file():
    OUBLI_MASTER_KEY_PREVIOUS = (OUBLI_KEYS / "oubli_master_key_previous").read_text()
DEBUG = False
ALLOWED_HOSTS = env.list("OUBLI_HOSTS", default=["localhost", "127.0.0.1", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("OUBLI_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "axes",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "compliance.accounts",
    "compliance.audit",
    "compliance.jobs",
    "compliance.forgetting",
    "compliance.intake",
    "compliance.provenance",
    "compliance.mitigation",
    "compliance.validation",
    "compliance.evidence",
    "compliance.web",
    "compliance.api",
    "compliance.worker",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "compliance.web.pages.NotThisWay",
    "compliance.web.second_factor.Guard",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "compliance.urls"
WSGI_APPLICATION = "compliance.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES: dict[str, Any] = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{OUBLI_VAR / 'oubli.sqlite3'}"),
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Measured: WAL + IMMEDIATE + a long timeout gives no lock errors with 20 writers; FULL keeps what was promised.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
MFA_ADAPTER = "compliance.accounts.second_factor.Sealing"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1  # a device's clock may be half a minute off
MFA_RECOVERY_CODE_DIGITS = 10
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/officer/"
LOGOUT_REDIRECT_URL = "/"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "compliance.web.sign_in.whence"
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "compliance.web.pages.locked"

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("pt-br", "Português (Brasil)"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
]
LOCALE_PATHS = [BASE_DIR / "templates" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = OUBLI_VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# Served from the packages until somebody collects them (compressed copies exist only there).
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "web").is_dir()
if WHITENOISE_USE_FINDERS:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_AUTOREFRESH = False

EMAIL_BACKEND = env.str("OUBLI_EMAIL_BACKEND", default="django.core.mail.backends.filebased.EmailBackend")
EMAIL_FILE_PATH = str(OUBLI_MAIL)
if smtp := env.str("EMAIL_URL", default=""):
    vars().update(env.email_url_config(smtp))
EMAIL_TIMEOUT = 15  # seconds: a mail server that says nothing would hold a worker for ever
DEFAULT_FROM_EMAIL = env.str("OUBLI_FROM", default="privacy@localhost")

HTTPS = env.bool("OUBLI_HTTPS", default=False)
OUBLI_SECOND_FACTOR = env.str("OUBLI_SECOND_FACTOR", default="required" if HTTPS else "offered")
if OUBLI_SECOND_FACTOR not in ("required", "offered"):
    raise ImproperlyConfigured("OUBLI_SECOND_FACTOR is required or offered. Next: correct it, and start again.")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 5
FILE_UPLOAD_HANDLERS = ["compliance.web.uploads.CappedMemory"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "compliance.api.problems.handle",
    "NUM_PROXIES": OUBLI_PROXIES,  # with None, whatever a caller writes into X-Forwarded-For would count
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.ScopedRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"intake": f"{OUBLI_LIMITS['form'][0]}/hour"},
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Oubli API",
    "DESCRIPTION": "Erasure requests, from intake to evidence.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # the row is the truth: a message only says "look", so losing one costs a tick
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("OUBLI_LOG", default="WARNING")},
}

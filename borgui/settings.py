"""All settings in one file; every environment variable is read here, through `env` (interfaces.md, "Environment")."""

from datetime import timedelta
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import dj_database_url
from csp.constants import NONCE, NONE, SELF

from borgui import env, keyfiles
from borgui.imports import as_if_missing

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

# --- data directory ---------------------------------------------------------------------------------------------------
DATA_DIR = env.path("BORGUI_DATA_DIR", BASE_DIR / "data")
KEYS_DIR = DATA_DIR / "keys"
LIBRARY_DIR = DATA_DIR / "scripts" / "library"
TEMPLATES_DIR = DATA_DIR / "scripts" / "templates"
CATALOGUE_DIR = BASE_DIR / "scripts_library" / "catalogue"
LOGS_DIR = DATA_DIR / "logs"
RUN_DIR = DATA_DIR / "run"
BORG_DIR = DATA_DIR / "borg"
CACHE_DIR = DATA_DIR / "cache"

# --- behaviour --------------------------------------------------------------------------------------------------------
WORKERS = env.integer("BORGUI_WORKERS", 4, least=1, most=64)
MAX_JOBS = env.integer("BORGUI_MAX_JOBS", 0, most=10_000)
MAX_JOBS_PER_SERVER = env.integer("BORGUI_MAX_JOBS_PER_SERVER", 0, most=10_000)
STOP_GRACE = env.integer("BORGUI_STOP_GRACE", 120, least=1, most=86400)
PASS_ENV = env.variable_names("BORGUI_PASS_ENV")
EXTERNAL_EDITS = env.one_of("BORGUI_EXTERNAL_EDITS", ["run", "block"], "run")
SCRIPTS_READONLY = env.boolean("BORGUI_SCRIPTS_READONLY", False)
FOUR_EYES = env.boolean("BORGUI_FOUR_EYES", False)
HIDE_OUTPUT = env.boolean("BORGUI_HIDE_OUTPUT", False)
SECOND_FACTOR_OF = ["none", "administrators", "authors", "everybody"]
REQUIRE_SECOND_FACTOR = env.one_of("BORGUI_REQUIRE_SECOND_FACTOR", SECOND_FACTOR_OF, "none")
FRESH_SIGN_IN = env.integer("BORGUI_FRESH_SIGN_IN", 15, most=24 * 60)  # minutes
PASSWORD_SIGN_IN = env.boolean("BORGUI_PASSWORD_SIGN_IN", True)
MIN_FREE = env.integer("BORGUI_MIN_FREE", 200, least=0) * 1024 * 1024
KEEP_ROWS_DAYS = env.integer("BORGUI_KEEP_ROWS_DAYS", 400, least=1)
KEEP_LOGS_DAYS = env.integer("BORGUI_KEEP_LOGS_DAYS", 90, least=1)
BORG = env.text("BORGUI_BORG")
HOST = env.text("BORGUI_HOST", "127.0.0.1")
PORT = env.integer("BORGUI_PORT", 8000, least=1, most=65535)
KNOWN_HOSTS = env.words("BORGUI_ALLOWED_HOSTS")

# --- secrets ----------------------------------------------------------------------------------------------------------
SECRET_KEY = env.secret("BORGUI_SECRET_KEY") or keyfiles.read_or_make(KEYS_DIR / "secret_key")
ENCRYPTION_KEYS = env.secret("BORGUI_ENCRYPTION_KEYS").replace(",", " ").split()

# --- sign-in at an OpenID Connect provider ----------------------------------------------------------------------------
OIDC_ISSUER = env.issuer("BORGUI_OIDC_ISSUER")
OIDC_CLIENT_ID = env.text("BORGUI_OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.secret("BORGUI_OIDC_CLIENT_SECRET")
OIDC_LABEL = env.text("BORGUI_OIDC_LABEL")
OIDC_SCOPES = env.words("BORGUI_OIDC_SCOPES", ["openid", "profile"])
OIDC_NEW_PEOPLE = env.boolean("BORGUI_OIDC_NEW_PEOPLE", False)
OIDC_ROLES_CLAIM = env.text("BORGUI_OIDC_ROLES_CLAIM")
OIDC_ROLES = env.pairs("BORGUI_OIDC_ROLES", ["viewer", "operator", "author", "administrator"])
OIDC_DEFAULT_ROLE = env.one_of("BORGUI_OIDC_DEFAULT_ROLE", ["none", "viewer"], "none")
OIDC_SECOND_FACTOR = env.one_of("BORGUI_OIDC_SECOND_FACTOR", ["here", "provider"], "here")

# --- Django -----------------------------------------------------------------------------------------------------------
DEBUG = False
ALLOWED_HOSTS = ["*"]  # borgui.middleware.known_host decides, and says which line to add
CSRF_TRUSTED_ORIGINS = env.origins("BORGUI_TRUSTED_ORIGINS")
ROOT_URLCONF = "borgui.urls"
WSGI_APPLICATION = "borgui.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3000  # a package of 1,000 scripts has a tick and perhaps a name for each
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"

INSTALLED_APPS = [
    "borgui",  # first, for its commands take the place of those of the same name (changepassword)
    "django.contrib.admin.apps.SimpleAdminConfig",  # discovered in borgui.urls: a job process does without
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "allauth.account",  # allauth.mfa cannot be without; its pages are not ours
    "allauth.mfa",
    "django_htmx",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "lucide",
    "huey.contrib.djhuey",
    "borgui.accounts",
    "scripts_library",
    "backups",
]

MIDDLEWARE = [
    "borgui.middleware.known_host",
    "borgui.doors.limited_bodies",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "borgui.doors.strict_headers",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "borgui.accounts.audit.of_requests",
    "borgui.accounts.browsers.seen",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "borgui.middleware.toasts",
    "borgui.refusals.Refusals",
    "borgui.accounts.time_zone.of_this_installation",
    "borgui.accounts.second_factor_first.SecondFactorFirst",
    "allauth.account.middleware.AccountMiddleware",  # demanded by allauth.account
    "axes.middleware.AxesMiddleware",
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
                "csp.context_processors.nonce",
                "backups.shell.surroundings",
            ]
        },
    }
]

# IMMEDIATE: with deferred transactions writers of web and worker fail with "database is locked" whatever the timeout.
SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": DATA_DIR / "borg.db",
    "OPTIONS": {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    },
}
DATABASE_URL = env.secret("BORGUI_DATABASE_URL")
NAMED = dict(dj_database_url.parse(DATABASE_URL, conn_health_checks=True)) if DATABASE_URL else {}
DATABASES = {"default": {**SQLITE, **NAMED} if NAMED.get("ENGINE", SQLITE["ENGINE"]) == SQLITE["ENGINE"] else NAMED}

# immediate is given, for its default follows DEBUG. Rows are the truth; a queue entry is only a poke (behaviour, 6).
REDIS_URL = env.secret("BORGUI_REDIS_URL")
# huey loads the drivers of all queues that it knows: a quarter of what it takes to start a process, of each job too.
with as_if_missing("psycopg", *([] if REDIS_URL else ["redis"])):
    from borgui.queue_format import JsonSerializer
CONSUMER = {"workers": 2, "worker_type": "thread", "max_delay": 1, "backoff": 1.15, "check_worker_health": True}
HUEY = {
    "name": "borgui",
    "immediate": False,
    "results": False,
    "serializer": JsonSerializer(),
    "consumer": CONSUMER,
    **(
        {"huey_class": "huey.RedisHuey", "connection": {"url": REDIS_URL}}
        if REDIS_URL
        else {"huey_class": "huey.SqliteHuey", "connection": {"filename": str(DATA_DIR / "huey.db"), "fsync": True}}
    ),
}

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # of older accounts, until they sign in next
]
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600  # seconds that the link with which somebody sets a password works
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "borgui.accounts.passwords.OnlyWhereTheyCount",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

AXES_HANDLER = "borgui.accounts.throttling.CountOnly"
AXES_DISABLE_ACCESS_LOG = True  # the audit log has it
AXES_LOCKOUT_PARAMETERS = ["ip_address"]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "borgui.accounts.origin.counted_for"
AXES_LOCKOUT_CALLABLE = "borgui.accounts.signing_in.locked_out"
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

MFA_ADAPTER = "borgui.accounts.second_factor.Encrypting"
MFA_TOTP_TOLERANCE = 1  # periods of 30 s that the clock of a phone may be wrong
MFA_RECOVERY_CODE_DIGITS = 10

LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.time_zone("BORGUI_TIME_ZONE")
TIME_ZONE_IS_SET = bool(env.text("BORGUI_TIME_ZONE"))  # else the answer given at set-up counts
USE_TZ = True
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# Of the page behind /api/docs; as an app ninja would be imported, with pydantic, by every process that serves no page.
NINJA = Path(cast(ModuleSpec, find_spec("ninja")).origin or "").parent
STATICFILES_DIRS = [("dist", BASE_DIR / "static" / "dist"), ("ninja", NINJA / "static" / "ninja")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"

# Bytes of a request, by the beginning of its address; else DATA_UPLOAD_MAX_MEMORY_SIZE.
BODY_LIMITS = {"/scripts/import/": 9 * 2**20, "/api/scripts/import": 9 * 2**20}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if CSRF_TRUSTED_ORIGINS else None
SECURE_COOKIES = bool(CSRF_TRUSTED_ORIGINS) and all(origin.startswith("https:") for origin in CSRF_TRUSTED_ORIGINS)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
# Of this very host and HTTPS only, says the browser itself; a plain name works at home without TLS.
SESSION_COOKIE_NAME = "__Host-sessionid" if SECURE_COOKIES else "sessionid"
# Encryption in transit is the reverse proxy's; on localhost and in a home network there is none to redirect to.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008", "security.W012", "security.W016"]

LOG_LEVEL = env.one_of("BORGUI_LOG_LEVEL", ["DEBUG", "INFO", "WARNING", "ERROR"], "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "borgui.log_lines.OneLine", "fmt": "{asctime} {levelname} {name}: {message}", "style": "{"}
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "axes": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "django": {"handlers": ["stderr"], "level": LOG_LEVEL, "propagate": False},
        "fido2": {"level": "WARNING"},  # what happened with passkeys is in the audit log
        "huey": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "urllib3": {"level": "ERROR"},  # it would tell whole addresses, with the tokens in them
    },
}

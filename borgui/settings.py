"""All settings in one file; every environment variable is read here, through `env` (interfaces.md, "Environment")."""

from pathlib import Path

import dj_database_url
from csp.constants import NONCE, NONE, SELF

from borgui import env, keyfiles

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

# --- data directory ---------------------------------------------------------------------------------------------------
DATA_DIR = env.path("BORGUI_DATA_DIR", BASE_DIR / "data")
KEYS_DIR = DATA_DIR / "keys"
LIBRARY_DIR = DATA_DIR / "scripts" / "library"
TEMPLATES_DIR = DATA_DIR / "scripts" / "templates"
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

# --- Django -----------------------------------------------------------------------------------------------------------
DEBUG = False
ALLOWED_HOSTS = ["*"]  # borgui.middleware.known_host decides, and says which line to add
CSRF_TRUSTED_ORIGINS = env.origins("BORGUI_TRUSTED_ORIGINS")
ROOT_URLCONF = "borgui.urls"
WSGI_APPLICATION = "borgui.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"

INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",  # discovered in borgui.urls: a job process does without
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "lucide",
    "ninja",  # its own copy of the page behind /api/docs: nothing comes from outside
    "huey.contrib.djhuey",
    "borgui",
    "borgui.accounts",
    "scripts_library",
    "backups",
]

MIDDLEWARE = [
    "borgui.middleware.known_host",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "borgui.middleware.toasts",
    "borgui.refusals.Refusals",
    "borgui.accounts.time_zone.of_this_installation",
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
CONSUMER = {"workers": 2, "worker_type": "thread", "max_delay": 1, "backoff": 1.15, "check_worker_health": True}
HUEY = {
    "name": "borgui",
    "immediate": False,
    "results": False,
    "consumer": CONSUMER,
    **(
        {"huey_class": "huey.RedisHuey", "connection": {"url": REDIS_URL}}
        if REDIS_URL
        else {"huey_class": "huey.SqliteHuey", "connection": {"filename": str(DATA_DIR / "huey.db"), "fsync": True}}
    ),
}

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.time_zone("BORGUI_TIME_ZONE")
TIME_ZONE_IS_SET = bool(env.text("BORGUI_TIME_ZONE"))  # else the answer given at set-up counts
USE_TZ = True
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [("dist", BASE_DIR / "static" / "dist")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"

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
# Encryption in transit is the reverse proxy's; on localhost and in a home network there is none to redirect to.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008", "security.W012", "security.W016"]

LOG_LEVEL = env.one_of("BORGUI_LOG_LEVEL", ["DEBUG", "INFO", "WARNING", "ERROR"], "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": LOG_LEVEL, "propagate": False},
        "huey": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}

"""Settings of the in-process tests: a data directory of their own, a database file (threads and processes share it)."""

import os
import tempfile

os.environ["BORGUI_DATA_DIR"] = os.environ.get("BORGUI_TEST_DATA") or tempfile.mkdtemp(
    prefix=f"borgui-test-{os.getpid()}-"
)

from borgui.settings import *  # noqa: F403 - the product's settings, under the data directory just named

DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.db"}  # noqa: F405
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
WHITENOISE_AUTOREFRESH = True  # else each of thousands of clients reads all of staticfiles/ at its first request
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
KNOWN_HOSTS = ["testserver"]
FRESH_SIGN_IN = 0  # the tests of it switch it on

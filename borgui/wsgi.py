"""The web application, as gunicorn loads it."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "borgui.settings")

application = get_wsgi_application()

# All of the site before the processes part: else the first who asks each of them waits until it has been read.
assert get_resolver().url_patterns

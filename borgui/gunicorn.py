"""Configuration of gunicorn (`gunicorn -c python:borgui.gunicorn`): two processes with threads, no file on disk.

Loaded once, forked twice: the second process is there for the moments in which one of them is busy computing.
"""

import os

from borgui import env
from borgui.web_refusals import LONGEST_LINE

_host = env.text("BORGUI_HOST", "127.0.0.1")
_port = env.integer("BORGUI_PORT", 8000, least=1, most=65535)

wsgi_app = "borgui.wsgi:application"
bind = [f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"]
worker_class = "borgui.web_worker.PatientWorker"
workers = 2
threads = 8
preload_app = True
sendfile = False  # it would wait for slow readers, whom `web_outgoing` does not
timeout = 60
limit_request_line = LONGEST_LINE
# Seconds a request may still take once the service is to stop; no page of ours holds a request open.
graceful_timeout = 5
# Heartbeats in memory: on a slow disk a worker would be taken for dead.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
control_socket_disable = True
loglevel = "info" if env.text("BORGUI_LOG_LEVEL") == "DEBUG" else "warning"  # debug would tell one-time links

"""Docker's own client with an engine that answers as Docker's does. Podman's never leaves a fact out; Docker's does."""

import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .conftest import Job
from .engines import NEEDS_ROOT

pytestmark = [pytest.mark.services, pytest.mark.skipif(os.geteuid() != 0, reason=NEEDS_ROOT)]
ID = "c0ffee" + "0" * 58


class Engine(http.server.BaseHTTPRequestHandler):
    """One container `web`; it has no health check, so its State has no Health."""

    status = "running"

    def do_HEAD(self) -> None:
        self.answer(200, None)

    def do_GET(self) -> None:
        if self.path.endswith("/containers/json") or "/containers/json?" in self.path:
            return self.answer(200, [{"Id": ID, "Names": ["/web"], "State": self.status, "Labels": {}}])
        if f"/containers/{ID}/json" not in self.path and "/containers/web/json" not in self.path:
            return (
                self.answer(404, {"message": "No such container: nobody"})
                if "_ping" not in self.path
                else self.answer(200, None)
            )
        state = {"Status": self.status, "Running": self.status == "running", "Paused": False, "Dead": False}
        labels = {"com.docker.compose.service": "web", "com.docker.compose.project": "shop"}
        about = {
            "Id": ID,
            "Name": "/web",
            "State": state,
            "HostConfig": {"AutoRemove": False},
            "Config": {"Labels": labels},
        }
        return self.answer(200, about)

    def do_POST(self) -> None:
        type(self).status = {"stop": "exited", "start": "running"}[self.path.partition("?")[0].rpartition("/")[2]]
        self.answer(204, None)

    def answer(self, code: int, body: Any) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Engine.status = "running"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"tcp://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("docker-container-mgmt.sh", {"CONTAINERS": "web"}),
        ("docker-container-mgmt.sh", {"LABELS": "any"}),
        ("docker-compose-stop.sh", {"PROJECT": "shop"}),
    ],
)
def test_a_container_without_a_health_check_is_stopped_and_started(
    template: str, values: dict, address: str, make_job: Callable[..., Job]
) -> None:
    job = make_job()
    ran = job.run(template, **values, ENGINE_HOST=address)
    assert ran.ok, ran.output
    assert Engine.status == "exited"

    ran = job.run(template, "post-backup", "success", **values, WAIT_SECONDS=1)
    assert ran.ok, ran.output
    assert Engine.status == "running"

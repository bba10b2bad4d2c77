"""A stand-in for mongodump, which Debian does not have: its command line, its file of secrets, what it says, its archive.

Written after its source (mongo-tools 100.x). The "server" is a folder: SERVER/DATABASE/COLLECTION are files of documents,
SERVER/password is what it asks for; with SERVER/dies the connection breaks in the middle.
"""

import gzip
import json
import os
import signal
import sys
from pathlib import Path
from typing import IO

SERVER = Path(__file__).parent / "server"
FLAGS = {"--archive", "--gzip", "--oplog", "--version"}
VALUES = {"--config", "--host", "--port", "--username", "--authenticationDatabase", "--db", "--excludeCollection"}
MAGIC, END = bytes.fromhex("6de29981"), b"\xff" * 4


def fail(text: str) -> None:
    say(f"Failed: {text}")
    sys.exit(1)


def say(text: str) -> None:
    print(f"2026-11-28T00:00:00.000+0000\t{text}", file=sys.stderr, flush=True)


def bson(**fields: object) -> bytes:
    """Texts, booleans and whole numbers are all that is needed."""
    body = b""
    for name, value in fields.items():
        key = name.encode() + b"\0"
        if isinstance(value, bool):
            body += b"\x08" + key + bytes([value])
        elif isinstance(value, int):
            body += b"\x12" + key + value.to_bytes(8, "little")
        else:
            text = str(value).encode() + b"\0"
            body += b"\x02" + key + len(text).to_bytes(4, "little") + text
    return (len(body) + 5).to_bytes(4, "little") + body + b"\0"


def parse(words: list[str]) -> dict[str, str]:
    options = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in FLAGS | VALUES or (name in VALUES and not value):
            print(f'error parsing command line options: unknown option "{name.strip("-")}"', file=sys.stderr)
            sys.exit(1)
        options[name] = value
    return options


def secrets(path: str) -> dict[str, str]:
    """YAML of `name: "text"` lines, whose quoting is JSON's as far as it is used."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.strip() == "{}":
        return {}
    found = {name: json.loads(value) for name, _, value in (line.partition(": ") for line in text.splitlines())}
    if unknown := set(found) - {"password", "uri", "sslPEMKeyPassword"}:
        fail(f"error parsing config file {path}: yaml: field {unknown.pop()} not found")
    return found


def main() -> None:
    options = parse(sys.argv[1:])
    if "--version" in options:
        print("mongodump version: 100.12.2\ngit version: stand-in")
        return
    given = secrets(options["--config"])
    if options.get("--host") == "nowhere":
        fail(
            "can't create session: failed to connect to mongodb://nowhere/: server selection error: server selection timeout"
        )
    wanted = json.loads((SERVER / "password").read_text())
    if given.get("password") != wanted and given.get("uri") != f"mongodb://{wanted}@db/":
        fail(
            "can't create session: connection() error occurred during connection handshake: auth error: sasl conversation "
            'error: unable to authenticate using mechanism "SCRAM-SHA-256": (AuthenticationFailed) Authentication failed.'
        )
    if "--oplog" in options and "--db" in options:
        fail("bad option: --oplog mode only supported on full dumps")
    dump(options)


def dump(options: dict[str, str]) -> None:
    if "--gzip" not in options:
        return write(sys.stdout.buffer, options)
    with gzip.GzipFile(fileobj=sys.stdout.buffer, mode="wb", compresslevel=1) as out:
        return write(out, options)


def write(out: IO[bytes], options: dict[str, str]) -> None:
    asked = [options["--db"]] if "--db" in options else sorted(path.name for path in SERVER.iterdir() if path.is_dir())
    found = [file for name in asked for file in sorted((SERVER / name).glob("*"))]
    out.write(MAGIC + bson(concurrent_collections=4, version="0.1", server_version="7.0.0", tool_version="100.12.2"))
    for file in found:
        out.write(bson(db=file.parent.name, collection=file.name, metadata="{}", size=file.stat().st_size, type=""))
    out.write(END)
    for file in found:
        space, where = f"{file.parent.name}.{file.name}", {"db": file.parent.name, "collection": file.name}
        say(f"writing `{space}` to archive on stdout")
        out.write(bson(**where, EOF=False, CRC=0))
        for line in file.read_text().splitlines():
            out.write(bson(text=line))
            if (SERVER / "dies").exists():
                out.flush()
                (SERVER / "dies").rename(SERVER / "died")
                fail(
                    f"error writing data for collection `{space}` to disk: error reading collection: connection() : EOF"
                )
        out.write(END + bson(**where, EOF=True, CRC=1) + END)
        say(f"done dumping `{space}` ({len(file.read_text().splitlines())} documents)")
    out.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        main()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        fail(f"error writing data: write /dev/stdout: {(error.strerror or '').lower()}")

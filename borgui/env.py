"""Typed readers of environment variables (interfaces.md, "Environment").

Every reader takes the variable's name and a default and returns a value of its type. What cannot be read raises
`BadSetting`, whose text is the one clear line a person gets to see.
"""

import ipaddress
import os
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


class BadSetting(ValueError):
    """An environment variable holds what cannot be used; the message says which, why, and what would be right."""


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def boolean(name: str, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in TRUE | FALSE:
        return value in TRUE
    raise BadSetting(f"{name} is {value!r}: use 1 or 0.")


def integer(name: str, default: int, least: int = 0, most: int = 2**31) -> int:
    value = text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise BadSetting(f"{name} is {value!r}: use a whole number.") from None
    if not least <= number <= most:
        raise BadSetting(f"{name} is {number}: use a number from {least} to {most}.")
    return number


def one_of(name: str, choices: list[str], default: str) -> str:
    value = text(name, default)
    if value not in choices:
        raise BadSetting(f"{name} is {value!r}: use {' or '.join(choices)}.")
    return value


def words(name: str, default: list[str] | None = None) -> list[str]:
    """A list separated by commas or white space."""
    return text(name).replace(",", " ").split() or list(default or [])


def variable_names(name: str) -> list[str]:
    names = words(name)
    for entry in names:
        if not entry.replace("_", "a").isalnum() or entry[0].isdigit():
            raise BadSetting(f"{name} names {entry!r}, which is no name of an environment variable.")
    return names


def origins(name: str) -> list[str]:
    entries = words(name)
    for entry in entries:
        if urlsplit(entry).scheme not in ("http", "https") or not urlsplit(entry).hostname:
            raise BadSetting(f"{name} names {entry!r}: write it as https://backup.example.org.")
    return entries


def issuer(name: str) -> str:
    """The address of an OpenID Connect provider, as its own description gives it. Plain HTTP is for this machine only:
    what is fetched from there decides who comes in."""
    value = text(name)
    try:
        parts = urlsplit(value)
        is_right = bool(parts.hostname) and not (parts.query or parts.fragment or parts.username)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(parts.hostname or ""))
    except ValueError:
        is_right = is_safe = False
    if value and not (is_right and is_safe):
        raise BadSetting(f"{name} is {value!r}: write it as https://auth.example.org, with the path of the provider.")
    return value


def is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def pairs(name: str, values: list[str]) -> dict[str, str]:
    """`one=value; two=value`, or a line each. A name may hold spaces, commas and equals signs; the last `=` counts."""
    found = {}
    for entry in filter(None, map(str.strip, text(name).replace("\n", ";").split(";"))):
        key, _, value = (part.strip() for part in entry.rpartition("="))
        has_comma = any(f"={one}," in entry.replace(" ", "") for one in values)  # meant as the end of a pair
        if not key or value not in values or has_comma:
            raise BadSetting(f"{name} holds {entry!r}: write NAME={'|'.join(values)}, with a semicolon between two.")
        found[key] = value
    return found


def path(name: str, default: Path) -> Path:
    value = text(name)
    if "\0" in value:
        raise BadSetting(f"{name} is not a path.")
    return Path(value).expanduser().absolute() if value else default


def secret(name: str) -> str:
    """The value of NAME, or the content of the file that NAME_FILE names, without the newline at its end."""
    file = text(f"{name}_FILE")
    if not file:
        return text(name)
    if text(name):
        raise BadSetting(f"Both {name} and {name}_FILE are set: keep one.")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{name}_FILE names {file!r}, which cannot be read: {error}") from None


def time_zone(name: str) -> str:
    """The zone of NAME, else the machine's, else UTC."""
    value = text(name)
    if value and value not in available_timezones():
        raise BadSetting(f"{name} is {value!r}, which is no time zone: use a name such as Europe/Berlin.")
    return value or machine_time_zone()


def machine_time_zone() -> str:
    candidates = [os.environ.get("TZ", "").lstrip(":")]
    try:
        candidates.append(os.readlink("/etc/localtime").partition("zoneinfo/")[2])
    except OSError:
        pass
    return next((zone for zone in candidates if zone and zone in available_timezones()), "UTC")

"""Mail, from a few fields to the address that apprise reads; plain Python."""

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote, urlencode


class Encryption(StrEnum):
    STARTTLS = "starttls"
    TLS = "ssl"
    NONE = "insecure"


PORTS = {Encryption.STARTTLS: 587, Encryption.TLS: 465, Encryption.NONE: 25}


@dataclass(frozen=True)
class Mail:
    """`port` none: the usual one of `encryption`. `recipients`: addresses, separated by commas."""

    server: str
    sender: str
    recipients: str
    port: int | None = None
    encryption: Encryption = Encryption.STARTTLS
    user: str = ""
    password: str = field(default="", repr=False)

    def url(self) -> str:
        """Every character of every field survives. User and password are decoded twice by apprise."""
        host = f"[{self.server}]" if ":" in self.server else self.server
        fields = {
            "smtp": self.server,
            "mode": self.encryption.value,
            "from": self.sender,
            "to": self.recipients,
            "user": quote(self.user, safe=""),
            "pass": quote(self.password, safe=""),
            "format": "text",
        }
        given = {name: value for name, value in fields.items() if value}
        scheme = "mailto" if self.encryption == Encryption.NONE else "mailtos"
        return f"{scheme}://{host}:{self.port or PORTS[self.encryption]}/?{urlencode(given, quote_via=quote, safe='')}"

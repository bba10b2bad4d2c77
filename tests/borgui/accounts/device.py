"""A device that holds passkeys, as the tests have it: it signs for real, and lies where it is told to."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

FLAG = AuthenticatorData.FLAG
PRESENT, VERIFIED, SYNCED = FLAG.UP, FLAG.UV, FLAG.BE | FLAG.BS


@dataclass
class Device:
    """One passkey of one person. `flags` and `origin` are what it says of itself; `count` goes up with every answer,
    unless it is 0."""

    origin: str = "http://localhost"
    flags: int = PRESENT | VERIFIED
    count: int = 1
    kind: str = ""  # instead of what it was asked for
    cross_origin: bool = False
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: os.urandom(32))
    handle: bytes = b""

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer to PublicKeyCredentialCreationOptions."""
        self.handle = websafe_decode(options["user"]["id"])
        public = ES256.from_cryptography_key(self.key.public_key())
        credential = AttestedCredentialData.create(Aaguid.NONE, self.id, public)
        data = self.data(options["rp"]["id"], FLAG.AT, credential)
        about = self.about("webauthn.create", options)
        made = AttestationObject.create("none", data, {})
        return self.answer(
            {"clientDataJSON": about, "attestationObject": bytes(made)},
            transports=["internal", "hybrid", "smoke-signals"],
        )

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer to PublicKeyCredentialRequestOptions."""
        self.count += 1 if self.count else 0
        data, about = self.data(options["rpId"]), self.about("webauthn.get", options)
        signature = self.key.sign(data + hashlib.sha256(about).digest(), ec.ECDSA(hashes.SHA256()))
        return self.answer(
            {"clientDataJSON": about, "authenticatorData": data, "signature": signature, "userHandle": self.handle}
        )

    def data(self, place: str, more: int = 0, credential: bytes = b"") -> bytes:
        named = hashlib.sha256(place.encode()).digest()
        return bytes(AuthenticatorData.create(named, FLAG(self.flags | more), self.count, credential))

    def about(self, kind: str, options: dict[str, Any]) -> bytes:
        said = {"type": self.kind or kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps({**said, "crossOrigin": self.cross_origin}).encode()

    def answer(self, response: dict[str, bytes], **more: Any) -> dict[str, Any]:
        text = websafe_encode(self.id)
        coded = {name: websafe_encode(value) for name, value in response.items() if value}
        return {"id": text, "rawId": text, "type": "public-key", "response": {**coded, **more}}


def add(client: Client, device: Device, name: str = "Phone") -> Any:
    """The response of the page."""
    options = client.post("/account/passkeys/offer/").json()
    return client.post("/account/passkeys/", {"name": name, "passkey": json.dumps(device.make(options))})


def answered(client: Client, device: Device) -> str:
    """What the device says to the question that this browser gets."""
    return json.dumps(device.sign(client.post("/sign-in/passkey/question/").json()))


def sign_in_by(client: Client, device: Device, **more: str) -> Any:
    return client.post("/sign-in/passkey/", {"passkey": answered(client, device), **more})

"""The ID token: what the provider signed about who signed in, believed only after every check of section 3.1.3.7."""

from typing import Any

import jwt
from django.utils.crypto import constant_time_compare

# Signatures of a key that only the provider has. Not "none", and not HS256: its key would be one that others know too.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
CLOCKS_DIFFER = 60  # seconds
LONGEST_SUBJECT = 255


class NotGenuine(ValueError):
    """The token is not to be believed; the message says which check it failed."""


def verified(token: str, keys: Any, *, issuer: str, client_id: str, nonce: str) -> dict[str, Any]:
    """Its claims. `keys`: the provider's key set (RFC 7517). Raises NotGenuine."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key_of(token, keys),
            algorithms=ALGORITHMS,
            issuer=issuer,
            audience=client_id,
            leeway=CLOCKS_DIFFER,
            options={"require": ["iss", "aud", "exp", "iat", "sub"], "verify_sub": True},
        )
    except jwt.PyJWTError as error:
        raise NotGenuine(f"its ID token is not valid: {error}") from None
    check_rest(claims, client_id, nonce)
    return claims


def key_of(token: str, keys: Any) -> jwt.PyJWK:
    """The one of the provider's keys that the token names; where it names none, the only one that fits."""
    header = jwt.get_unverified_header(token)
    if header.get("alg") not in ALGORITHMS:
        raise NotGenuine("its ID token is not signed by a key of its own")
    fitting = [one for one in listed(keys) if fits(one, header)]
    if len(fitting) != 1:
        raise NotGenuine("its ID token is signed by a key that it does not list")
    return jwt.PyJWK(fitting[0], algorithm=header["alg"])


def listed(keys: Any) -> list[Any]:
    found = keys.get("keys") if isinstance(keys, dict) else None
    return found if isinstance(found, list) else []


def fits(key: Any, header: dict[str, Any]) -> bool:
    if not isinstance(key, dict) or key.get("use", "sig") != "sig":
        return False
    kinds = {"R": "RSA", "P": "RSA", "E": "OKP" if header["alg"] == "EdDSA" else "EC"}
    is_kind = key.get("kty") == kinds[header["alg"][0]] and key.get("alg", header["alg"]) == header["alg"]
    return is_kind and ("kid" not in header or key.get("kid") == header["kid"])


def check_rest(claims: dict[str, Any], client_id: str, nonce: str) -> None:
    """What the library does not check. Raises NotGenuine."""
    if not constant_time_compare(str(claims.get("nonce", "")), nonce):
        raise NotGenuine("its ID token is for another sign-in than this one")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != client_id:
        raise NotGenuine("its ID token was made for another program")
    if not is_subject(claims["sub"]):
        raise NotGenuine("its ID token does not say who signed in")


def is_subject(subject: object) -> bool:
    return isinstance(subject, str) and 0 < len(subject) <= LONGEST_SUBJECT and subject.isprintable()

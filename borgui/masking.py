"""Secret values never reach a log, a page or the database: they become `***` on the way (behaviour.md, section 8).

Programs rarely print a secret as it is. They print it base64-encoded inside an Authorization header, percent-encoded in
a URL, escaped in JSON or in a shell trace; so every such form of a secret is looked for as well.
"""

import base64
import bisect
import json
import re
from collections.abc import Iterable, Iterator
from typing import Self
from urllib.parse import quote, quote_plus

MASK = b"***"
SHORTEST = 4  # a shorter secret would turn half of the output into stars, and tell by that what it is
BASE64_WIDTHS = (64, 76)  # columns of openssl and PEM, of coreutils and MIME
SHORTEST_WRAPPED_LINE = 8  # the last line of wrapped base64 may be short enough to be found anywhere

Span = tuple[int, int]


def variants(secrets: Iterable[str]) -> list[bytes]:
    """Every form in which these secrets are masked, longest first.

    An empty text is no secret and is passed over. Raises ValueError for one of fewer than four characters.
    """
    found: set[bytes] = set()
    for secret in secrets:
        if not secret:
            continue
        if len(secret) < SHORTEST:
            raise ValueError(f"A secret of fewer than {SHORTEST} characters cannot be masked.")
        for text in {secret, *_lines(secret)}:
            found.update(form.encode(errors="surrogateescape") for form in _spellings(text))
        for text in {secret, secret.strip()}:  # a shell's $(...) takes newlines off the end
            if len(text) >= SHORTEST:
                found.update(_base64_forms(text.encode(errors="surrogateescape")))
    return sorted(found, key=lambda form: (-len(form), form))


class Masker:
    """Masks one stream piece by piece. The pieces may be cut anywhere: the result is the same as for the whole.

    What may be the beginning of a secret is held back until the next piece or `flush` tells. Every byte that belongs to
    an occurrence is masked, also where two overlap; those that do become one `***`.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._learn(variants(secrets))

    def fresh(self) -> Self:
        """A masker of the same secrets for another stream."""
        other = type(self)()
        other._learn(self._variants)
        return other

    def _learn(self, known: list[bytes]) -> None:
        self._variants = known
        self._sorted = sorted(known)
        self._heads = {form[:SHORTEST] for form in known}
        self.longest = len(known[0]) if known else 0
        self._held = b""
        self._masked = 0  # so many bytes at the beginning of `_held` stand in the output already, as a `***`

    def feed(self, data: bytes) -> bytes:
        if not self._variants:
            return data
        data = self._held + data
        return self._pass_on(data, self._undecided(data))

    def flush(self) -> bytes:
        """What was held back; the stream is over."""
        return self._pass_on(self._held, len(self._held))

    def text(self, text: str) -> str:
        """A whole text at once, independent of the stream."""
        if not self._variants:
            return text
        masker = self.fresh()
        data = text.encode(errors="surrogateescape")
        return (masker.feed(data) + masker.flush()).decode(errors="surrogateescape")

    def _pass_on(self, data: bytes, until: int) -> bytes:
        """Mask and give away what stands before `until`, keep the rest. A secret that crosses it is masked now."""
        self._held = data[until:]
        if not until:
            return b""
        output: list[bytes] = []
        position = 0
        for start, stop in self._spans(data):
            if start >= until:
                break
            known = start == 0 and self._masked
            output += (data[position:start], b"" if known else MASK)
            position = stop
        output.append(data[position:until])
        self._masked = max(0, position - until)
        return b"".join(output)

    def _spans(self, data: bytes) -> list[Span]:
        """Where secrets are, overlapping ones as one; what is masked already counts as found."""
        merged: list[Span] = [(0, self._masked)] if self._masked else []
        for start, stop in sorted(span for form in self._variants for span in _occurrences(form, data)):
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        return merged

    def _undecided(self, data: bytes) -> int:
        """Where the longest suffix begins that may be the beginning of a secret."""
        size = len(data)
        for start in range(max(0, size - self.longest + 1), size):
            head = data[start : start + SHORTEST]
            if (len(head) < SHORTEST or head in self._heads) and self._may_grow(data[start:]):
                return start
        return size

    def _may_grow(self, suffix: bytes) -> bool:
        """Whether a form begins with these bytes and goes on."""
        at = bisect.bisect_right(self._sorted, suffix)
        return at < len(self._sorted) and self._sorted[at].startswith(suffix)


def _occurrences(form: bytes, data: bytes) -> Iterator[Span]:
    """Those that overlap themselves are joined: a run of `aaaaaaaa` is one occurrence of `aaaa`."""
    at = data.find(form)
    while at >= 0:
        start, stop = at, at + len(form)
        while (at := data.find(form, at + 1)) >= 0 and at < stop:
            stop = at + len(form)
        yield start, stop


def _lines(secret: str) -> list[str]:
    """A private key is printed line by line, often with something before each line."""
    return [line.strip() for line in secret.splitlines() if len(line.strip()) >= SHORTEST]


def _spellings(text: str) -> Iterator[str]:
    """The text itself, and as URLs, JSON and shells write it."""
    yield text
    for quoted in (quote(text, errors="surrogateescape"), quote(text, "", errors="surrogateescape"), _plus(text)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield json.dumps(text)[1:-1].replace("/", "\\/")
    yield text.replace("'", "'\\''")
    yield re.sub(r'(["$`\\])', r"\\\1", text)
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", text)


def _plus(text: str) -> str:
    return quote_plus(text, errors="surrogateescape")


def _base64_forms(secret: bytes) -> Iterator[bytes]:
    """Alone, with a newline at its end as `echo` adds it, and inside something longer, wherever it begins there."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for alone in (encode(secret), encode(secret + b"\n")):
            yield from (alone, alone.rstrip(b"="), *_wrapped(alone))
        for offset in range(3):
            bits = 8 * (offset + len(secret))
            yield encode(b"\0" * offset + secret)[(8 * offset + 5) // 6 : bits // 6]


def _wrapped(encoded: bytes) -> Iterator[bytes]:
    """The lines of wrapped base64, one by one: what stands between them differs."""
    for width in BASE64_WIDTHS:
        if len(encoded) > width:
            lines = (encoded[at : at + width] for at in range(0, len(encoded), width))
            yield from (line for line in lines if len(line) >= SHORTEST_WRAPPED_LINE)

"""A QR code as one path of an SVG, which a strict Content-Security-Policy lets through."""

from dataclasses import dataclass

import qrcode

MARGIN = 4  # modules of quiet around it, as the standard asks


@dataclass(frozen=True)
class Picture:
    """`size`: width and height in modules, with the margin; `path`: the dark modules."""

    size: int
    path: str


def draw(text: str) -> Picture:
    code = qrcode.QRCode(border=MARGIN)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    dark = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark]
    return Picture(len(rows), "".join(dark))

"""Real files out of nothing: PNG pictures and a silent voice note, small and always the same."""

import hashlib
import struct
import zlib
from collections.abc import Iterator, Sequence

Row = Sequence[int]

_PNG = b"\x89PNG\r\n\x1a\n"
_QR_SIZE = 29  # modules of a version 3 code
_FINDER = 7

#: one frame of Opus: 20 ms of silence
_SILENCE = b"\xf8\xff\xfe"
_SAMPLES_PER_FRAME = 960
_FRAMES_PER_S = 50
_SERIAL = 1


def png(rows: Sequence[Row], *, palette: bytes) -> bytes:
    """A picture whose pixels are numbers of colours in `palette` (three bytes each)."""
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 3, 0, 0, 0)
    pixels = b"".join(b"\0" + bytes(row) for row in rows)
    chunks = [(b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(pixels, 9))]
    return _PNG + b"".join(_chunk(kind, body) for kind, body in [*chunks, (b"IEND", b"")])


def qr_picture(text: str, *, scale: int = 8) -> bytes:
    """Looks like a QR code, differs with the text, and no camera can read it."""
    bits = _bits(text)
    size = _QR_SIZE + 8
    modules = [[0] * size for _ in range(size)]
    for y in range(_QR_SIZE):
        for x in range(_QR_SIZE):
            modules[y + 4][x + 4] = _corner(x, y, next(bits))
    rows = [[dot for dot in row for _ in range(scale)] for row in modules for _ in range(scale)]
    return png(rows, palette=b"\xff\xff\xff\x0b\x14\x1a")


def photo(text: str, *, width: int = 320, height: int = 240) -> bytes:
    """A sunset over hills whose colours come from the text."""
    seed = hashlib.sha256(text.encode()).digest()
    low, high, hill = seed[:3], seed[3:6], bytes(part // 3 for part in seed[6:9])
    sky = [
        bytes((a * (63 - i) + b * i) // 63 for a, b in zip(high, low, strict=True))
        for i in range(64)
    ]
    rows = [[_dot(x, y, width, height) for x in range(width)] for y in range(height)]
    return png(rows, palette=b"".join(sky) + hill + b"\xff\xf4\xd6")


def silent_voice(seconds: int) -> bytes:
    """A voice note (Ogg Opus) in which nobody says anything."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 9) + b"simulator" + struct.pack("<I", 0)
    pages = [_page([head], 0, 0, kind=2), _page([tags], 1, 0)]
    for second in range(seconds):
        is_last = second == seconds - 1
        position = (second + 1) * _FRAMES_PER_S * _SAMPLES_PER_FRAME
        frames = [_SILENCE] * _FRAMES_PER_S
        pages.append(_page(frames, second + 2, position, kind=4 if is_last else 0))
    return b"".join(pages)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _bits(text: str) -> Iterator[int]:
    n = 0
    while True:
        for byte in hashlib.sha256(f"{n} {text}".encode()).digest():
            yield from ((byte >> i) & 1 for i in range(8))
        n += 1


def _corner(x: int, y: int, otherwise: int) -> int:
    """A finder pattern in three of the corners, a quiet line around it, noise elsewhere."""
    edge = _QR_SIZE - _FINDER
    for left, top in ((0, 0), (edge, 0), (0, edge)):
        distance = max(abs(x - left - 3), abs(y - top - 3))
        if distance <= 4:
            return int(distance not in {2, 4})
    return otherwise


def _dot(x: int, y: int, width: int, height: int) -> int:
    hill = height * 0.75 - (x * (width - x)) / (width * width) * height * 0.6
    if y > hill + height * 0.1:
        return 64
    sun = (x - width * 0.7) ** 2 + (y - height * 0.3) ** 2
    return 65 if sun < (height * 0.1) ** 2 else min(63, y * 64 // height)


def _page(packets: Sequence[bytes], number: int, position: int, *, kind: int = 0) -> bytes:
    fields = struct.pack("<4sBBQIII", b"OggS", 0, kind, position, _SERIAL, number, 0)
    body = bytes([len(packets), *map(len, packets)]) + b"".join(packets)
    checksum = struct.pack("<I", _ogg_crc(fields + body))
    return fields[:-4] + checksum + body


def _ogg_crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc

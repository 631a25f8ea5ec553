"""Payloads of WAHA as they were seen, word for word."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "fixtures" / "waha"


def fixture(name: str) -> bytes:
    return (FOLDER / name).read_bytes()

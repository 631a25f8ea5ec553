"""What a model says, without what PostgreSQL and JSON cannot hold: NUL, and half characters."""

from typing import cast

#: Nobody means what is nested deeper than this.
_DEPTH = 64


def storable(text: str) -> str:
    """The same text without them."""
    if text.isascii():
        return str(text.replace("\0", ""))
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def storable_json(value: object, depth: int = _DEPTH) -> object:
    """The same value without them, whatever it is made of. Raises ValueError if it has no end."""
    if isinstance(value, str):
        return storable(value)
    if not isinstance(value, dict | list):
        return value
    if not depth:
        raise ValueError("nested too deeply")
    if isinstance(value, list):
        return [storable_json(one, depth - 1) for one in cast("list[object]", value)]
    return {
        storable(name): storable_json(one, depth - 1)
        for name, one in cast("dict[str, object]", value).items()
    }

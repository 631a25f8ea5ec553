"""One question to a measured system, outside any measurement."""

import json
import urllib.request
from typing import Any


def asked(url: str, body: object = None, *, method: str | None = None) -> dict[str, Any]:
    """The answer's JSON object; by default a POST where there is a body, else a GET."""
    request = urllib.request.Request(  # noqa: S310 - our own address
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        said: dict[str, Any] = json.load(answer)
    return said

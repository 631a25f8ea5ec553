"""The chat page: a few files of our own, and nothing from anywhere else."""

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, Response

_FILES = Path(__file__).with_name("files")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
#: the browser itself refuses whatever is not ours
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' blob: data:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

router = APIRouter(prefix="/phone", include_in_schema=False)


@router.get("")
async def page() -> Response:
    return _file("phone.html")


@router.get("/files/{name}")
async def file(name: str) -> Response:
    return _file(name)


def _file(name: str) -> Response:
    path = _FILES / name
    if path.parent != _FILES or not path.is_file():
        raise HTTPException(404, "There is no such file.")
    return FileResponse(path, media_type=_TYPES.get(path.suffix), headers=_HEADERS)

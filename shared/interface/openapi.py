"""What OpenAPI says of every service alike: how to log in, and what a refusal looks like."""

from typing import Any, cast

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from shared.interface.access import guard_of
from shared.interface.problems import MEDIA_TYPE

_REFERENCE = {"$ref": "#/components/schemas/Problem"}


def _refusal(description: str, status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": f"urn:ai-platform:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": "0199b8f2-8c1e-7d33-9a55-5f0c2d6f1a10",
        "errors": [],
        **more,
    }
    content = {MEDIA_TYPE: {"schema": _REFERENCE, "example": example}}
    return {"description": description, "content": content}


_WRONG = "Extra inputs are not permitted"
_MISTAKE = {"pointer": "/promt", "code": "unknown_field", "message": _WRONG}

#: For a router's `responses`; FastAPI then leaves out its own idea of a 422.
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": _refusal(
        "Refused; `code` says why.",
        422,
        "validation_failed",
        f"/promt: {_WRONG}",
        errors=[_MISTAKE],
    ),
    "5XX": _refusal(
        "Not now; `Retry-After` says when.",
        503,
        "database_unavailable",
        "The database does not answer.",
    ),
}

_TEXT = {"type": "string"}

_PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. Switch on `code`; `request_id` finds the request in our logs.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": _TEXT,
        "request_id": _TEXT,
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "message"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "A JSON pointer into the body; what is wrong elsewhere is "
                        "/query/..., /header/... or /path/...",
                    },
                    "code": _TEXT,
                    "message": _TEXT,
                },
            },
        },
    },
}

_API_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "`Authorization: Bearer aip_...`. A development server needs none from its own "
    "machine.",
}


def complete(app: FastAPI) -> None:
    """Make `app.openapi` tell these things too."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(generate(), app)
        return app.openapi_schema

    cast("Any", app).openapi = openapi  # FastAPI's documented way to extend it


def _completed(schema: dict[str, Any], app: FastAPI) -> dict[str, Any]:
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM_SCHEMA
    components["securitySchemes"] = {"ApiKey": _API_KEY}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        if not any(guard_of(needed) for needed in route.dependant.dependencies):
            continue
        for method in route.methods or ():
            schema["paths"][context.path][method.lower()]["security"] = [{"ApiKey": []}]
    return schema

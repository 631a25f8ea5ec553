"""How a test tells the simulators what to do, and reads what happened: `/control`."""

from typing import Any

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel

from simulators.chat import Models
from simulators.model import ModelRule


class RuleInUse(BaseModel):
    """A rule, and how often it was used."""

    rule: dict[str, Any]
    used: int


def router(models: Models) -> APIRouter:
    """The control channel of this simulator."""
    control = APIRouter(prefix="/control", tags=["control"])

    @control.put("/script", status_code=204)
    async def replace_script(rules: list[ModelRule]) -> None:
        """Put these rules in the place of all others; every count starts again."""
        models.start_again(rules)

    @control.delete("/script", status_code=204)
    async def clear_script() -> None:
        """Go back to answering everything as usual."""
        models.start_again([])

    @control.get("/script")
    async def show_script() -> list[RuleInUse]:
        """The rules in order, without what they leave as it is."""
        return [
            RuleInUse(rule=line.rule.model_dump(mode="json", exclude_defaults=True), used=line.used)
            for line in models.script.lines
        ]

    @control.get("/journal")
    async def show_journal(after: int = 0) -> Response:
        """The last 10,000 requests, or those of them whose number is above `after`."""
        entries = orjson.dumps(models.journal.recent(after=after))
        return Response(entries, media_type="application/json")

    return control

"""`/v1/crm/payments/callback/{provider}`: what payment providers tell, let in by its signature."""

import json
from typing import Annotated, Any, Literal, NoReturn, cast

from fastapi import Depends, Request
from pydantic import BaseModel

from crm_chatbot.application.payments.callbacks import CallbackForged, CallbackService
from crm_chatbot.application.payments.gateways import CallbackUnreadable
from shared.interface import strict_json
from shared.interface.problems import Problem
from shared.interface.routes import api_router

router = api_router("/v1/crm/payments/callback", tag="payments")


class CallbackHeard(BaseModel):
    """What became of it. Nothing that is genuine is refused, however odd it is."""

    outcome: Literal["taken", "duplicate", "ignored"]


async def callbacks(request: Request) -> CallbackService:
    service: CallbackService = request.app.state.crm_callbacks
    return service


Callbacks = Annotated[CallbackService, Depends(callbacks)]


@router.post("/{provider}", summary="Hear of a payment")
async def hear(provider: str, request: Request, service: Callbacks) -> CallbackHeard:
    """`midtrans` signs its body, `xendit` sends its token: neither carries an API key.

    Answered once it is stored for good; told again, it is a `duplicate`. 503 when it could not be
    stored: they try again. What it says is not believed: the provider is asked.
    """
    raw = await request.body()
    strict_json.parse(raw)
    # Signatures are made over numbers as they were spelt.
    body: object = json.loads(raw, parse_int=str, parse_float=str, parse_constant=_refuse)
    headers = cast("list[tuple[bytes, bytes]]", request.scope["headers"])
    try:
        outcome = await service.receive(provider, headers, cast("dict[str, Any]", body))
    except CallbackUnreadable:
        raise Problem(400, "malformed_callback", "Something is missing in it.") from None
    except CallbackForged:
        raise Problem(401, "signature_invalid", "The signature is missing or wrong.") from None
    return CallbackHeard(outcome=outcome.value)


def _refuse(name: str) -> NoReturn:
    raise Problem(400, "malformed_json", f"The body is not JSON: {name}.")

"""`/v1/callback-secrets`: what a receiver verifies callbacks with."""

from fastapi import Response
from pydantic import BaseModel, Field

from gateway.application.rendering import as_bytes
from gateway.interface.api import App, owner_of
from shared.interface.access import WritingCaller
from shared.interface.routes import api_router

router = api_router("/v1/callback-secrets", tag="callbacks")


class CallbackSecret(BaseModel):
    """Shown once."""

    secret: str = Field(
        description="Verify `webhook-signature` with it, as Standard Webhooks describes.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw2kDR5o9NSpE="],
    )


@router.post("", status_code=201, response_model=CallbackSecret, summary="Make a new secret")
async def rotate_callback_secret(app: App, caller: WritingCaller) -> Response:
    """Replace the secret that your callbacks are signed with.

    For 24 hours both sign: a receiver may change over whenever it likes.
    """
    secret = await app.callback_secrets.rotate(owner_of(caller))
    return Response(as_bytes({"secret": secret}), 201, media_type="application/json")

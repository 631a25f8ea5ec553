"""`/v1/crm/tenants/{tenant_id}/keys`: who may call on a shop's behalf."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from crm_chatbot.application.feed import Thing
from crm_chatbot.interface.administration import Admin, known_to
from crm_chatbot.interface.tenants.views import Body, Name
from shared.infrastructure.api_keys import ApiKey, KeyScope
from shared.interface.access import AnyCaller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.routes import api_router

router = api_router("/v1/crm/tenants/{tenant_id}/keys", tag="tenant keys")


class NewKey(Body):
    """A key that is not there yet."""

    name: Name = Field(description="Whose it is, or what for.", examples=["cash register"])
    scope: Literal["tenant", "tenant:read"] = Field(
        "tenant", description="`tenant:read` may look at everything and change nothing."
    )


class KeyView(BaseModel):
    """A key, without its secret."""

    id: UUID
    prefix: str = Field(description="What its secret begins with, after `aip_`.")
    name: str
    scope: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> "KeyView":
        return cls.model_validate(vars(key))


class MadeKey(KeyView):
    """A new key. Its secret is shown once."""

    secret: str = Field(description="`Authorization: Bearer ...`")


class KeyList(BaseModel):
    """All of a shop's keys, the newest first."""

    keys: list[KeyView]


@router.post("", status_code=201, summary="Make an API key")
async def make_key(tenant_id: Id, body: NewKey, app: Admin, caller: WritingCaller) -> MadeKey:
    """It reaches this shop and nothing else."""
    tenant = await app.tenants.get(known_to(caller, tenant_id))
    made = await app.keys.create(body.name, KeyScope(body.scope), tenant.id)
    app.changed(tenant.id, Thing.KEY, made.key.id)
    return MadeKey(**KeyView.of(made.key).model_dump(), secret=made.secret)


@router.get("", summary="List API keys")
async def list_keys(tenant_id: Id, app: Admin, caller: AnyCaller) -> KeyList:
    """Revoked ones too."""
    tenant = await app.tenants.get(known_to(caller, tenant_id))
    return KeyList(keys=list(map(KeyView.of, await app.keys.list(tenant.id))))


@router.delete("/{key_id}", status_code=204, summary="Revoke an API key")
async def revoke_key(tenant_id: Id, key_id: Id, app: Admin, caller: WritingCaller) -> None:
    """For good, within two seconds. A second time is no mistake."""
    shop = known_to(caller, tenant_id)
    await app.keys.revoke(key_id, tenant_id=shop)
    app.changed(shop, Thing.KEY, key_id)

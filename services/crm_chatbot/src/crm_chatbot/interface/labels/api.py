"""`.../labels` of a shop, and of a conversation: what there are, and what is on it."""

from typing import Annotated

from fastapi import Depends, Query, Response

from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.label import LabelId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.interface.administration import Admin, actor_of, known_to
from crm_chatbot.interface.conversations.api import known, whose
from crm_chatbot.interface.labels.views import (
    AppliedList,
    AppliedView,
    LabelList,
    LabelListQuery,
    LabelNamed,
    LabelTerms,
    LabelView,
)
from shared.interface.access import AnyCaller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag

router = api_router("/v1/crm", tag="labels")

_SHOPS = "/tenants/{tenant_id}/labels"
_CHATS = "/conversations/{conversation_id}/labels"

Named = tuple[TenantId, LabelId]


async def named(tenant_id: Id, label_id: Id, caller: AnyCaller) -> Named:
    """The label that a path names. Raises TenantNotFound."""
    return known_to(caller, tenant_id), LabelId(label_id)


@router.post(_SHOPS, status_code=201, summary="Add a label")
async def add_label(
    tenant_id: Id, body: LabelTerms, app: Admin, caller: WritingCaller, response: Response
) -> LabelView:
    """Where one of that name was deleted, it comes back as it is said here.

    409 `label_name_taken` where it was not.
    """
    label = await app.labels.add(known_to(caller, tenant_id), **body.terms())
    response.headers["Location"] = f"/v1/crm/tenants/{tenant_id}/labels/{label.id}"
    tag(response, label.version)
    return LabelView.of(label)


@router.get(_SHOPS, summary="List a shop's labels")
async def list_labels(
    tenant_id: Id, app: Admin, caller: AnyCaller, wanted: Annotated[LabelListQuery, Query()]
) -> LabelList:
    """In the order of their names; deleted ones, too, unless `active` says otherwise."""
    found = await app.labels.all(known_to(caller, tenant_id), is_active=wanted.active)
    return LabelList(labels=list(map(LabelView.of, found)))


@router.get(f"{_SHOPS}/{{label_id}}", summary="Look at a label")
async def get_label(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: AnyCaller, response: Response
) -> LabelView:
    """Its `ETag` is its version."""
    label = await app.labels.get(*its)
    tag(response, label.version)
    return LabelView.of(label)


@router.put(f"{_SHOPS}/{{label_id}}", summary="Replace a label's name, color and description")
async def change_label(
    its: Annotated[Named, Depends(named)],
    body: LabelTerms,
    app: Admin,
    _caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> LabelView:
    """With `If-Match`, only that version (412 `conflict` otherwise).

    Conversations that have it show it as it is now. One that was deleted stays deleted.
    """
    label = await app.labels.change(*its, expected=expected, **body.terms())
    tag(response, label.version)
    return LabelView.of(label)


@router.delete(f"{_SHOPS}/{{label_id}}", status_code=204, summary="Delete a label")
async def delete_label(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: WritingCaller
) -> None:
    """It stays where it is applied, inactive, and is applied to nothing more.

    A second time is no mistake (204); 404 is for what never was.
    """
    await app.labels.delete(*its)


@router.get(_CHATS, summary="List a conversation's labels")
async def list_conversation_labels(
    conversation_id: Id, app: Admin, caller: AnyCaller
) -> AppliedList:
    """Who applied each of them, and when: the first applied first."""
    found = await app.labelling.on(*await known(app, caller, conversation_id))
    return AppliedList(labels=list(map(AppliedView.on, found)))


@router.post(_CHATS, summary="Label a conversation")
async def label_conversation(
    conversation_id: Id, body: LabelNamed, app: Admin, caller: WritingCaller
) -> AppliedView:
    """With one of the shop's labels, by its id or its name; none is made by this.

    A second time is no mistake: who applied it first, and when, stays. 409 `label_inactive`
    where it was deleted.
    """
    applied = await app.labelling.apply(
        await whose(app, caller, conversation_id),
        ConversationId(conversation_id),
        body.which(),
        by=actor_of(caller),
    )
    return AppliedView.on(applied)


@router.delete(f"{_CHATS}/{{label_id}}", status_code=204, summary="Take a label off a conversation")
async def unlabel_conversation(
    conversation_id: Id, label_id: Id, app: Admin, caller: WritingCaller
) -> None:
    """Where it is not on it, nothing happens (204); 404 is for a label that the shop has not."""
    await app.labelling.remove(
        await whose(app, caller, conversation_id),
        ConversationId(conversation_id),
        LabelId(label_id),
        by=actor_of(caller),
    )

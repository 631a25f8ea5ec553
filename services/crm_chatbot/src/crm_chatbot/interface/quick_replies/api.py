"""`.../quick-replies` of a shop, and of a conversation: what there are, and saying one of them."""

import hashlib
from typing import Annotated

from fastapi import Depends, Query, Response

from crm_chatbot.application.conversations.looking import Status
from crm_chatbot.domain.conversations.conversation import ConversationId
from crm_chatbot.domain.quick_reply import QuickReplyId
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.interface.administration import Admin, known_to
from crm_chatbot.interface.conversations.api import once_for, whose
from crm_chatbot.interface.conversations.views import MessageAccepted
from crm_chatbot.interface.quick_replies.views import (
    PreviewBody,
    PreviewView,
    QuickReplyBody,
    QuickReplyListQuery,
    QuickReplyNamed,
    QuickReplyPage,
    QuickReplyView,
)
from shared.interface.access import AnyCaller, WritingCaller
from shared.interface.parameters import Id, IdempotencyKey
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag

router = api_router("/v1/crm", tag="quick replies")

_SHOPS = "/tenants/{tenant_id}/quick-replies"
_ONE = f"{_SHOPS}/{{quick_reply_id}}"

Named = tuple[TenantId, QuickReplyId]


async def named(tenant_id: Id, quick_reply_id: Id, caller: AnyCaller) -> Named:
    """The quick reply that a path names. Raises TenantNotFound."""
    return known_to(caller, tenant_id), QuickReplyId(quick_reply_id)


@router.post(_SHOPS, status_code=201, summary="Add a quick reply")
async def add_quick_reply(
    tenant_id: Id, body: QuickReplyBody, app: Admin, caller: WritingCaller, response: Response
) -> QuickReplyView:
    """Where one of that shortcut was deleted, it comes back as it is said here.

    409 `shortcut_taken` where it was not. 422 `variable_unknown` names those that there are,
    `brace_alone` a `{` or `}` that belongs to none.
    """
    reply = await app.quick_replies.add(known_to(caller, tenant_id), body.wording())
    response.headers["Location"] = f"/v1/crm/tenants/{tenant_id}/quick-replies/{reply.id}"
    tag(response, reply.version)
    return QuickReplyView.of(reply)


@router.get(_SHOPS, summary="List or search the quick replies")
async def list_quick_replies(
    tenant_id: Id, app: Admin, caller: AnyCaller, wanted: Annotated[QuickReplyListQuery, Query()]
) -> QuickReplyPage:
    """By their shortcuts; with `q`, those whose shortcuts begin with it."""
    shop = known_to(caller, tenant_id)
    asked = wanted.model_dump_json(exclude={"cursor", "limit"})
    context, after = f"quick_replies:{shop}:{asked}", None
    if wanted.cursor is not None:
        after = str(app.cursors.decode(wanted.cursor, context=context)[0])
    found = await app.quick_replies.page(shop, wanted.wanted(), after=after, limit=wanted.limit + 1)
    shown = found[: wanted.limit]
    last = shown[-1].shortcut if len(found) > wanted.limit else None
    return QuickReplyPage(
        quick_replies=list(map(QuickReplyView.of, shown)),
        next_cursor=last and app.cursors.encode([last], context=context),
    )


@router.get(_ONE, summary="Look at a quick reply")
async def get_quick_reply(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: AnyCaller, response: Response
) -> QuickReplyView:
    """Its `ETag` is its version; being used does not change it."""
    reply = await app.quick_replies.get(*its)
    tag(response, reply.version)
    return QuickReplyView.of(reply)


@router.put(_ONE, summary="Replace a quick reply's shortcut, content and category")
async def change_quick_reply(
    its: Annotated[Named, Depends(named)],
    body: QuickReplyBody,
    app: Admin,
    _caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> QuickReplyView:
    """With `If-Match`, only that version (412 `conflict` otherwise).

    One that was deleted stays deleted: add its shortcut again to have it back.
    """
    reply = await app.quick_replies.change(*its, body.wording(), expected=expected)
    tag(response, reply.version)
    return QuickReplyView.of(reply)


@router.delete(_ONE, status_code=204, summary="Delete a quick reply")
async def delete_quick_reply(
    its: Annotated[Named, Depends(named)], app: Admin, _caller: WritingCaller
) -> None:
    """It can be said no more, and its uses stay counted.

    A second time is no mistake (204); 404 is for what never was.
    """
    await app.quick_replies.delete(*its)


@router.post(f"{_ONE}/preview", summary="See what a quick reply would say in a chat")
async def preview_quick_reply(
    its: Annotated[Named, Depends(named)], body: PreviewBody, app: Admin, _caller: AnyCaller
) -> PreviewView:
    """As it would be said at this moment; nothing is sent."""
    chat = ConversationId(body.conversation_id)
    return PreviewView.of(await app.quick_replies.preview(*its, chat))


@router.post(
    "/conversations/{conversation_id}/quick-replies",
    status_code=202,
    summary="Say a quick reply as a person",
)
async def say_quick_reply(
    conversation_id: Id,
    body: QuickReplyNamed,
    app: Admin,
    caller: WritingCaller,
    key: IdempotencyKey,
    response: Response,
) -> MessageAccepted:
    """Take the conversation over, unless a person has it, and send this: as writing does.

    422 `variables_missing` names what this chat has nothing for; then nothing is sent. With an
    `Idempotency-Key`, asking again within 24 hours returns the first answer
    (`Idempotent-Replayed: true`) instead of sending it twice.
    """
    tenant_id, which = await whose(app, caller, conversation_id), body.which()
    asked = hashlib.sha256(f"{conversation_id}:{which}".encode()).hexdigest()
    once = once_for(caller, key, "POST /v1/crm/conversations/quick-replies", asked)
    accepted = await app.say_quick_reply(
        tenant_id, ConversationId(conversation_id), which, once=once
    )
    if accepted.is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    return MessageAccepted(message_id=accepted.message_id, status=Status.QUEUED)

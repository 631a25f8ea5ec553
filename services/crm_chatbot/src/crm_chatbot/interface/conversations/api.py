"""`/v1/crm/conversations`: read along, take over, write as a person, and see why the bot did so."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from crm_chatbot.application.conversations.looking import ConversationSeen, Place, Status
from crm_chatbot.application.conversations.verdict import verdict
from crm_chatbot.application.once import Once
from crm_chatbot.domain.conversations.conversation import ConversationId, ConversationNotFound
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.interface.administration import Admin, Administration, known_to
from crm_chatbot.interface.conversations.views import (
    ConversationListQuery,
    ConversationPage,
    ConversationView,
    HistoryQuery,
    MessageAccepted,
    MessagePage,
    MessageText,
    MessageView,
    NoteText,
    NoteView,
    StepView,
    TakeOver,
    TimelinePage,
)
from shared.interface.access import AnyCaller, Caller, WritingCaller
from shared.interface.parameters import Id, IdempotencyKey
from shared.interface.problems import invalid
from shared.interface.routes import api_router

router = api_router("/v1/crm/conversations", tag="conversations")


@router.get("", summary="List conversations")
async def list_conversations(
    app: Admin, caller: AnyCaller, wanted: Annotated[ConversationListQuery, Query()]
) -> ConversationPage:
    """Those with the newest messages first; a shop's own key sees its own alone."""
    tenant_id = await _listed(app, caller, wanted.tenant_id)
    if tenant_id is None and wanted.label is not None:
        raise invalid("/query/tenant_id", "missing", "A label is one shop's: say whose.")
    context = f"conversations:{caller.tenant_id or 'platform'}:{tenant_id or 'everybody'}"
    after = None
    if wanted.cursor is not None:
        at, conversation_id = map(str, app.cursors.decode(wanted.cursor, context=context))
        after = Place(datetime.fromisoformat(at), ConversationId(UUID(conversation_id)))
    found = await app.looking.page(tenant_id, wanted.wanted(), after=after, limit=wanted.limit + 1)
    shown = found[: wanted.limit]
    place = _place(shown) if len(found) > wanted.limit else []
    return ConversationPage(
        conversations=list(map(ConversationView.of, shown)),
        next_cursor=_cursor(app, place, context),
    )


@router.get("/{conversation_id}", summary="Look at a conversation")
async def get_conversation(conversation_id: Id, app: Admin, caller: AnyCaller) -> ConversationView:
    """Who answers, how far the customer has come, and what is new."""
    return await _shown(app, await whose(app, caller, conversation_id), conversation_id)


@router.get("/{conversation_id}/messages", summary="Read a conversation")
async def list_messages(
    conversation_id: Id,
    app: Admin,
    caller: AnyCaller,
    wanted: Annotated[HistoryQuery, Query()],
) -> MessagePage:
    """Both sides, notes and markers; oldest first, the newest page first."""
    tenant_id, named = await known(app, caller, conversation_id)
    context = f"messages:{conversation_id}"
    found = await app.looking.reader.messages(
        tenant_id, named, before=_before(app, wanted, context), limit=wanted.limit + 1
    )
    shown = found[-wanted.limit :]
    place = [shown[0].message.seq] if len(found) > wanted.limit else []
    return MessagePage(
        messages=list(map(MessageView.of, shown)),
        next_cursor=_cursor(app, place, context),
    )


@router.get("/{conversation_id}/timeline", summary="See why the bot did, or did not, answer")
async def get_timeline(
    conversation_id: Id,
    app: Admin,
    caller: AnyCaller,
    wanted: Annotated[HistoryQuery, Query()],
) -> TimelinePage:
    """How it stands now, and step by step how it came to that."""
    tenant_id, named = await known(app, caller, conversation_id)
    context = f"timeline:{conversation_id}"
    before = _before(app, wanted, context)
    situation = await app.looking.reader.situation(tenant_id, named)
    found = await app.looking.reader.steps(tenant_id, named, before=before, limit=wanted.limit + 1)
    shown = found[-wanted.limit :]
    place = [shown[0].number] if len(found) > wanted.limit else []
    return TimelinePage(
        verdict=verdict(situation),
        steps=list(map(StepView.of, shown)),
        next_cursor=_cursor(app, place, context),
    )


@router.post("/{conversation_id}/takeover", summary="Take a conversation over")
async def take_over(
    conversation_id: Id, app: Admin, caller: WritingCaller, body: TakeOver | None = None
) -> ConversationView:
    """The bot is silent from this moment, also with what it was about to say.

    Where a person answers already, the time until the bot may answer again begins anew.
    """
    tenant_id = await whose(app, caller, conversation_id)
    rest = None if body is None else body.handback_after_s
    await app.conversations.take_over(
        tenant_id, ConversationId(conversation_id), handback_after_s=rest
    )
    return await _shown(app, tenant_id, conversation_id)


@router.post("/{conversation_id}/handback", summary="Hand a conversation back to the bot")
async def hand_back(conversation_id: Id, app: Admin, caller: WritingCaller) -> ConversationView:
    """It answers what comes from now on: 409 `already_in_mode` where it does so anyway."""
    tenant_id = await whose(app, caller, conversation_id)
    await app.conversations.hand_back(tenant_id, ConversationId(conversation_id))
    return await _shown(app, tenant_id, conversation_id)


@router.post("/{conversation_id}/messages", status_code=202, summary="Write as a person")
async def write(
    conversation_id: Id,
    body: MessageText,
    app: Admin,
    caller: WritingCaller,
    key: IdempotencyKey,
    response: Response,
) -> MessageAccepted:
    """Take the conversation over, unless a person has it, and send this.

    With an `Idempotency-Key`, asking again within 24 hours returns the first answer
    (`Idempotent-Replayed: true`) instead of sending it twice.
    """
    tenant_id = await whose(app, caller, conversation_id)
    asked = hashlib.sha256(f"{conversation_id}:{body.text}".encode()).hexdigest()
    once = once_for(caller, key, "POST /v1/crm/conversations/messages", asked)
    accepted = await app.conversations.say(
        tenant_id, ConversationId(conversation_id), body.text, once=once
    )
    if accepted.is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    return MessageAccepted(message_id=accepted.message_id, status=Status.QUEUED)


@router.post("/{conversation_id}/notes", status_code=201, summary="Write a note for colleagues")
async def write_note(
    conversation_id: Id, body: NoteText, app: Admin, caller: WritingCaller
) -> NoteView:
    """Neither the customer nor the bot ever reads it."""
    tenant_id = await whose(app, caller, conversation_id)
    note = await app.conversations.note(tenant_id, ConversationId(conversation_id), body.text)
    return NoteView.of(note)


@router.post("/{conversation_id}/read", summary="Mark a conversation as read")
async def mark_read(conversation_id: Id, app: Admin, caller: WritingCaller) -> ConversationView:
    """Everything that is there by now. The customer is not told."""
    tenant_id = await whose(app, caller, conversation_id)
    await app.conversations.read(tenant_id, ConversationId(conversation_id))
    return await _shown(app, tenant_id, conversation_id)


async def whose(app: Administration, caller: Caller, conversation_id: UUID) -> TenantId:
    """The tenant to act as. Raises ConversationNotFound."""
    if caller.tenant_id is not None:
        return TenantId(caller.tenant_id)
    named = ConversationId(conversation_id)
    found = await app.looking.directory.tenant_of_conversation(named)
    if found is None:
        raise ConversationNotFound(conversation_id=conversation_id)
    return found


async def known(
    app: Administration, caller: Caller, conversation_id: UUID
) -> tuple[TenantId, ConversationId]:
    """The same, of a conversation that is there. Raises ConversationNotFound."""
    tenant_id = await whose(app, caller, conversation_id)
    seen = await app.looking.find(tenant_id, ConversationId(conversation_id))
    return tenant_id, seen.id


async def _listed(app: Administration, caller: Caller, tenant_id: UUID | None) -> TenantId | None:
    """Whose conversations are to be listed; None: everybody's. Raises TenantNotFound."""
    if tenant_id is None:
        return None if caller.tenant_id is None else TenantId(caller.tenant_id)
    return (await app.tenants.get(known_to(caller, tenant_id))).id


async def _shown(
    app: Administration, tenant_id: TenantId, conversation_id: UUID
) -> ConversationView:
    seen = await app.looking.find(tenant_id, ConversationId(conversation_id))
    return ConversationView.of(seen)


def _cursor(app: Administration, place: Sequence[str | int], context: str) -> str | None:
    """To where the next page begins; None: there is none."""
    return app.cursors.encode(place, context=context) if place else None


def _place(shown: Sequence[ConversationSeen]) -> list[str | int]:
    return [shown[-1].last_message_at.isoformat(), str(shown[-1].id)]


def _before(app: Administration, wanted: HistoryQuery, context: str) -> int | None:
    if wanted.before is None:
        return None
    return int(app.cursors.decode(wanted.before, context=context)[0])


def once_for(caller: Caller, key: str | None, route: str, asked: str) -> Once | None:
    """A caller's own name for a request to that route; `asked`: a hash of all that it says."""
    who = "platform" if caller.tenant_id is None else "tenant"
    return None if key is None else Once(f"{who}:{route}", key, asked)

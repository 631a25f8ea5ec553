"""Quick replies: what a shop's people say again and again, kept under a shortcut, with gaps."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol, TypedDict, Unpack
from uuid import UUID

from crm_chatbot.domain.placeholders import Rendered, refuse_bad_variables, rendered
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Aggregate, Conflict, Invalid, NotFound, says_something

QuickReplyId = NewType("QuickReplyId", UUID)

LONGEST_SHORTCUT = 50
LONGEST_CONTENT = 4_000
LONGEST_CATEGORY = 50
GENERAL = "general"

#: What may stand between braces; where a chat has no such thing, it is missing.
VARIABLES = (
    *("business_hours", "customer_name", "order_number", "order_status", "order_total"),
    *("payment_link", "shop_name", "today"),
)

_SHORTCUT = re.compile(r"[A-Za-z0-9_-]{1,50}")


class QuickReplyNotFound(NotFound):
    message = "There is no quick reply {which}."


class ShortcutTaken(Conflict):
    message = "Another quick reply has the shortcut {shortcut}."
    at = "/shortcut"


class QuickReplyRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


class VariablesMissing(Invalid):
    message = "This chat has nothing to put in the place of: {missing}."


class RenderedTooLong(Invalid):
    message = "With what this chat puts into it, it has more than {limit} characters."


class Wording(TypedDict, total=False):
    """What may be changed about a quick reply."""

    shortcut: str
    content: str
    category: str
    is_active: bool


@dataclass(eq=False, kw_only=True)
class QuickReply(Aggregate):
    """`version` grows with each change of its words; being used changes none of them."""

    id: QuickReplyId
    tenant_id: TenantId
    shortcut: str
    content: str
    created_at: datetime
    updated_at: datetime
    category: str = GENERAL
    #: False: deleted, and kept for what was counted
    is_active: bool = True
    uses: int = 0
    used_at: datetime | None = None
    version: int = 1

    @classmethod
    def write(
        cls,
        quick_reply_id: QuickReplyId,
        tenant_id: TenantId,
        now: datetime,
        **wording: Unpack[Wording],
    ) -> "QuickReply":
        """Raises QuickReplyRejected, VariableUnknown, BraceAlone."""
        reply = cls(
            id=quick_reply_id,
            tenant_id=tenant_id,
            shortcut="",
            content="",
            created_at=now,
            updated_at=now,
        )
        reply.change(now, **wording)
        return reply

    def change(self, now: datetime, **wording: Unpack[Wording]) -> None:
        """Only what is named.

        Raises QuickReplyRejected, VariableUnknown, BraceAlone, and then nothing has changed.
        """
        shortcut = shortcut_of(wording.get("shortcut", self.shortcut))
        content = wording.get("content", self.content)
        category = wording.get("category", self.category).strip()
        _refuse_bad_category(category)
        _refuse_bad_content(content)
        self.shortcut, self.content, self.category = shortcut, content, category
        self.is_active = wording.get("is_active", self.is_active)
        self.updated_at = now

    def delete(self, now: datetime) -> bool:
        """Nobody finds it any more; False if nobody did before."""
        if not self.is_active:
            return False
        self.is_active, self.updated_at = False, now
        return True

    def rendered(self, values: Mapping[str, str]) -> Rendered:
        """What would be said; the variables that nothing is known for stay as they are written."""
        return rendered(self.content, values)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which quick replies are looked for; every condition must hold."""

    #: how their shortcuts begin, in lower case
    prefix: str = ""
    category: str | None = None
    #: False: those that were deleted
    is_active: bool = True


class QuickReplies(Protocol):
    """Every quick reply of one tenant, those that were deleted included."""

    async def get(self, quick_reply_id: QuickReplyId, /) -> QuickReply:
        """Raises QuickReplyNotFound."""
        ...

    async def by_shortcut(self, shortcut: str, /) -> QuickReply:
        """However it is written. Raises QuickReplyNotFound."""
        ...

    async def page(
        self, wanted: Wanted, /, *, after: str | None, limit: int
    ) -> Sequence[QuickReply]:
        """By their shortcuts, as bytes are sorted; with `after`, those behind that shortcut."""
        ...

    async def add(self, reply: QuickReply, /) -> bool:
        """False where its shortcut is known already: then it is not added."""
        ...

    async def save(self, reply: QuickReply, /) -> None:
        """But for its uses. Raises ShortcutTaken, ChangedMeanwhile."""
        ...

    async def used(self, quick_reply_id: QuickReplyId, now: datetime, /) -> None:
        """Count one more use, however many are counted at this moment."""
        ...


def shortcut_of(text: str) -> str:
    """As it is kept. Raises QuickReplyRejected."""
    if not _SHORTCUT.fullmatch(text):
        reason = f"1 to {LONGEST_SHORTCUT} letters (a to z), digits, - and _, without a leading /"
        raise QuickReplyRejected(field="shortcut", reason=reason)
    return text.lower()


def _refuse_bad_category(category: str) -> None:
    is_name = 0 < len(category) <= LONGEST_CATEGORY and category.isprintable()
    if not is_name or not says_something(category):
        reason = f"1 to {LONGEST_CATEGORY} printable characters"
        raise QuickReplyRejected(field="category", reason=reason)


def _refuse_bad_content(content: str) -> None:
    if len(content) > LONGEST_CONTENT or not says_something(content) or "\0" in content:
        reason = f"1 to {LONGEST_CONTENT:,} characters, and not only blank ones"
        raise QuickReplyRejected(field="content", reason=reason)
    refuse_bad_variables("content", content, VARIABLES)

"""A tenant: one merchant's shop, and how its bot is to behave."""

import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, NewType, Protocol, TypedDict, Unpack
from uuid import UUID

from crm_chatbot.domain.language import Language
from crm_chatbot.domain.money import RUPIAH, Currency
from crm_chatbot.domain.tenants.business_hours import ALWAYS_OPEN, BusinessHours
from crm_chatbot.domain.tenants.phrases import default_prompt
from shared.domain import Aggregate, Invalid, NotFound, says_something

TenantId = NewType("TenantId", UUID)

NAME_LIMIT = 100
PROMPT_LIMIT = 20_000
LONGEST_QUIET_S = 30.0
LONGEST_WAIT_S = 60.0
LONGEST_REST_S = 7 * 86_400
MOST_TURNS = 10_000
SHORTEST_TO_PAY_S = 600
LONGEST_TO_PAY_S = 7 * 86_400


class TenantStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"  #: heard, recorded, and not answered


class TenantNotFound(NotFound):
    message = "There is no tenant {tenant_id}."


class TenantRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


@dataclass(frozen=True)
class Pace:
    """How long the bot waits for a customer to finish, in seconds."""

    #: since the last message
    quiet_s: float = 2.0
    #: since the first that is unanswered, whatever comes after it
    longest_s: float = 8.0

    def __post_init__(self) -> None:
        if not 0 <= self.quiet_s <= LONGEST_QUIET_S:
            raise TenantRejected(field="pace/quiet_s", reason="must lie between 0 and 30")
        if not self.quiet_s <= self.longest_s <= LONGEST_WAIT_S:
            raise TenantRejected(field="pace/longest_s", reason="must lie between quiet_s and 60")


@dataclass(frozen=True)
class ReplyLimits:
    """How many turns one chat may have: what a bot that talks to a bot can cost."""

    turns_per_hour: int = 60
    turns_per_day: int = 200

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 1 <= value <= MOST_TURNS:
                reason = f"must lie between 1 and {MOST_TURNS}"
                raise TenantRejected(field=f"limits/{name}", reason=reason)


class Manner(TypedDict, total=False):
    """How a shop's bot behaves: all of it may be left to the defaults."""

    prompt: str
    language: Language
    time_zone: str
    currency: Currency
    business_hours: BusinessHours
    llm_config: str
    pace: Pace
    limits: ReplyLimits
    handback_after_s: int
    is_moderated: bool
    pay_within_s: int


class Wishes(Manner, total=False):
    """What may be changed about a tenant."""

    name: str


@dataclass(eq=False, kw_only=True)
class Tenant(Aggregate):
    """A shop as its owner wants it to be; `version` grows with each change."""

    id: TenantId
    name: str
    prompt: str
    created_at: datetime
    updated_at: datetime
    #: what code speaks by itself, unless a customer speaks the other one
    language: Language = Language.INDONESIAN
    time_zone: str = "Asia/Jakarta"
    currency: Currency = RUPIAH
    business_hours: BusinessHours = ALWAYS_OPEN
    llm_config: str = "default-smart"
    pace: Pace = field(default_factory=Pace)
    #: of each chat
    limits: ReplyLimits = field(default_factory=ReplyLimits)
    #: how long a person may be silent before the bot answers again; 0: for ever
    handback_after_s: int = 3_600
    is_moderated: bool = False
    #: how long a confirmed order keeps its stock before it is paid
    pay_within_s: int = 3_600
    status: TenantStatus = TenantStatus.ACTIVE
    version: int = 1

    @classmethod
    def open(
        cls, tenant_id: TenantId, now: datetime, *, name: str, **manner: Unpack[Manner]
    ) -> "Tenant":
        """A new shop. Raises TenantRejected."""
        prompt = default_prompt(name, manner.get("language", Language.INDONESIAN))
        tenant = cls(id=tenant_id, name=name, prompt=prompt, created_at=now, updated_at=now)
        tenant.change(now, name=name, **manner)
        return tenant

    @property
    def is_active(self) -> bool:
        return self.status is TenantStatus.ACTIVE

    def change(self, now: datetime, **wishes: Unpack[Wishes]) -> None:
        """Only what is named. Raises TenantRejected, and then nothing has changed."""
        for name, value in wishes.items():
            _refuse_bad(name, value)
        for name, value in wishes.items():
            setattr(self, name, value)
        self.updated_at = now

    def become(self, status: TenantStatus, now: datetime) -> None:
        """A second time is no mistake."""
        if status is not self.status:
            self.status, self.updated_at = status, now

    def local(self, now: datetime) -> datetime:
        """A moment on the shop's own clock."""
        return now.astimezone(zoneinfo.ZoneInfo(self.time_zone))


class Tenants(Protocol):
    """The tenant whose transaction it is; any other is not there."""

    async def get(self, tenant_id: TenantId, /) -> Tenant:
        """Raises TenantNotFound."""
        ...

    async def add(self, tenant: Tenant, /) -> None: ...

    async def save(self, tenant: Tenant, /) -> None:
        """Raises ChangedMeanwhile, where somebody else saved it since it was got."""
        ...


@cache
def time_zones() -> frozenset[str]:
    """Every name that the time zone database knows."""
    return frozenset(zoneinfo.available_timezones())


def _is_name(text: str) -> bool:
    return 0 < len(text.strip()) <= NAME_LIMIT and text.isprintable()


_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_is_name, f"1 to {NAME_LIMIT} printable characters"),
    "prompt": (
        lambda text: len(text) <= PROMPT_LIMIT and says_something(text),
        f"1 to {PROMPT_LIMIT} characters, and not only blank ones",
    ),
    "time_zone": (lambda name: name in time_zones(), "a name like Asia/Jakarta"),
    "handback_after_s": (
        lambda seconds: 0 <= seconds <= LONGEST_REST_S,
        f"must lie between 0 and {LONGEST_REST_S}",
    ),
    "pay_within_s": (
        lambda seconds: SHORTEST_TO_PAY_S <= seconds <= LONGEST_TO_PAY_S,
        f"must lie between {SHORTEST_TO_PAY_S} and {LONGEST_TO_PAY_S}",
    ),
}


def _refuse_bad(field_name: str, value: object) -> None:
    rule, reason = _RULES.get(field_name, (lambda _: True, ""))
    if not rule(value):
        raise TenantRejected(field=field_name, reason=reason)

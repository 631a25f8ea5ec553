"""Tenants as clients see them: the schemas of requests and answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from crm_chatbot.domain.language import Language
from crm_chatbot.domain.money import Currency
from crm_chatbot.domain.tenants.business_hours import BusinessHours, Day, Opening
from crm_chatbot.domain.tenants.tenant import (
    LONGEST_QUIET_S,
    LONGEST_REST_S,
    LONGEST_TO_PAY_S,
    LONGEST_WAIT_S,
    MOST_TURNS,
    NAME_LIMIT,
    PROMPT_LIMIT,
    SHORTEST_TO_PAY_S,
    Manner,
    Pace,
    ReplyLimits,
    Tenant,
    TenantStatus,
    Wishes,
)
from shared.whatsapp.connections import SecretHint

Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LIMIT)]
Prompt = Annotated[str, StringConstraints(min_length=1, max_length=PROMPT_LIMIT)]
#: Neither `true` nor `"1"` is a number, and 1.5 is no whole one.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]
Turns = Annotated[Whole, Field(ge=1, le=MOST_TURNS)]
TimeOfDay = Annotated[
    str, StringConstraints(pattern=r"^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")
]


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


#: What is left out of a body stays as it is, or gets the domain's own default.
_UNSAID: Any = Field(default=None, json_schema_extra=_no_default)


class Body(BaseModel):
    """What a request holds: these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Hint(BaseModel):
    """Enough of a secret to recognise it by."""

    last4: str
    fingerprint: str

    @classmethod
    def of(cls, hint: SecretHint | None) -> "Hint | None":
        return None if hint is None else cls.model_validate(vars(hint))


class OpeningBody(Body):
    """On the shop's own clock. A night is two openings: until 24:00, and from 00:00."""

    opens: TimeOfDay = Field(examples=["09:00"])
    closes: TimeOfDay = Field(examples=["17:00"])

    def opening(self) -> Opening:
        return Opening(_minute(self.opens), _minute(self.closes))

    @classmethod
    def of(cls, opening: Opening) -> "OpeningBody":
        return cls(opens=_time(opening.starts), closes=_time(opening.ends))


Week = dict[Day, Annotated[list[OpeningBody], Field(max_length=10)]]


class PaceBody(Body):
    """How long the bot waits for a customer to finish, in seconds."""

    quiet_s: Number = Field(ge=0, le=LONGEST_QUIET_S, description="Since the last message.")
    longest_s: Number = Field(
        ge=0, le=LONGEST_WAIT_S, description="Since the first unanswered one; at least `quiet_s`."
    )


class LimitsBody(Body):
    """How many turns one chat may have."""

    turns_per_hour: Turns
    turns_per_day: Turns


class TenantManner(Body):
    """How a shop's bot behaves. What is left out stays as it is, or gets its default."""

    prompt: Prompt = _UNSAID
    language: Language = _UNSAID
    time_zone: Annotated[str, StringConstraints(max_length=64)] = _UNSAID
    currency: Annotated[str, StringConstraints(max_length=3)] = _UNSAID
    business_hours: Week = _UNSAID
    llm_config: Annotated[str, StringConstraints(min_length=1, max_length=255)] = _UNSAID
    pace: PaceBody = _UNSAID
    limits: LimitsBody = _UNSAID
    handback_after_s: Annotated[Whole, Field(ge=0, le=LONGEST_REST_S)] = _UNSAID
    is_moderated: StrictBool = _UNSAID
    pay_within_s: Annotated[Whole, Field(ge=SHORTEST_TO_PAY_S, le=LONGEST_TO_PAY_S)] = _UNSAID

    def manner(self) -> Manner:
        """What was said, in the domain's words. Raises its refusals."""
        return cast("Manner", self._said(TenantManner))

    def _said(self, kind: type["TenantManner"]) -> dict[str, Any]:
        named = self.model_fields_set & kind.model_fields.keys()
        return {name: _MEANING.get(name, _as_it_is)(getattr(self, name)) for name in named}


class NewTenant(TenantManner):
    """A shop that is not there yet."""

    name: Name = Field(examples=["Kopi Ani"])


class TenantChange(TenantManner):
    """What is to be otherwise; nothing else changes."""

    name: Name = _UNSAID

    def wishes(self) -> Wishes:
        """The same, and perhaps another name."""
        return cast("Wishes", self._said(TenantChange))


class PromptBody(Body):
    """How the bot is to behave."""

    prompt: Prompt = Field(examples=["You sell coffee. Be brief, and kind."])


class TenantListQuery(Body):
    """Which page of the list."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="The last page's `next_cursor`.")


class TenantView(BaseModel):
    """A shop as it is now."""

    id: UUID
    name: str
    status: TenantStatus = Field(description="A suspended shop's customers get no answer.")
    prompt: str
    language: Language = Field(description="Of fixed texts, unless a customer speaks the other.")
    time_zone: str = Field(examples=["Asia/Jakarta"])
    currency: str = Field(examples=["IDR"])
    currency_scale: int = Field(description="How many decimals amounts are counted in.")
    business_hours: Week = Field(description="No day at all: always open.")
    llm_config: str
    pace: PaceBody
    limits: LimitsBody
    handback_after_s: int = Field(
        description="How long a person may be silent before the bot answers again; 0: for ever."
    )
    is_moderated: bool
    pay_within_s: int = Field(
        description="How long a confirmed order keeps its stock before it is paid."
    )
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, tenant: Tenant) -> "TenantView":
        openings = tenant.business_hours.week.items()
        retold: dict[str, Any] = {
            "currency": tenant.currency.code,
            "currency_scale": tenant.currency.scale,
            "business_hours": {day: list(map(OpeningBody.of, on)) for day, on in openings},
            "pace": vars(tenant.pace),
            "limits": vars(tenant.limits),
        }
        return cls.model_validate(vars(tenant) | retold)


class TenantPage(BaseModel):
    """Shops, the newest first."""

    tenants: list[TenantView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for older ones.")


def _hours(week: Week) -> BusinessHours:
    return BusinessHours(
        {day: tuple(one.opening() for one in openings) for day, openings in week.items()}
    )


def _as_it_is(value: object) -> object:
    return value


_MEANING: dict[str, Callable[[Any], object]] = {
    "currency": Currency,
    "business_hours": _hours,
    "pace": lambda body: Pace(body.quiet_s, body.longest_s),
    "limits": lambda body: ReplyLimits(body.turns_per_hour, body.turns_per_day),
}


def _minute(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"

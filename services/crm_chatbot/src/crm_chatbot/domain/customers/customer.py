"""A customer: one person, under every identity that WhatsApp knows them by."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol, TypedDict, Unpack
from uuid import UUID

from crm_chatbot.domain.language import Language
from crm_chatbot.domain.tenants.tenant import TenantId
from shared.domain import Aggregate, Invalid, NotFound

CustomerId = NewType("CustomerId", UUID)

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


class IdentityKind(StrEnum):
    PHONE = "phone"  #: a number that can be called
    LID = "lid"  #: WhatsApp's hidden identity; its digits are no number


@dataclass(frozen=True)
class Identity:
    """One of a person's names on WhatsApp; `value` is digits."""

    kind: IdentityKind
    value: str

    @property
    def chat_id(self) -> str:
        """The chat with whoever it is."""
        return f"{self.value}@{'lid' if self.kind is IdentityKind.LID else 'c.us'}"


class CustomerNotFound(NotFound):
    message = "There is no customer {customer_id}."


class ProfileRejected(Invalid):
    message = "{field}: {reason}"
    at = "/{field}"


class Profile(TypedDict, total=False):
    """What may be changed about a customer; None takes it away."""

    name: str | None
    language: Language | None
    email: str | None
    address: str | None
    notes: str | None


@dataclass(eq=False, kw_only=True)
class Customer(Aggregate):
    """Known by identities that only WhatsApp may change; `version` grows with each change."""

    id: CustomerId
    tenant_id: TenantId
    created_at: datetime
    updated_at: datetime
    identities: Sequence[Identity] = ()
    name: str | None = None
    #: the one they write in, once it is known
    language: Language | None = None
    email: str | None = None
    address: str | None = None
    notes: str | None = None
    #: since when they want to hear nothing that they did not ask for
    opted_out_at: datetime | None = None
    version: int = 1

    @property
    def phone(self) -> str | None:
        return next((i.value for i in self.identities if i.kind is IdentityKind.PHONE), None)

    def describe(self, now: datetime, **profile: Unpack[Profile]) -> None:
        """Only what is named. Raises ProfileRejected, and then nothing has changed."""
        for field, value in profile.items():
            _refuse_bad(field, value)
        for field, value in profile.items():
            setattr(self, field, value)
        self.updated_at = now

    def opt_out(self, now: datetime) -> bool:
        """Wants to hear nothing more; False if that was known."""
        if self.opted_out_at is not None:
            return False
        self.opted_out_at = self.updated_at = now
        return True

    def opt_in(self, now: datetime) -> bool:
        """Wants to hear from us again; False if they never did not."""
        if self.opted_out_at is None:
            return False
        self.opted_out_at, self.updated_at = None, now
        return True

    def absorb(self, other: "Customer", now: datetime) -> None:
        """Be this person, too: what is not known of one is taken from the other."""
        for field in ("name", "language", "email", "address", "notes", "opted_out_at"):
            if getattr(self, field) is None:
                setattr(self, field, getattr(other, field))
        self.identities = (*self.identities, *other.identities)
        self.updated_at = now

    def forget(self, now: datetime) -> None:
        """Nothing is left that says who it was."""
        self.name = self.language = self.email = self.address = self.notes = None
        self.identities, self.updated_at = (), now


class Customers(Protocol):
    """Every customer of one tenant. Who locks one and a conversation, locks them in this order."""

    async def known_as(self, identities: Sequence[Identity], /) -> list[Customer]:
        """Whoever has one of these identities, the oldest first; they are not locked."""
        ...

    async def look_ahead(self, identities: Sequence[Identity], /) -> list[Customer]:
        """The same; and each of these identities is then known without another look."""
        ...

    async def get(self, customer_id: CustomerId, /) -> Customer:
        """For a look only. Raises CustomerNotFound."""
        ...

    async def lock(self, customer_id: CustomerId, /) -> Customer:
        """Raises CustomerNotFound."""
        ...

    async def add(self, *customers: Customer) -> bool:
        """False when somebody else was just given one of their identities: then none is added."""
        ...

    async def save(self, customer: Customer, /) -> None:
        """One more version, with its identities; one that is another's by now stays another's."""
        ...

    async def remove(self, customer: Customer, /) -> None:
        """With their identities. They have no conversation any more."""
        ...


def _is_storable(text: str) -> bool:
    return bool(text.strip()) and "\0" not in text


def _is_within(limit: int) -> Callable[[str], bool]:
    return lambda text: _is_storable(text) and len(text) <= limit


_RULES: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "name": (
        lambda text: _is_within(100)(text) and text.isprintable(),
        "1 to 100 printable characters",
    ),
    "email": (
        lambda text: len(text) <= 254 and _EMAIL.fullmatch(text) is not None,
        "an address like ani@example.com",
    ),
    "address": (_is_within(500), "1 to 500 characters"),
    "notes": (_is_within(2_000), "1 to 2,000 characters"),
}


def _refuse_bad(field: str, value: object) -> None:
    if not isinstance(value, str) or field not in _RULES:
        return
    rule, reason = _RULES[field]
    if not rule(value):
        raise ProfileRejected(field=field, reason=reason)

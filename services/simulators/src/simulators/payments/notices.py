"""What a payment provider posts to a shop, in the journal from the first try to the last."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from simulators.journal import Entry, Journal
from simulators.posting import Delivery, Letter, Refusal

#: seconds until the next try, or None to give up; from the number of tries and the last answer
Retries = Callable[[int, Refusal], float | None]


@dataclass(kw_only=True)
class NoticeDelivery(Delivery):
    """One notice on its way to one receiver."""

    merchant: str
    reference: str
    content: Mapping[str, Any]
    entry: Entry | None = field(default=None, repr=False)

    def view(self) -> dict[str, Any]:
        names = ("event", "merchant", "reference", "url", "began_at", "tries", "status", "outcome")
        return {name: getattr(self, name) for name in names} | {"content": self.content}


@dataclass(frozen=True, kw_only=True)
class Notice(Letter[NoticeDelivery]):
    """An event as one address gets it."""

    provider: str
    merchant: str
    reference: str
    event: str
    url: str
    content: Mapping[str, Any]
    sent_headers: Mapping[str, str]
    within_s: float | None
    retries: Retries
    journal: Journal
    #: other headers for the same news told anew
    renewed: Callable[[], Mapping[str, str]] | None = None

    follows = "same request"

    @property
    def body(self) -> bytes:
        return orjson.dumps(self.content)

    def fresh(self) -> "Notice":
        return replace(self, sent_headers=self.renewed()) if self.renewed else self

    def delivery(self) -> NoticeDelivery:
        facts = {
            "call": "notice",
            "event": self.event,
            "merchant": self.merchant,
            "reference": self.reference,
            "url": self.url,
            "content": self.content,
        }
        return NoticeDelivery(
            event=self.event,
            url=self.url,
            merchant=self.merchant,
            reference=self.reference,
            content=self.content,
            entry=self.journal.arrive(self.provider, text=self.reference, facts=facts),
        )

    def headers(self, delivery: NoticeDelivery) -> Mapping[str, str]:  # noqa: ARG002 - the same at every try
        return self.sent_headers

    def pause_s(self, tries: int, refusal: Refusal) -> float | None:
        return self.retries(tries, refusal)

    def ended(self, delivery: NoticeDelivery) -> None:
        if delivery.entry:
            self.journal.finish(delivery.entry, f"{delivery.outcome}:{delivery.status or '-'}")

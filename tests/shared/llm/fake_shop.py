"""A small shop in memory, and the talks that a customer has there with the offline model."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.llm.chat import ChatMessage, ToolCall, ToolSpec
from shared.llm.offline_replies import reply_to
from shared.llm.offline_tools import Said
from shared.llm.offline_variants_words import words_in
from tests.shared.llm.shop_talk import FACTS, SELLING, words_of

Told = dict[str, Any]

#: What says nothing about which product is looked for.
_NOISE = {"menu", "katalog", "semua", "ada", "apa", "aja", "yang"}
_YES = {
    "ya", "iya", "yes", "ok", "oke", "fix", "lanjut", "confirm", "sip", "kak", "benar", "please",
}  # fmt: skip


class Refused(Exception):
    """A tool says no: a code, and what else it tells."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.told: Told = {"error": code, **facts}


@dataclass(frozen=True)
class Ware:
    sku: str
    name: str
    price: int
    stock: int = 20
    description: str = ""

    def told(self) -> Told:
        return {
            "sku": self.sku,
            "name": self.name,
            "price": money(self.price),
            "stock": self.stock,
        }


WARES = (
    Ware("KG-250", "Kopi Gayo, 250 gr", 85_000, 12, "Kopi arabika dari dataran tinggi Gayo."),
    Ware("KG-500", "Kopi Gayo, 500 gr", 160_000, 5),
    Ware("TM-50", "Teh Melati", 25_000),
    Ware("KS-1", "Kopi Susu Gula Aren", 22_000),
    Ware("DM-1", "Donat Mix", 8_000, 50),
    Ware("KP-HL", "Kaos Polos, Hitam, L", 75_000, 10),
    Ware("KP-HM", "Kaos Polos, Hitam, M", 75_000, 10),
    Ware("LN-1", "Lilin Lavender", 45_000, 0),
)


def money(amount: int) -> str:
    return f"Rp{amount:,}".replace(",", ".")


def listed(wares: Sequence[Ware]) -> Told:
    lines = [
        f"{n}. {one.name} - {money(one.price)} "
        + (f"(stok {one.stock})" if one.stock else "(habis)")
        for n, one in enumerate(wares, 1)
    ]
    return {"text": "\n".join(lines), "products": [one.told() for one in wares]}


@dataclass
class Order:
    number: str
    status: str = "DRAFT"
    quantities: dict[str, int] = field(default_factory=dict[str, int])
    notes: list[str] = field(default_factory=list[str])
    is_shown: bool = False


@dataclass
class FakeShop:
    """Every tool with the shapes of the real ones; what code sends by itself is in `sent`."""

    address: str | None = None
    name: str | None = None
    orders: list[Order] = field(default_factory=list[Order])
    sent: list[str] = field(default_factory=list[str])
    handed_over: bool = False
    #: the customer's words in this turn
    heard: str = ""

    def run(self, call: ToolCall) -> Told:
        tool: Callable[..., Told] = getattr(self, call.name)
        try:
            return tool(**(call.arguments or {}))
        except Refused as refused:
            return refused.told

    # -- looking
    def search_products(self, query: str, budget: int | None = None) -> Told:
        assert query
        wanted = set(words_in(query)) - _NOISE
        found = [one for one in WARES if not wanted or wanted & set(words_in(one.name))]
        best = max((self._fit(query, one) for one in found), default=0)
        found = [one for one in found if self._fit(query, one) == best]
        return listed([one for one in found if budget is None or one.price <= budget])

    def get_product_details(self, product: str) -> Told:
        found = self._meant(product)
        name = found[0].name.split(",")[0]
        return {**listed(found), "name": name, "description": found[0].description}

    def check_stock(self, product: str) -> Told:
        return listed(self._meant(product))

    # -- ordering
    def create_order(self) -> Told:
        self.orders.append(Order(f"ORD-{1001 + len(self.orders)}"))
        return self._told(self.orders[-1])

    def add_to_order(self, product: str, quantity: int, note: str | None = None) -> Told:
        ware = self._the_one(product)
        order = self._open()
        if note:
            order.notes.append(note)
        return self._put(order, ware, order.quantities.get(ware.sku, 0) + quantity)

    def set_quantity(self, product: str, quantity: int) -> Told:
        ware = self._the_one(product, self._current())
        return self._put(self._open(), ware, quantity)

    def remove_from_order(self, product: str) -> Told:
        order = self._current()
        if order is None:
            raise Refused("order_is_empty")
        ware = self._the_one(product, order)
        if ware.sku not in order.quantities:
            raise Refused("not_in_order")
        del self._open().quantities[ware.sku]
        return self._told(order)

    def get_order_status(self, order: str | None = None) -> Told:
        known = [one for one in self.orders[::-1] if order in {None, one.number}]
        if not known:
            raise Refused("order_not_found")
        return self._told(known[0])

    def cancel_order(self) -> Told:
        order = self._current()
        if order is None:
            raise Refused("order_not_found")
        order.status = "CANCELLED"
        return self._told(order)

    # -- paying
    def confirm_order(self) -> Told:
        order = self._current()
        if order is None or not order.quantities:
            raise Refused("order_is_empty")
        if order.status == "AWAITING_PAYMENT":
            return {"status": "confirmed", **self._told(order)}
        if self.address is None:
            raise Refused("address_missing")
        if not order.is_shown:
            order.is_shown = True
            self.sent.append(f"Ringkasan pesanan:\n{self._text(order)}\nKalau benar, balas YA.")
            return {"status": "summary_sent", **self._told(order)}
        if not set(self.heard.lower().replace(",", " ").split()) <= _YES:
            raise Refused("confirmation_required")
        order.status = "AWAITING_PAYMENT"
        return {"status": "confirmed", **self._told(order)}

    def initiate_payment(self) -> Told:
        order = self._current()
        if order is None or order.status != "AWAITING_PAYMENT":
            raise Refused("illegal_state")
        self.sent.append(f"Link pembayaran {order.number}: https://pay.example/{order.number}")
        return {"status": "link_follows", "hint": "It is sent by itself."}

    # -- knowing
    def get_customer_profile(self) -> Told:
        return {"name": self.name, "address": self.address}

    def update_customer_profile(
        self, name: str | None = None, address: str | None = None, **_: str
    ) -> Told:
        self.name, self.address = name or self.name, address or self.address
        return self.get_customer_profile()

    def handoff_to_human(self, reason: str) -> Told:
        assert reason
        self.handed_over = True
        return {"handed_over": True}

    def _current(self) -> Order | None:
        is_open = {"DRAFT", "AWAITING_PAYMENT"}
        return next((one for one in self.orders[::-1] if one.status in is_open), None)

    def _open(self) -> Order:
        order = self._current()
        if order is None:
            self.create_order()
            order = self.orders[-1]
        order.status, order.is_shown = "DRAFT", False
        return order

    def _put(self, order: Order, ware: Ware, quantity: int) -> Told:
        if quantity < 1:
            raise Refused("bad_quantity", detail="A quantity is a whole number from 1 to 100.")
        if quantity > ware.stock:
            detail = f"There are only {ware.stock} of {ware.name} ({ware.sku}) left."
            raise Refused("insufficient_stock", detail=detail)
        order.quantities[ware.sku] = quantity
        return self._told(order)

    def _the_one(self, words: str, order: Order | None = None) -> Ware:
        found = self._meant(words)
        ordered = [one for one in found if order and one.sku in order.quantities]
        if len(ordered) == 1:
            return ordered[0]
        if len(found) > 1:
            told = listed(found)
            raise Refused("ambiguous_product", choices=told["products"], text=told["text"])
        return found[0]

    def _meant(self, words: str) -> Sequence[Ware]:
        if exact := [one for one in WARES if one.sku == words]:
            return exact
        best = max(self._fit(words, one) for one in WARES)
        if best == (0, False):
            raise Refused("product_not_found", hint="Use search_products.")
        return [one for one in WARES if self._fit(words, one) == best]

    @staticmethod
    def _fit(words: str, ware: Ware) -> tuple[int, bool]:
        """How many words fit, and whether they are all that the product is called."""
        said, name = set(words_in(words)), set(words_in(ware.name))
        return len(said & name), set(words_in(ware.name.split(",")[0])) <= said

    def _told(self, order: Order) -> Told:
        wares = {one.sku: one for one in WARES}
        lines = [
            {
                "sku": sku,
                "name": wares[sku].name,
                "quantity": quantity,
                "price": money(wares[sku].price),
                "amount": money(quantity * wares[sku].price),
            }
            for sku, quantity in order.quantities.items()
        ]
        total = sum(quantity * wares[sku].price for sku, quantity in order.quantities.items())
        facts: Mapping[str, Any] = {
            "number": order.number,
            "status": order.status,
            "lines": lines,
            "total": money(total),
            "address": self.address,
        }
        return {"text": self._text(order), "order": facts}

    def _text(self, order: Order) -> str:
        wares = {one.sku: one for one in WARES}
        lines = [f"{n} x {wares[sku].name}" for sku, n in order.quantities.items()]
        return "\n".join([f"*{order.number}* ({order.status})", *lines])


@dataclass
class Conversation:
    """A customer and the offline model, as a turn of the shop's runs: what is called, and said."""

    shop: FakeShop = field(default_factory=FakeShop)
    system: str = FACTS
    history: list[ChatMessage] = field(default_factory=list[ChatMessage])
    #: of the last turn: every call, and what the customer has read
    calls: list[tuple[str, Mapping[str, Any]]] = field(
        default_factory=list[tuple[str, Mapping[str, Any]]]
    )

    def say(self, *texts: str, correction: str = "") -> str:
        """What is answered, after everything that is called, and after the system's correction."""
        self.shop.heard, self.shop.sent, self.calls = " ".join(texts), [], []
        turn = [ChatMessage("user", "\n".join(texts))]
        said = self._answered(turn)
        if correction:
            turn += [ChatMessage("assistant", said.text), ChatMessage("user", correction)]
            said = self._answered(turn)
        answer = "\n".join([*self.shop.sent, said.text])
        self.history += [turn[0], ChatMessage("assistant", answer)]
        return words_of(said)

    def _answered(self, turn: list[ChatMessage]) -> Said:
        system = ChatMessage("system", self.system)
        for _ in range(8):
            said = reply_to([system, *self.history, *turn], SELLING)
            if not said.tool_calls:
                assert len(self.calls) <= 12
                return said
            assert len(said.tool_calls) <= 5
            results = [self._run(call) for call in said.tool_calls]
            turn += [ChatMessage("assistant", "", said.tool_calls), *results]
        raise AssertionError("It never stops calling.")

    def hears_from_us(self, text: str) -> None:
        """A message that code or a colleague sends."""
        self.history.append(ChatMessage("assistant", text))

    def _run(self, call: ToolCall) -> ChatMessage:
        assert call.arguments is not None
        assert set(call.arguments) <= set(_spec(call.name).parameters["properties"])
        self.calls.append((call.name, call.arguments))
        assert self.calls.count((call.name, call.arguments)) < 3
        told = json.dumps(self.shop.run(call))
        return ChatMessage("tool", told, tool_call_id=call.id, name=call.name)


def _spec(name: str) -> ToolSpec:
    return next(one for one in SELLING if one.name == name)

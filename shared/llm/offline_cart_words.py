"""How the offline shop assistant fills a cart and changes it: which calls, one after another."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from shared.llm import offline_order_patterns_words as heard
from shared.llm.offline_done_words import Done, Result
from shared.llm.offline_intents import Steps, Wanted
from shared.llm.offline_lines_words import (
    Line,
    lines_of,
    product_of,
    quantity_of,
    rejected_quantity_of,
)
from shared.llm.offline_memory_words import (
    asked_how_many,
    is_list_open,
    is_total_asked,
    last_product,
    listed,
    meant,
    still_wanted,
)
from shared.llm.offline_shop_slots_words import without_profile
from shared.llm.offline_talk_words import Talk
from shared.llm.offline_variants_words import inherited, is_variant, the_one

#: The customer can still change it.
_OPEN = {"DRAFT", "AWAITING_PAYMENT"}
#: The words did not tell; what is in the cart may.
_UNCLEAR = {"product_not_found", "ambiguous_product", "not_in_order"}
_NO_CART = {"order_not_found", "order_not_open", "no_open_order"}
_LONGEST_CHOICE = 10
#: With one of these a number says how many, never which.
_BUYS = re.compile(r"\b(?:pesan|pesen|order|beli|keep|buy|take)", re.IGNORECASE)


# -- filling it
def adding(talk: Talk, lines: Sequence[Line]) -> Sequence[Wanted]:
    """Each of them; nothing where one of them is anybody's guess."""
    calls = [_add(meant(talk, line), line.quantity or 1, line.note) for line in lines]
    return calls if all(values["product"] for _, values in calls) else ()


def _add(product: str, quantity: int, note: str = "") -> Wanted:
    return "add_to_order", {"product": product, "quantity": quantity} | (
        {"note": note} if note else {}
    )


def ordered(talk: Talk) -> Sequence[Wanted]:
    """What is counted is ordered; of what is not, it is first looked what there is."""
    if talk.done:
        return added(talk)
    lines = lines_of(without_profile(talk.words))
    if len(lines) > 1 or any(line.is_counted for line in lines):
        return adding(talk, lines)
    if lines and (product := meant(talk, lines[0])):
        return [("search_products", {"query": product})]
    return ()


def added(talk: Talk) -> Sequence[Wanted]:
    """After things were added: where there was no cart, into a new one; and on to its end."""
    adds = [done for done in talk.done if done.tool == "add_to_order"]
    if any(done.error in _NO_CART for done in adds) and not _was_called(talk, "create_order"):
        again = [(done.tool, done.arguments) for done in adds if done.error in _NO_CART]
        return [("create_order", {}), *again]
    is_whole = bool(adds) and not any(done.error for done in adds)
    if is_whole and heard.CHECKOUT.search(talk.words) and not _was_called(talk, "confirm_order"):
        return [("confirm_order", {})]
    return ()


def is_choice(talk: Talk) -> bool:
    """One of the list that they were shown, by its number or by its words."""
    names, lines = listed(talk), lines_of(talk.words)
    if not names or not lines or len(talk.words.split()) > _LONGEST_CHOICE:
        return False
    first = _chosen(talk, lines[0])
    if first.place is not None:
        return first.place <= len(names)
    return bool(the_one(first.product, names))


def choose(talk: Talk) -> Sequence[Wanted]:
    """Into the cart if they have said how many, now or before; else they see what it is."""
    if talk.done:
        return added(talk)
    lines = [_chosen(talk, line) for line in lines_of(talk.words)]
    before = still_wanted(talk)
    if len(lines) == 1 and not lines[0].is_counted:
        if before is None:
            return [("get_product_details", {"product": meant(talk, lines[0])})]
        return [_add(meant(talk, lines[0]), before.quantity or 1, lines[0].note or before.note)]
    return adding(talk, lines)


def _chosen(talk: Talk, line: Line) -> Line:
    """A mere number, where they were asked which one, is one of the list, or its size."""
    is_of_the_list = is_list_open(talk) and not asked_how_many(talk)
    if not _is_number(line) or not is_of_the_list or _BUYS.search(talk.words):
        return line
    size = str(line.quantity)
    if 0 < (line.quantity or 0) <= len(listed(talk)):
        return Line("", place=line.quantity, note=line.note)
    return Line(size, note=line.note) if the_one(size, listed(talk)) else line


def says_how_many(talk: Talk) -> bool:
    """A number, where they were asked for one; but not if they ask themselves."""
    lines = lines_of(talk.words)
    is_answer = len(lines) == 1 and _is_number(lines[0]) and "?" not in talk.words
    return is_answer and bool(asked_how_many(talk))


def _is_number(line: Line) -> bool:
    return line.is_counted and not line.product and line.place is None


def counted(talk: Talk) -> Sequence[Wanted]:
    if talk.done:
        return added(talk)
    line, product = lines_of(talk.words)[0], asked_how_many(talk)
    if is_total_asked(talk):
        return [("set_quantity", {"product": product, "quantity": line.quantity})]
    return [_add(product, line.quantity or 1, line.note)]


def both(talk: Talk) -> Sequence[Wanted]:
    """The two that they were shown."""
    names = listed(talk)
    if talk.done or len(names) != 2:
        return added(talk)
    return [_add(name, quantity_of(talk.words) or 1) for name in names]


def same_again(talk: Talk) -> Sequence[Wanted]:
    """What they had last time, in a new cart; a cart that is open is that already."""
    looked = _looked(talk)
    if looked is None:
        return [("get_order_status", {})]
    if looked.order.get("status") in _OPEN:
        return ()
    done = [call.arguments.get("product") for call in talk.done if call.tool == "add_to_order"]
    missing = [line for line in looked.lines if line["sku"] not in done]
    opening: Sequence[Wanted] = () if _was_called(talk, "create_order") else [("create_order", {})]
    adds = [_add(str(line["sku"]), int(line["quantity"])) for line in missing]
    return [*opening, *adds] if missing else ()


# -- changing it
def with_cart(change: Callable[[Talk, Sequence[Result]], Sequence[Wanted]]) -> Steps:
    """Changes that begin with a look at what is in the cart."""

    def steps(talk: Talk) -> Sequence[Wanted]:
        if (looked := _looked(talk)) is None:
            return [("get_order_status", {})]
        is_open = looked.order.get("status") in _OPEN
        return change(talk, looked.lines if is_open else ())

    return steps


def set_to(talk: Talk) -> Sequence[Wanted]:
    """Of what they name, or else of what they added last: exactly so many."""
    quantity = quantity_of(talk.words)
    if quantity is None:
        return ()
    if product := product_of(talk.words):
        values = {"product": meant(talk, Line(product)), "quantity": quantity}
        return _to_the_line(talk, "set_quantity", values)
    return with_cart(lambda talk, lines: _set_last(talk, lines, quantity))(talk)


def _set_last(talk: Talk, lines: Sequence[Result], quantity: int) -> Sequence[Wanted]:
    if len(talk.done) > 1:
        return ()
    wrong = rejected_quantity_of(talk.words)
    mistaken = [line for line in lines if line.get("quantity") == wrong]
    if chosen := next(iter(mistaken or lines[-1:]), None):
        return [("set_quantity", {"product": chosen["sku"], "quantity": quantity})]
    product = last_product(talk)
    return [_add(product, quantity)] if product else ()


def more(talk: Talk) -> Sequence[Wanted]:
    """So many more of what they name of the cart, or else of what was added last."""
    looked, quantity = _looked(talk), quantity_of(talk.words) or 1
    if looked is None:
        return [("get_order_status", {})]
    if len(talk.done) > 1:
        return added(talk)
    named = product_of(talk.words)
    line = _line_of(named, looked.lines, or_last=not named)
    words = meant(talk, Line(named)) if named else last_product(talk)
    product = str(line["sku"]) if line else words
    return [_add(product, quantity)] if product else ()


def fewer(talk: Talk, lines: Sequence[Result]) -> Sequence[Wanted]:
    """So many less; the last one takes the line with it."""
    line = _line_of(product_of(talk.words), lines)
    if line is None or len(talk.done) > 1:
        return ()
    left = int(line["quantity"]) - (quantity_of(talk.words) or 1)
    if left < 1:
        return [("remove_from_order", {"product": line["sku"]})]
    return [("set_quantity", {"product": line["sku"], "quantity": left})]


def remove(talk: Talk) -> Sequence[Wanted]:
    words = heard.CANCEL_ONE.sub(" ", talk.words)
    product = product_of(words) or product_of(heard.REMOVE.sub(" ", words))
    if product:
        values = {"product": meant(talk, Line(product))}
        return _to_the_line(talk, "remove_from_order", values)
    return with_cart(_remove_only)(talk)


def _remove_only(talk: Talk, lines: Sequence[Result]) -> Sequence[Wanted]:
    is_clear = len(lines) == 1 and len(talk.done) == 1
    return [("remove_from_order", {"product": lines[0]["sku"]})] if is_clear else ()


def replace_line(talk: Talk, lines: Sequence[Result]) -> Sequence[Wanted]:
    """First the new one, so that nothing is lost if there is none; then the old one goes."""
    old, _, new = talk.words.rpartition(" jadi ") if " jadi " in talk.words else ("", "", "")
    line = _line_of(product_of(old), lines)
    if line is None:
        return ()
    added_one = next((done for done in talk.done if done.tool == "add_to_order"), None)
    if added_one is None:
        product = product_of(new or talk.words)
        known = inherited(str(line["name"]), product) if is_variant(product) else product
        quantity = quantity_of(talk.words) or int(line["quantity"])
        return [_add(the_one(product, listed(talk)) or known, quantity)]
    if added_one.error or _was_called(talk, "remove_from_order"):
        return ()
    return [("remove_from_order", {"product": line["sku"]})]


def _to_the_line(talk: Talk, tool: str, values: Result) -> Sequence[Wanted]:
    """By the words that they used; where these do not tell, by what is in the cart."""
    tries = [done for done in talk.done if done.tool == tool]
    if not tries:
        return [(tool, values)]
    if len(tries) > 1 or tries[0].error not in _UNCLEAR:
        return ()
    if (looked := _looked(talk)) is None:
        return [("get_order_status", {})]
    line = _line_of(str(values["product"]), looked.lines, or_last=False)
    return [(tool, {**values, "product": line["sku"]})] if line else ()


def _line_of(
    product: str, lines: Sequence[Result], *, or_last: bool = True
) -> dict[str, Any] | None:
    """The line that the words mean; the last, where they name none."""
    by_name = {str(line.get("name")): dict(line) for line in lines}
    if found := the_one(product, list(by_name)):
        return by_name[found]
    is_unnamed = or_last and (not product or len(lines) == 1)
    return dict(lines[-1]) if lines and is_unnamed else None


def _looked(talk: Talk) -> Done | None:
    return next((done for done in talk.done if done.tool == "get_order_status"), None)


def _was_called(talk: Talk, tool: str) -> bool:
    return any(done.tool == tool for done in talk.done)

"""How the offline shop assistant brings an order to its end: which calls, one after another."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.llm import offline_order_patterns_words as heard
from shared.llm.offline_cart_words import added, adding
from shared.llm.offline_done_words import Done
from shared.llm.offline_intents import Wanted
from shared.llm.offline_lines_words import lines_of
from shared.llm.offline_memory_words import is_address_due
from shared.llm.offline_shop_slots_words import profile_of, without_profile
from shared.llm.offline_talk_words import Talk

_CONFIRM: Wanted = ("confirm_order", {})
_PAY: Wanted = ("initiate_payment", {})
#: Why there is no link yet, or not any more: the summary comes first.
_NOT_CONFIRMED = {"illegal_state", "nothing_awaits_payment", "order_not_found", "expired"}
#: What a search finds may be what they meant.
_NAMES_A_PRODUCT = {"add_to_order", "check_stock", "get_product_details", "set_quantity"}
#: Then no number in it is that of a house.
_ABOUT_GOODS = (
    heard.ORDER, heard.MORE, heard.LESS, heard.NEW_QUANTITY, heard.REMOVE, heard.REPLACE,
    heard.CANCEL, heard.CHECKOUT,
)  # fmt: skip


def confirm(talk: Talk) -> Sequence[Wanted]:
    """The summary first; after the customer's yes to it, at once the way to pay."""
    asked = _last(talk, "confirm_order")
    if asked is None or (asked.error == "order_changed" and talk.done[-1] is asked):
        return [_CONFIRM]
    is_confirmed = asked.status == "confirmed" and _last(talk, "initiate_payment") is None
    return [_PAY] if is_confirmed else ()


def pay(talk: Talk) -> Sequence[Wanted]:
    """The link; what is not confirmed yet, or not any more, is confirmed first."""
    asked = _last(talk, "initiate_payment")
    if asked is None:
        return [_PAY]
    confirmed = _last(talk, "confirm_order")
    if asked.error in _NOT_CONFIRMED and confirmed is None:
        return [_CONFIRM]
    is_ready = confirmed is not None and talk.done[-1] is confirmed
    return [_PAY] if is_ready and confirmed and confirmed.status == "confirmed" else ()


def told_of(talk: Talk) -> Mapping[str, Any]:
    """What they say of themselves, now."""
    is_about_goods = any(one.search(talk.words) for one in _ABOUT_GOODS)
    is_due = is_address_due(talk) and not is_about_goods
    return profile_of(talk.words, is_address_due=is_due)


def introduced(talk: Talk) -> Sequence[Wanted]:
    """Who they are is kept, what they order with the same words too; and on, if it was due."""
    if not talk.done:
        rest = without_profile(talk.words)
        lines = [line for line in lines_of(rest) if line.is_counted and line.product]
        wanted = adding(talk, lines) if heard.ORDER.search(rest) else ()
        return [("update_customer_profile", told_of(talk)), *wanted]
    if more := added(talk):
        return more
    kept = _last(talk, "update_customer_profile")
    is_known = kept is not None and not kept.error and "address" in kept.arguments
    return confirm(talk) if is_known and is_address_due(talk) else ()


def same_address(talk: Talk) -> Sequence[Wanted]:
    """The one that is known; and on, if it was due."""
    known = _last(talk, "get_customer_profile")
    if known is None:
        return [("get_customer_profile", {})]
    is_known = not known.error and known.result.get("address")
    return confirm(talk) if is_known and is_address_due(talk) else ()


def mended(talk: Talk) -> Sequence[Wanted]:
    """What nobody knows by that name is looked for once, if nothing else came of the turn."""
    if len(talk.done) != 1 or talk.done[0].tool not in _NAMES_A_PRODUCT:
        return ()
    failed = talk.done[0]
    words = failed.arguments.get("product")
    is_unknown = failed.error == "product_not_found" and words
    return [("search_products", {"query": words})] if is_unknown else ()


def _last(talk: Talk, tool: str) -> Done | None:
    return next((done for done in reversed(talk.done) if done.tool == tool), None)

"""Payment providers over HTTP: what their answers mean before anybody reads them."""

import base64
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import orjson
from yarl import URL

from crm_chatbot.application.payments.gateways import Account, GatewayRefused, GatewayUncertain
from crm_chatbot.domain.money import Currency, UnknownCurrency
from shared.infrastructure.guarded_http import Answer, BlockedAddress, GuardedClient, Unreachable
from shared.infrastructure.url_rules import UrlRules, host_of

TIMEOUT_S = 15.0
#: More than any page of theirs; what is longer is no answer of theirs.
ANSWER_LIMIT = 512 * 1_024
_CONNECTIONS = 100
_LONGEST_DETAIL = 200

Described = Mapping[str, Any]


def provider_client(*bases: str) -> GuardedClient:
    """A client that calls these servers and no others of our own network."""
    hosts = frozenset(host_of(URL(base)) for base in bases)
    rules = UrlRules(hosts=hosts, allow_trusted_http=True)
    return GuardedClient(rules, total_s=TIMEOUT_S, connections=_CONNECTIONS)


async def ask(
    client: GuardedClient,
    account: Account,
    method: str,
    url: str,
    body: Mapping[str, Any] | None = None,
    **headers: str,
) -> Answer:
    """One try, as the account. Raises GatewayUncertain: it may have arrived."""
    token = base64.b64encode(f"{account.secret}:".encode()).decode()
    told = {
        "Authorization": f"Basic {token}",
        "Accept": "application/json",
        "Content-Type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    raw = None if body is None else orjson.dumps(body)
    try:
        return await client.request(method, url, body=raw, headers=told, limit=ANSWER_LIMIT + 1)
    except BlockedAddress as blocked:
        raise GatewayUncertain("provider_blocked", str(blocked)) from blocked
    except Unreachable as unreachable:
        raise GatewayUncertain("provider_unreachable", unreachable.reason) from unreachable


def refuse_failures(answer: Answer, told: str) -> None:
    """Nothing, for an answer that is a success. Raises GatewayRefused, GatewayUncertain."""
    if 200 <= answer.status < 300:
        return
    raise failure_of(answer.status, told)


def refund_failure_of(status: int, told: str) -> GatewayRefused | GatewayUncertain:
    """The same, where money may be on its way: a conflict may be with our own earlier try."""
    if status in {409, 412}:
        return GatewayUncertain("provider_undecided", told[:_LONGEST_DETAIL] or f"HTTP {status}")
    return failure_of(status, told)


def failure_of(status: int, told: str) -> GatewayRefused | GatewayUncertain:
    """What a status that is no success means."""
    detail = told[:_LONGEST_DETAIL] or f"HTTP {status}"
    if status in {401, 403}:
        return GatewayRefused("provider_unauthorized", detail)
    if 400 <= status < 500 and status not in {408, 425, 429}:
        return GatewayRefused("provider_refused", detail)
    return GatewayUncertain("provider_unavailable", detail)


def content_of(answer: Answer) -> object:
    """The JSON of an answer. Raises GatewayUncertain where it is none, or endless."""
    if len(answer.body) > ANSWER_LIMIT:
        raise GatewayUncertain("answer_too_large")
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise GatewayUncertain("answer_unreadable", f"HTTP {answer.status}") from None


def described(value: object) -> Described:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def listed(value: object) -> list[Described]:
    found = cast("list[object]", value) if isinstance(value, list) else []
    return [one for entry in found if (one := described(entry))]


def text_of(value: object) -> str:
    """A word of theirs; nothing, where it is none."""
    return value.strip() if isinstance(value, str) else ""


def minor_units(value: object, currency: str) -> int:
    """An amount, however they spell it, in the currency's smallest unit.

    Raises ValueError: it is none, or has a fraction of that unit.
    """
    try:
        scale = Currency(currency).scale
        amount = Decimal(str(value).strip()).scaleb(scale)
    except (InvalidOperation, UnknownCurrency):
        raise ValueError("no amount") from None
    if not amount.is_finite() or amount != amount.to_integral_value() or abs(amount) >= 10**18:
        raise ValueError("no whole amount")
    return int(amount)


def major_units(amount: int, currency: Currency) -> int | float:
    """As their JSON has it: a number, without decimals where the currency has none."""
    return amount if currency.scale == 0 else float(Decimal(amount).scaleb(-currency.scale))

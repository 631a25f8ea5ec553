"""`/v1/crm/payments` and an order's payments: looked at, asked for, sent back, decided about."""

import hashlib
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BeforeValidator

from crm_chatbot.application.feed import Thing
from crm_chatbot.application.once import Once
from crm_chatbot.application.payments.accounts import PaymentAccounts
from crm_chatbot.application.payments.desk import PaymentDesk
from crm_chatbot.application.payments.worker import PaymentDirectory
from crm_chatbot.domain.orders.order import OrderId, OrderNotFound
from crm_chatbot.domain.payments.payment import PaymentId, PaymentNotFound, Provider
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.interface.administration import Admin, Administration, actor_of, known_to
from crm_chatbot.interface.payments.views import (
    AccountBody,
    AccountShown,
    PaymentDetails,
    PaymentList,
    PaymentStart,
    PaymentView,
    RefundBody,
    RefundView,
    Review,
)
from shared.interface.access import AnyCaller, Caller, WritingCaller
from shared.interface.parameters import Id, IdempotencyKey
from shared.interface.problems import not_found
from shared.interface.routes import api_router

router = api_router("/v1/crm", tag="payments")


def _known(spelt: object) -> object:
    if spelt not in set(Provider):
        raise not_found()
    return spelt


#: A provider in a path; whatever is none names nothing.
Named = Annotated[Provider, BeforeValidator(_known)]


@dataclass(frozen=True)
class Till:
    """The menu. Wiring puts it into `app.state.crm_till`."""

    desk: PaymentDesk
    accounts: PaymentAccounts
    directory: PaymentDirectory


async def till(request: Request) -> Till:
    menu: Till = request.app.state.crm_till
    return menu


TheTill = Annotated[Till, Depends(till)]


@router.get("/orders/{order_id}/payments", summary="List an order's payments")
async def list_payments(order_id: Id, app: Admin, menu: TheTill, caller: AnyCaller) -> PaymentList:
    """Every attempt at getting it paid, the oldest first."""
    tenant_id = await _whose_order(app, caller, order_id)
    found = await menu.desk.of_order(tenant_id, OrderId(order_id))
    return PaymentList(payments=list(map(PaymentView.of, found)))


@router.post("/orders/{order_id}/payments", status_code=202, summary="Ask for an order's money")
async def start_payment(
    order_id: Id,
    app: Admin,
    menu: TheTill,
    caller: WritingCaller,
    body: PaymentStart | None = None,
) -> PaymentView:
    """The customer is sent the way to pay; asked again, they are sent the same once more.

    `manual`: a bank transfer, or cash. It is paid once a person approves it.
    """
    tenant_id = await _whose_order(app, caller, order_id)
    provider = None if body is None else body.provider
    return PaymentView.of(await menu.desk.start(tenant_id, OrderId(order_id), provider=provider))


@router.get("/payments/{payment_id}", summary="Look at a payment")
async def get_payment(payment_id: Id, menu: TheTill, caller: AnyCaller) -> PaymentDetails:
    """With what its provider told, when it was asked, and what was heard of it."""
    tenant_id = await _whose(menu, caller, payment_id)
    return PaymentDetails.seen(await menu.desk.look(tenant_id, PaymentId(payment_id)))


@router.post("/payments/{payment_id}/refunds", status_code=202, summary="Send money back")
async def refund_payment(
    payment_id: Id,
    body: RefundBody,
    menu: TheTill,
    caller: WritingCaller,
    key: IdempotencyKey,
    response: Response,
) -> RefundView:
    """By the provider, where it can: bank transfers and convenience stores it cannot.

    What it will not send back ends as FAILED, and a concern says so: send it by hand, and record
    it with `by_hand`. With an `Idempotency-Key`, asking again within 24 hours returns the first
    answer (`Idempotent-Replayed: true`).
    """
    tenant_id = await _whose(menu, caller, payment_id)
    once = None if key is None else _once(caller, key, payment_id, body)
    refund, is_replay = await menu.desk.refund(
        tenant_id, PaymentId(payment_id), body.wish(actor_of(caller)), once=once
    )
    if is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    return RefundView.of(refund)


@router.post("/payments/{payment_id}/review", summary="Decide about a manual transfer")
async def review_payment(
    payment_id: Id, body: Review, menu: TheTill, caller: WritingCaller
) -> PaymentDetails:
    """Whether the money has arrived. Only a person can say so; the order is paid by it."""
    tenant_id = await _whose(menu, caller, payment_id)
    seen = await menu.desk.review(
        tenant_id,
        PaymentId(payment_id),
        is_approved=body.approve,
        actor=actor_of(caller),
        reason=body.reason,
    )
    return PaymentDetails.seen(seen)


_ACCOUNT = "/tenants/{tenant_id}/payment-accounts/{provider}"


@router.put(_ACCOUNT, summary="Give a shop an account with a payment provider")
async def put_account(
    tenant_id: Id,
    provider: Named,
    body: AccountBody,
    app: Admin,
    menu: TheTill,
    caller: WritingCaller,
) -> AccountShown:
    """Without one, it shares the platform's. Secrets are encrypted, and never shown again."""
    tenant = await app.tenants.get(known_to(caller, tenant_id))
    account = await menu.accounts.put(tenant.id, provider, body.change())
    app.changed(tenant.id, Thing.PAYMENT_ACCOUNTS)
    return AccountShown.of(account)


@router.get(_ACCOUNT, summary="Look at a shop's account with a payment provider")
async def get_account(
    tenant_id: Id, provider: Named, app: Admin, menu: TheTill, caller: AnyCaller
) -> AccountShown:
    """404 `no_payment_account` where it has none of its own."""
    tenant = await app.tenants.get(known_to(caller, tenant_id))
    return AccountShown.of(await menu.accounts.show(tenant.id, provider))


@router.delete(_ACCOUNT, status_code=204, summary="Take a shop's account away")
async def delete_account(
    tenant_id: Id, provider: Named, app: Admin, menu: TheTill, caller: WritingCaller
) -> None:
    """What it was asked to be paid by it can then be read no more."""
    tenant = await app.tenants.get(known_to(caller, tenant_id))
    await menu.accounts.remove(tenant.id, provider)
    app.changed(tenant.id, Thing.PAYMENT_ACCOUNTS)


async def _whose(menu: Till, caller: Caller, payment_id: UUID) -> TenantId:
    """The tenant to act as. Raises PaymentNotFound."""
    if caller.tenant_id is not None:
        return TenantId(caller.tenant_id)
    found = await menu.directory.tenant_of_payment(PaymentId(payment_id))
    if found is None:
        raise PaymentNotFound(payment_id=payment_id)
    return found


async def _whose_order(app: Administration, caller: Caller, order_id: UUID) -> TenantId:
    """The same, of an order. Raises OrderNotFound."""
    if caller.tenant_id is not None:
        return TenantId(caller.tenant_id)
    found = await app.looking.directory.tenant_of_order(OrderId(order_id))
    if found is None:
        raise OrderNotFound(order_id=order_id)
    return found


def _once(caller: Caller, key: str, payment_id: UUID, body: RefundBody) -> Once:
    who = "platform" if caller.tenant_id is None else "tenant"
    request = hashlib.sha256(f"{payment_id}:{body.model_dump_json()}".encode()).hexdigest()
    return Once(f"{who}:POST /v1/crm/payments/refunds", key, request)

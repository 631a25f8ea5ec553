"""`/v1/crm/customers`: who they are, what is noted of them, and that they are forgotten."""

from uuid import UUID

from fastapi import Response

from crm_chatbot.domain.customers.customer import CustomerId, CustomerNotFound
from crm_chatbot.domain.tenants.tenant import TenantId
from crm_chatbot.interface.administration import Admin, Administration
from crm_chatbot.interface.customers.views import CustomerChange, CustomerView
from shared.interface.access import AnyCaller, Caller, WritingCaller
from shared.interface.parameters import Id
from shared.interface.routes import api_router
from shared.interface.versions import ExpectedVersion, tag

router = api_router("/v1/crm/customers", tag="customers")


@router.get("/{customer_id}", summary="Look at a customer")
async def get_customer(
    customer_id: Id, app: Admin, caller: AnyCaller, response: Response
) -> CustomerView:
    """Their `ETag` is their version."""
    tenant_id = await _whose(app, caller, customer_id)
    customer = await app.customers.get(tenant_id, CustomerId(customer_id))
    tag(response, customer.version)
    return CustomerView.of(customer)


@router.patch("/{customer_id}", summary="Change a customer's profile")
async def change_customer(
    customer_id: Id,
    body: CustomerChange,
    app: Admin,
    caller: WritingCaller,
    expected: ExpectedVersion,
    response: Response,
) -> CustomerView:
    """Only what is named. With `If-Match`, only that version (412 `conflict` otherwise)."""
    tenant_id = await _whose(app, caller, customer_id)
    customer = await app.customers.describe(
        tenant_id, CustomerId(customer_id), expected=expected, **body.profile()
    )
    tag(response, customer.version)
    return CustomerView.of(customer)


@router.delete("/{customer_id}", status_code=204, summary="Forget a customer")
async def forget_customer(customer_id: Id, app: Admin, caller: WritingCaller) -> None:
    """Erases their profile, their number, and every word of their conversation, for good.

    That there was a conversation remains, and so do the numbers. A second time is no mistake.
    """
    tenant_id = await _whose(app, caller, customer_id)
    await app.customers.forget(tenant_id, CustomerId(customer_id))


async def _whose(app: Administration, caller: Caller, customer_id: UUID) -> TenantId:
    """The tenant to act as. Raises CustomerNotFound."""
    if caller.tenant_id is not None:
        return TenantId(caller.tenant_id)
    found = await app.looking.directory.tenant_of_customer(CustomerId(customer_id))
    if found is None:
        raise CustomerNotFound(customer_id=customer_id)
    return found

"""Customers as clients see them: the schemas of requests and answers."""

from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from crm_chatbot.domain.customers.customer import Customer, Profile
from crm_chatbot.domain.language import Language
from crm_chatbot.interface.tenants.views import Body


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


#: What is left out of a body stays as it is.
_UNSAID: Any = Field(default=None, json_schema_extra=_no_default)


class CustomerChange(Body):
    """What is to be otherwise; null takes it away. The phone number is WhatsApp's to change."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = _UNSAID
    language: Language | None = _UNSAID
    email: Annotated[str, StringConstraints(min_length=3, max_length=254)] | None = _UNSAID
    address: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = _UNSAID
    notes: Annotated[str, StringConstraints(min_length=1, max_length=2_000)] | None = _UNSAID

    def profile(self) -> Profile:
        return cast("Profile", {name: getattr(self, name) for name in self.model_fields_set})


class CustomerView(BaseModel):
    """A customer as they are known."""

    id: UUID
    tenant_id: UUID
    name: str | None
    phone: str | None = Field(description="Digits; null while WhatsApp hides it.")
    language: Language | None = Field(description="What they want to be answered in.")
    email: str | None
    address: str | None
    notes: str | None = Field(description="For colleagues' eyes only.")
    opted_out_at: datetime | None = Field(
        description="Since when they want to hear nothing that they did not ask for."
    )
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, customer: Customer) -> "CustomerView":
        return cls.model_validate(vars(customer) | {"phone": customer.phone})

"""A customer: one person, under every identity that WhatsApp knows them by."""

from typing import NewType
from uuid import UUID

CustomerId = NewType("CustomerId", UUID)

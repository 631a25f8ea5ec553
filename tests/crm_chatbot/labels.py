"""Labels as tests speak of them: `a_label("Komplain")`."""

from typing import Any

from uuid_utils.compat import uuid7

from crm_chatbot.domain.label import Label, LabelId
from tests.crm_chatbot.builders import LATER, NOON, TENANT


def a_label(name: str = "Komplain", **facts: Any) -> Label:
    plain: dict[str, Any] = {
        "id": LabelId(uuid7()),
        "tenant_id": TENANT,
        "name": name,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Label(**plain | facts)


def a_full_label() -> Label:
    """Every field differs from its default."""
    return a_label(
        "Grosir ☕",
        updated_at=LATER,
        color="#00ff7f",
        description="Beli banyak\nsekaligus",
        is_active=False,
        version=7,
    )

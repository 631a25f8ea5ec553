"""What a shop cannot be: refused with the place where the trouble lies, and nothing changed."""

from typing import Any

import pytest

from tests.crm_chatbot.running import SHOP, TENANTS, Running
from tests.served import TENANT, said

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOO_LONG = "x" * 20_001
WEEKS: list[Any] = [
    {"monday": []},
    {"mon": [{"opens": "09:00"}]},
    {"mon": [{"opens": "9:00", "closes": "17:00"}]},
    {"mon": [{"opens": "09:00", "closes": "25:00"}]},
    {"mon": [{"opens": "09:00", "closes": "24:01"}]},
    {"mon": [{"opens": "17:00", "closes": "09:00"}]},
    {"mon": [{"opens": "17:00", "closes": "17:00"}]},
    {"mon": [{"opens": "08:00", "closes": "12:00"}, {"opens": "11:00", "closes": "13:00"}]},
    {"mon": [{"opens": "13:00", "closes": "15:00"}, {"opens": "08:00", "closes": "12:00"}]},
    {"mon": [{"opens": "08:00", "closes": "09:00"}] * 11},
]
BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "/name"),
    ({"name": "  \u200b "}, "/name"),
    ({"name": "x" * 101}, "/name"),
    ({"name": "evil\u202eeman"}, "/name"),
    ({"name": "two\nlines"}, "/name"),
    ({"name": None}, "/name"),
    ({"name": 7}, "/name"),
    ({"prompt": ""}, "/prompt"),
    ({"prompt": " \n\t "}, "/prompt"),
    ({"prompt": "\u200b\ufeff"}, "/prompt"),
    ({"prompt": TOO_LONG}, "/prompt"),
    ({"prompt": "x" * 900_000}, "/prompt"),
    ({"prompt": "\x00"}, "/prompt"),
    ({"prompt": None}, "/prompt"),
    ({"language": "fr"}, "/language"),
    ({"language": "ID"}, "/language"),
    ({"time_zone": "Asia/Atlantis"}, "/time_zone"),
    ({"time_zone": "WIB"}, "/time_zone"),
    ({"time_zone": "../../etc/passwd"}, "/time_zone"),
    ({"time_zone": "Asia"}, "/time_zone"),
    ({"time_zone": ""}, "/time_zone"),
    ({"currency": "idr"}, "/currency"),
    ({"currency": "XXX"}, "/currency"),
    ({"currency": "RUPIAH"}, "/currency"),
    ({"llm_config": "nobody's"}, "/llm_config"),
    ({"llm_config": ""}, "/llm_config"),
    ({"llm_config": "'; DROP TABLE crm.tenants;--"}, "/llm_config"),
    ({"pace": {"quiet_s": 2}}, "/pace/longest_s"),
    ({"pace": {"quiet_s": -0.1, "longest_s": 5}}, "/pace/quiet_s"),
    ({"pace": {"quiet_s": 30.1, "longest_s": 60}}, "/pace/quiet_s"),
    ({"pace": {"quiet_s": 5, "longest_s": 4.9}}, "/pace/longest_s"),
    ({"pace": {"quiet_s": 5, "longest_s": 60.1}}, "/pace/longest_s"),
    ({"pace": {"quiet_s": True, "longest_s": 5}}, "/pace/quiet_s"),
    ({"pace": {"quiet_s": "2", "longest_s": 5}}, "/pace/quiet_s"),
    ({"pace": {"quiet_s": 2, "longest_s": 5, "x": 1}}, "/pace/x"),
    ({"limits": {"turns_per_hour": 0, "turns_per_day": 5}}, "/limits/turns_per_hour"),
    ({"limits": {"turns_per_hour": 1, "turns_per_day": 10_001}}, "/limits/turns_per_day"),
    ({"limits": {"turns_per_hour": 1.5, "turns_per_day": 5}}, "/limits/turns_per_hour"),
    ({"handback_after_s": -1}, "/handback_after_s"),
    ({"handback_after_s": 604_801}, "/handback_after_s"),
    ({"handback_after_s": True}, "/handback_after_s"),
    ({"pay_within_s": 599}, "/pay_within_s"),
    ({"pay_within_s": 604_801}, "/pay_within_s"),
    ({"is_moderated": "yes"}, "/is_moderated"),
    ({"is_moderated": 1}, "/is_moderated"),
    *(({"business_hours": week}, "/business_hours") for week in WEEKS),
]
UNKNOWN = [
    *({"tenant_id": str(TENANT)}, {"is_admin": True}, {"status": "PAID"}, {"version": 9}),
    *({"id": str(TENANT)}, {"promt": "x"}, {"created_at": "2026-01-01T00:00:00Z"}),
]


@pytest.mark.parametrize(("body", "pointer"), BAD, ids=str)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    lasting: Running, body: dict[str, Any], pointer: str
) -> None:
    async with lasting.client() as tenant, lasting.client("platform") as platform:
        before = (await tenant.get(SHOP)).json()
        changed = await tenant.patch(SHOP, json=body)
        opened = await platform.post(TENANTS, json={"name": "New", **body})
        after = (await tenant.get(SHOP)).json()
        count = len((await platform.get(TENANTS)).json()["tenants"])

    for answer in (changed, opened):
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"].startswith(pointer)
    assert after == before
    assert count == 2


@pytest.mark.parametrize("body", UNKNOWN, ids=str)
async def test_what_no_shop_has_cannot_be_set(lasting: Running, body: dict[str, Any]) -> None:
    (field,) = body

    async with lasting.client() as tenant, lasting.client("platform") as platform:
        answers = [
            await tenant.patch(SHOP, json=body),
            await platform.post(TENANTS, json={"name": "New", **body}),
            await tenant.put(f"{SHOP}/prompt", json={"prompt": "x", **body}),
        ]

    for answer in answers:
        assert said(answer) == f"422 validation_failed #/{field}"
        assert answer.json()["errors"][0]["code"] == "unknown_field"

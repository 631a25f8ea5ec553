"""A shop's automation rules over HTTP: written, changed, put into order, and removed."""

from typing import Any
from uuid import uuid4

import pytest

from tests.crm_chatbot.running import SHOP, Running
from tests.served import said

RULES = f"{SHOP}/automation-rules"
CALM: dict[str, Any] = {
    "name": "Refunds",
    "when": {"kind": "message_matches", "words": ["refund", "uang kembali"]},
    "then": [
        {"kind": "open_ticket", "subject": "Money back", "priority": "high"},
        {"kind": "hand_over"},
    ],
}


async def test_rules_are_added_looked_at_replaced_and_removed(api: Running) -> None:
    async with api.client("tenant") as client:
        added = await client.post(RULES, json=CALM)
        where = added.headers["location"]
        twin = await client.post(RULES, json=CALM)
        other = {**CALM, "name": "Nights", "when": {"kind": "outside_hours"}, "is_active": False}
        late = await client.put(where, json=other, headers={"If-Match": '"7"'})
        changed = await client.put(where, json=other, headers={"If-Match": added.headers["etag"]})
        shown = await client.get(where)
        gone = [(await client.delete(where)).status_code for _ in range(2)]

    assert (added.status_code, added.json()["place"]) == (201, 1)
    assert {name: added.json()[name] for name in CALM} == CALM
    assert said(twin) == "409 rule_name_taken #/name"
    assert said(late) == "412 conflict"
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert shown.json() == changed.json()
    assert {name: shown.json()[name] for name in other} == other
    assert gone == [204, 404]


async def test_rules_run_in_the_order_that_a_shop_puts_them_into(api: Running) -> None:
    async with api.client("tenant") as client:
        ids = [
            (await client.post(RULES, json={**CALM, "name": name})).json()["id"] for name in "abc"
        ]
        moved = await client.put(f"{RULES}/order", json={"rule_ids": ids[::-1]})
        bad = [
            await client.put(f"{RULES}/order", json={"rule_ids": some})
            for some in (ids[:2], [*ids, ids[0]], [*ids[:2], str(uuid4())])
        ]
        listed = await client.get(RULES)

    assert [rule["name"] for rule in moved.json()["rules"]] == ["c", "b", "a"]
    assert list(map(said, bad)) == ["422 rule_order_rejected #/rule_ids"] * 3
    assert listed.json() == moved.json()


async def test_a_shop_has_at_most_so_many(api: Running) -> None:
    async with api.client("tenant") as client:
        answers = [
            await client.post(RULES, json={**CALM, "name": str(number)}) for number in range(51)
        ]

    assert {one.status_code for one in answers[:50]} == {201}
    assert said(answers[50]) == "409 too_many_rules"


NOBODYS = str(uuid4())
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no words": (
        {"when": {"kind": "message_matches", "words": []}},
        "422 validation_failed #/when/message_matches/words",
    ),
    "words that are none": (
        {"when": {"kind": "message_matches", "words": ["?!"]}},
        "422 rule_rejected #/when/words/0",
    ),
    "what never happens": (
        {"when": {"kind": "full_moon"}},
        "422 validation_failed #/when",
    ),
    "nothing to do": ({"then": []}, "422 validation_failed #/then"),
    "too much to do": (
        {"then": [{"kind": "hand_over"}] * 6},
        "422 validation_failed #/then",
    ),
    "a conversation where there is none": (
        {"when": {"kind": "ticket_breached"}},
        "422 rule_rejected #/then/1",
    ),
    "a label of nobody's": (
        {"then": [{"kind": "label", "label_id": NOBODYS}]},
        "404 label_not_found",
    ),
    "a label that nobody has to wait for": (
        {"when": {"kind": "label_applied", "label_id": NOBODYS}},
        "404 label_not_found",
    ),
    "a quick reply of nobody's": (
        {"then": [{"kind": "quick_reply", "quick_reply_id": NOBODYS}]},
        "404 quick_reply_not_found",
    ),
}


@pytest.mark.parametrize(("part", "refusal"), BAD.values(), ids=BAD)
async def test_a_rule_that_makes_no_sense_is_refused(
    api: Running, part: dict[str, Any], refusal: str
) -> None:
    async with api.client("tenant") as client:
        answer = await client.post(RULES, json={**CALM, **part})
        listed = await client.get(RULES)

    assert said(answer) == refusal
    assert listed.json() == {"rules": []}


async def test_a_label_that_was_deleted_is_in_no_new_rule(api: Running) -> None:
    async with api.client("tenant") as client:
        label = (await client.post(f"{SHOP}/labels", json={"name": "Old"})).json()["id"]
        await client.delete(f"{SHOP}/labels/{label}")
        body = {**CALM, "then": [{"kind": "label", "label_id": label}]}
        answer = await client.post(RULES, json=body)

    assert said(answer) == "409 label_inactive"


async def test_a_rule_whose_label_was_deleted_can_be_switched_off(api: Running) -> None:
    async with api.client("tenant") as client:
        label = (await client.post(f"{SHOP}/labels", json={"name": "Old"})).json()["id"]
        body = {**CALM, "then": [{"kind": "label", "label_id": label}]}
        rule = (await client.post(RULES, json=body)).json()
        await client.delete(f"{SHOP}/labels/{label}")

        still = await client.put(f"{RULES}/{rule['id']}", json={**body, "is_active": True})
        off = await client.put(f"{RULES}/{rule['id']}", json={**body, "is_active": False})

    assert said(still) == "409 label_inactive"
    assert (off.status_code, off.json()["is_active"]) == (200, False)

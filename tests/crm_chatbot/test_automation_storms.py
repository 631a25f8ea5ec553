"""Customers write, rules run and people work, at once and in two processes: all of it counts."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from uuid_utils.compat import uuid7

from crm_chatbot.domain.conversations.message import Direction, Message
from crm_chatbot.domain.customers.customer import Identity, IdentityKind
from crm_chatbot.wiring import SERVICE
from shared.infrastructure.database import connect, sessions_of
from standalone.invariants import broken
from tests.crm_chatbot.builders import TENANT
from tests.crm_chatbot.chats import SESSION
from tests.crm_chatbot.running import SHOP, Running
from tests.crm_chatbot.shop import Shop
from tests.crm_chatbot.stores import SqlCrm
from tests.crm_chatbot.waha import Envelope
from tests.crm_chatbot.webhooks import Waha, connected, fresh
from tests.served import served

TICKETS, LABELS = f"{SHOP}/tickets", f"{SHOP}/labels"
PEOPLE = [f"62813000{number:05d}" for number in range(6)]
#: What one of them writes, and how often; what is in it sets rules off.
WRITTEN = ["refund dong", "mau orang", "refund! orang!", "halo kak"]
TIMES = 3
#: Of each process.
WEBHOOKS = 4
REPLY = "Sabar ya kak"
#: What may be answered to people: done, not possible from here, and changed meanwhile.
FAIR = {200, 201, 204, 409, 412}


@dataclass
class Desk:
    """Two processes of one shop, the rules that it has, and what was answered to its people."""

    processes: Sequence[Running]
    shop: Shop
    secret: str
    rules: dict[str, str] = field(default_factory=dict[str, str])
    labels: dict[str, str] = field(default_factory=dict[str, str])
    answers: list[httpx.Response] = field(default_factory=list[httpx.Response])

    async def make(self, path: str, **body: Any) -> str:
        async with self.processes[0].client("tenant") as client:
            answer = await client.post(f"{SHOP}/{path}", json=body)
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["id"]
        return made

    async def all(self, path: str, of: str) -> list[dict[str, Any]]:
        """Every page of a list."""
        found: list[dict[str, Any]] = []
        where: dict[str, Any] = {"limit": 100}
        async with self.processes[0].client("tenant") as client:
            while True:
                page = (await client.get(path, params=where)).json()
                found += page[of]
                if page.get("next_cursor") is None:
                    return found
                where["cursor"] = page["next_cursor"]

    def done(self, method: str, status: int, end: str = "") -> list[httpx.Response]:
        """What people did, and were told that it is done."""
        return [
            one
            for one in self.answers
            if (one.request.method, one.status_code) == (method, status)
            and one.request.url.path.endswith(end)
        ]


@pytest.fixture
async def desk(
    api: Running, postgres: SqlCrm, database_url: str, redis_url: str, tmp_path: Path
) -> AsyncGenerator[Desk]:
    async with served((SERVICE,), database_url, redis_url, tmp_path) as twin:
        secret = await connected(api, TENANT, SESSION)
        desk = Desk((api, Running(twin.app, api.keys)), Shop(postgres), secret)
        await lay_down_rules(desk)
        yield desk


async def lay_down_rules(desk: Desk) -> None:
    """Those of words and those of labels want the same things, in different orders."""
    for name in ("Refund", "VIP"):
        desk.labels[name] = await desk.make("labels", name=name)
    reply_id = await desk.make("quick-replies", shortcut="sabar", content=REPLY)
    reply = {"kind": "quick_reply", "quick_reply_id": reply_id}
    ticket = {"kind": "open_ticket", "subject": "Money back", "priority": "high"}
    assign = {"kind": "assign", "assignee": "sari"}
    label = {"kind": "label", "label_id": desk.labels["Refund"]}
    says_refund = {"kind": "message_matches", "words": ["refund"]}
    says_person = {"kind": "message_matches", "words": ["orang"]}
    is_vip = {"kind": "label_applied", "label_id": desk.labels["VIP"]}
    rules: Mapping[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
        "refund": (says_refund, [ticket, label, assign]),
        "answer": (says_refund, [reply]),
        "person": (says_person, [{"kind": "hand_over"}]),
        "vip": (is_vip, [reply, ticket, assign]),
    }
    for name, (when, then) in rules.items():
        desk.rules[name] = await desk.make("automation-rules", name=name, when=when, then=then)


# -- the storm


def told(dice: random.Random) -> list[Envelope]:
    """Each message one to three times, under either of its events, in no order."""
    said = [
        (fresh(body=text, **{"from": f"{who}@c.us", "id": f"false_{who}@c.us_{uuid7().hex}"}))
        for who in PEOPLE
        for text in WRITTEN * TIMES
    ]
    storm = [
        {**one, "event": event}
        for one in said
        for event in dice.choices(["message", "message.any"], k=dice.randint(1, 3))
    ]
    dice.shuffle(storm)
    return storm


async def whatsapp(desk: Desk, process: Running, waiting: list[Envelope]) -> list[str]:
    """What was answered to each webhook: all with 200."""
    outcomes: list[str] = []
    async with process.client("stranger") as client:
        waha = Waha(client, desk.secret)
        while waiting:
            answer = await waha.tell(waiting.pop())
            assert answer.status_code == 200, answer.text
            outcomes.append(answer.json()["outcome"])
    return outcomes


async def person(desk: Desk, process: Running, dice: random.Random, over: asyncio.Event) -> None:
    """Sees to tickets and labels whatever there is, until the storm is over."""
    async with process.client("tenant") as client:
        while not over.is_set():
            found = (await client.get(TICKETS, params={"limit": 100})).json()["tickets"]
            chats = (await client.get("/v1/crm/conversations")).json()["conversations"]
            desk.answers.append(await client.post(TICKETS, json={"subject": "By hand"}))
            if found:
                await see_to(desk, client, dice, f"{TICKETS}/{dice.choice(found)['id']}")
            if chats:
                on = f"/v1/crm/conversations/{dice.choice(chats)['id']}/labels"
                vip = desk.labels["VIP"]
                desk.answers.append(await client.post(on, json={"label_id": vip}))
                desk.answers.append(await client.delete(f"{on}/{vip}"))


async def see_to(desk: Desk, client: httpx.AsyncClient, dice: random.Random, ticket: str) -> None:
    resolving = {"status": "resolved", "resolution": "It is paid back."}
    wishes = [{"description": uuid7().hex}, {"status": "in_progress"}, resolving]
    seen = (await client.get(ticket)).headers["ETag"]
    if_match = {"If-Match": seen} if dice.random() < 0.5 else {}
    desk.answers.append(await client.patch(ticket, json=dice.choice(wishes), headers=if_match))
    desk.answers.append(await client.post(f"{ticket}/comments", json={"text": "Seen."}))


async def blow(desk: Desk, seed: int) -> None:
    """Everybody at once: each message is taken once, and nobody is told that we cannot."""
    dice, over = random.Random(seed), asyncio.Event()  # noqa: S311 - a storm, not a secret
    waiting = told(dice)
    twins = len(waiting) - len(PEOPLE) * len(WRITTEN) * TIMES
    people = [
        asyncio.create_task(person(desk, process, dice, over))
        for process in desk.processes
        for _ in range(2)
    ]
    clients = [whatsapp(desk, one, waiting) for one in desk.processes for _ in range(WEBHOOKS)]
    try:
        outcomes = await asyncio.gather(*clients)
    finally:
        over.set()
        await asyncio.gather(*people)
    assert {one.status_code for one in desk.answers} <= FAIR
    counted = Counter(one for some in outcomes for one in some)
    assert counted == {"taken": len(PEOPLE) * len(WRITTEN) * TIMES, "duplicate": twins}


# -- what is left of it


@dataclass
class Left:
    """Of one chat: what was said, which rules ran, and how often a person labelled it."""

    messages: list[Message]
    runs: Counter[str]
    skipped: list[str]
    vips: int

    @property
    def heard(self) -> list[str]:
        return sorted(one.text for one in self.messages if one.direction is Direction.IN)

    @property
    def replies(self) -> int:
        return sum(one.text == REPLY for one in self.messages)


async def left_of(desk: Desk, who: str) -> Left:
    identity = Identity(IdentityKind.PHONE, who)
    chat_id = await desk.shop.chat_id(identity)
    names = {rule_id: name for name, rule_id in desk.rules.items()}
    steps = await desk.shop.steps(chat_id)
    runs = [step.facts for step in steps if step.what == "rule.ran"]
    by_people = [
        step
        for step in steps
        if step.what == "conversation.labelled" and step.facts["label"] == "VIP"
    ]
    return Left(
        messages=await desk.shop.history(identity),
        runs=Counter(names[str(facts["rule_id"])] for facts in runs),
        skipped=[str(facts["skipped"]) for facts in runs if facts["skipped"]],
        vips=len(by_people),
    )


async def test_in_a_storm_each_rule_runs_once_for_each_message(
    desk: Desk, owner_database_url: str
) -> None:
    await blow(desk, seed=1)

    replies = 0
    for who in PEOPLE:
        left = await left_of(desk, who)
        assert left.heard == sorted(WRITTEN * TIMES)
        assert [one.seq for one in left.messages] == list(range(1, len(left.messages) + 1))
        runs = {"refund": 2 * TIMES, "person": 2 * TIMES, "answer": 1, "vip": left.vips}
        assert (left.runs, left.skipped) == (Counter(runs), [])
        assert left.replies == left.runs["answer"] + left.runs["vip"]
        replies += left.replies
    [reply] = await desk.all(f"{SHOP}/quick-replies", "quick_replies")
    assert reply["uses"] == replies > len(PEOPLE)
    assert await broken_in(owner_database_url) == {}


async def broken_in(owner_url: str) -> dict[str, int]:
    engine = connect(owner_url, pool_size=1)
    try:
        return await broken(sessions_of(engine))
    finally:
        await engine.dispose()


async def test_in_a_storm_no_ticket_is_doubled_and_no_edit_is_lost(
    desk: Desk, owner_database_url: str
) -> None:
    await blow(desk, seed=2)

    tickets = await desk.all(TICKETS, "tickets")
    by_hand = [one["id"] for one in tickets if one["subject"] == "By hand"]
    assert sorted(by_hand) == sorted(one.json()["id"] for one in desk.done("POST", 201, "tickets"))
    numbers = [one["number"] for one in tickets]
    assert len(set(numbers)) == len(numbers)
    still_open = Counter(
        (one["opened_by"], one["conversation_id"])
        for one in tickets
        if one["subject"] == "Money back" and one["status"] in {"open", "in_progress"}
    )
    assert set(still_open.values()) == {1}
    events = [
        event["what"]
        for one in tickets
        for event in await desk.all(f"{TICKETS}/{one['id']}/history", "events")
    ]
    described = [one for one in desk.done("PATCH", 200) if b"description" in one.request.content]
    comments = [
        comment["id"]
        for one in tickets
        for comment in await desk.all(f"{TICKETS}/{one['id']}/comments", "comments")
    ]
    assert events.count("ticket.opened") == len(tickets)
    assert events.count("ticket.described") == len(described) > 0
    assert len(comments) == len(desk.done("POST", 201, "comments")) > 0
    assert await broken_in(owner_database_url) == {}

"""Deliveries are signed over what is sent, and tried again until somebody takes them."""

import itertools

import orjson
import pytest

from simulators.waha.config import Retries
from simulators.waha.webhooks import pause, sign
from tests.simulators.waha.house import HMAC_KEY, House, fixture
from tests.waiting import until

WEBHOOKS = [one for one in fixture("manifest.json")["fixtures"] if one["kind"] == "webhook"]


def test_the_signature_is_the_published_one() -> None:
    body = b'{"event":"message","session":"default","engine":"WEBJS"}'

    assert sign("my-secret-key", body) == (
        "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8"
        "097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89"
    )


@pytest.mark.parametrize("one", WEBHOOKS, ids=lambda one: one["file"])
def test_the_body_is_written_and_signed_as_waha_does(one: dict[str, str]) -> None:
    body = orjson.dumps(fixture(one["file"]))

    assert sign(HMAC_KEY, body) == one["hmac_sha512_of_compact_json"]


async def test_a_delivery_carries_wahas_headers(house: House) -> None:
    session = house.session()
    (webhook,) = session.raw_config["webhooks"]
    webhook["customHeaders"] = [{"name": "X-Tenant", "value": "toko"}]
    session.configure(session.raw_config)
    await house.customer()

    await house.says("Halo")

    (heard,) = await house.receiver.hears("message")
    assert heard.headers["X-Webhook-Hmac"] == sign(HMAC_KEY, heard.body)
    assert heard.headers["X-Webhook-Hmac-Algorithm"] == "sha512"
    assert heard.headers["User-Agent"] == "WAHA/2026.7.1"
    assert heard.headers["Content-Type"] == "application/json"
    assert heard.headers["X-Tenant"] == "toko"
    assert len(heard.headers["X-Webhook-Timestamp"]) == 13


async def test_a_delivery_without_a_key_is_not_signed(house: House) -> None:
    session = house.session()
    session.configure({"webhooks": [{"url": house.receiver.url, "events": ["*"]}]})
    await house.customer()

    await house.says("Halo")

    (heard,) = await house.receiver.hears("message")
    assert "X-Webhook-Hmac" not in heard.headers


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503, 302])
async def test_whatever_is_no_success_is_tried_again_as_the_same_delivery(
    house: House, status: int
) -> None:
    house.session(delaySeconds=0)
    await house.customer()
    house.receiver.answers += [(status, {})] * 2

    await house.does("typing", is_typing=True)

    tries = await house.receiver.hears("presence.update", times=3)
    await until(lambda: not house.waha.deliveries.on_the_way, "the third succeeds", within=5)
    assert len({one.headers["X-Webhook-Request-Id"] for one in tries}) == 1
    assert len({one.body for one in tries}) == 1
    (delivery,) = house.waha.deliveries.recent
    assert (delivery.tries, delivery.status, delivery.outcome) == (3, 200, "delivered")


async def test_a_delivery_is_given_up_after_its_attempts(house: House) -> None:
    house.session(delaySeconds=0, attempts=2)
    await house.customer()
    house.receiver.answers += [(500, {})] * 9

    await house.does("typing", is_typing=True)

    await until(lambda: not house.waha.deliveries.on_the_way, "it is given up", within=5)
    assert len(house.receiver.heard) == 3
    assert [one.outcome for one in house.waha.deliveries.recent] == ["gave up"]


async def test_a_receiver_that_is_not_there_is_tried_again(house: House) -> None:
    session = house.session()
    retries = {"delaySeconds": 0, "attempts": 3}
    nobody = {"url": "http://127.0.0.1:1/hook", "events": ["*"], "retries": retries}
    session.configure({"webhooks": [nobody]})
    await house.customer()

    await house.does("typing", is_typing=True)

    await until(lambda: not house.waha.deliveries.on_the_way, "it is given up", within=5)
    (delivery,) = house.waha.deliveries.recent
    assert (delivery.tries, delivery.status, delivery.outcome) == (4, None, "gave up")


async def test_a_receiver_may_say_when_to_come_back(house: House) -> None:
    house.session(delaySeconds=600)
    await house.customer()
    house.receiver.answers.append((503, {"Retry-After": "1"}))

    await house.does("typing", is_typing=True)

    assert await house.receiver.hears("presence.update", times=2)


def test_pauses_grow_as_the_policy_says() -> None:
    def pauses(policy: str) -> list[float]:
        retries = Retries.model_validate({"policy": policy, "delaySeconds": 2})
        return [pause(retries, n, jitter=0.1) for n in (1, 2, 3)]

    assert pauses("constant") == [2, 2, 2]
    assert pauses("linear") == [2, 4, 6]
    assert pauses("exponential") == pytest.approx([4.4, 8.8, 17.6])


async def test_what_is_on_the_way_is_lost_when_waha_restarts(house: House) -> None:
    house.session(delaySeconds=600)
    await house.customer()
    house.receiver.answers.append((500, {}))
    await house.does("typing", is_typing=True)
    await house.receiver.hears("presence.update")

    await house.ask("DELETE", "/waha/control/deliveries")

    await until(lambda: not house.waha.deliveries.on_the_way, "nothing is on its way", within=5)
    shown = await (await house.ask("GET", "/waha/control/deliveries")).json()
    assert [(one["event"], one["outcome"]) for one in shown] == [("presence.update", "lost")]


async def test_a_receiver_hears_only_of_what_it_asked_for(house: House) -> None:
    session = house.session()
    (webhook,) = session.raw_config["webhooks"]
    webhook["events"] = ["message.any"]
    session.configure(session.raw_config)
    await house.customer()

    await house.says("Halo")
    await house.text("Hai")

    await house.receiver.hears("message.any", times=2)
    await until(lambda: not house.waha.deliveries.on_the_way, "all is delivered", within=5)
    assert set(house.receiver.events()) == {"message.any"}


@pytest.mark.parametrize(
    ("chat", "switch"),
    [("1203@g.us", "groups"), ("status@broadcast", "status"), ("12@newsletter", "channels")],
)
async def test_ignored_chats_are_never_told_of(house: House, chat: str, switch: str) -> None:
    session = house.session()
    session.configure({**session.raw_config, "ignore": {switch: True}})
    await house.customer()

    await house.says("min, ready?", chat_id=chat)
    await house.says("Halo")

    heard = await house.receiver.hears("message")
    assert [one.payload["body"] for one in heard] == ["Halo"]


async def test_envelopes_have_ids_of_their_own_that_grow(house: House) -> None:
    house.session()
    await house.customer()

    await house.says("Halo")
    await house.receiver.hears("message.any")
    await house.says("Hai")

    heard = await house.receiver.hears("message.any", times=2)
    ids = [one.envelope["id"] for one in heard]
    assert all(one.startswith("evt_") and len(one) == 30 and one.islower() for one in ids)
    assert all(a < b for a, b in itertools.pairwise(ids))

"""Between WAHA and its receivers events are doubled, shuffled, held up or lost, as told."""

from typing import Any

from simulators.waha.weather import Weather
from tests.simulators.waha.house import House
from tests.waiting import until


async def weather(house: House, **facts: Any) -> None:
    answer = await house.ask("PUT", "/waha/control/weather", {"seed": 7, **facts})
    assert answer.status == 204


async def all_delivered(house: House) -> None:
    await until(lambda: not house.waha.deliveries.on_the_way, "all is delivered", within=5)


async def test_copies_are_the_same_envelope_in_deliveries_of_their_own(house: House) -> None:
    house.session()
    await house.customer()
    await weather(house, copies=3, events=["message"])

    await house.says("Halo")

    heard = await house.receiver.hears("message", times=3)
    await all_delivered(house)
    assert len({one.body for one in heard}) == 1
    assert len({one.headers["X-Webhook-Request-Id"] for one in heard}) == 3
    assert len(house.receiver.of("message.any")) == 1


async def test_fresh_copies_are_new_envelopes_of_the_same_message(house: House) -> None:
    house.session()
    await house.customer()
    await weather(house, copies=2, fresh_copies=True)

    await house.says("Halo")

    heard = await house.receiver.hears("message", times=2)
    assert len({one.envelope["id"] for one in heard}) == 2
    assert len({one.payload["id"] for one in heard}) == 1


async def test_what_gathers_leaves_in_another_order(house: House) -> None:
    house.session()
    await house.customer()
    await weather(house, events=["message"], shuffle=10, gather_s=600)

    said = [await house.says(str(n)) for n in range(10)]

    heard = await house.receiver.hears("message", times=10)
    ids = [one.payload["id"] for one in heard]
    assert sorted(ids) == sorted(one["id"] for one in said)
    assert ids != [one["id"] for one in said]


async def test_what_does_not_fill_up_leaves_all_the_same(house: House) -> None:
    house.session()
    await house.customer()
    await weather(house, shuffle=1000, gather_s=0.05)

    await house.says("Halo")

    assert await house.receiver.hears("message")


async def test_a_change_of_weather_lets_go_what_has_gathered(house: House) -> None:
    house.session()
    await house.customer()
    await weather(house, shuffle=1000, gather_s=600)
    await house.says("Halo")

    await weather(house)

    assert await house.receiver.hears("message")


async def test_deliveries_may_be_late(house: House) -> None:
    house.session()
    await house.customer()
    await weather(house, events=["message"], delay_s=0.2, jitter_s=0.1)

    await house.says("Halo")

    await house.receiver.hears("message.any")
    assert house.receiver.events() == ["message.any"]
    assert await house.receiver.hears("message")


async def test_in_an_outage_events_are_lost_and_the_history_knows_them(house: House) -> None:
    house.session()
    await house.customer()
    await weather(house, outage=True)
    lost = await house.says("Ada orang?")
    await weather(house)

    kept = await house.says("Halo?")

    await house.receiver.hears("message.any")
    await all_delivered(house)
    assert {one.payload["id"] for one in house.receiver.heard} == {kept["id"]}
    path = "/api/toko-contoh/chats/6281200000002%40c.us/messages"
    history = await (await house.call("GET", path)).json()
    assert [one["id"] for one in history] == [kept["id"], lost["id"]]
    outcomes = [one.outcome for one in house.waha.deliveries.recent]
    assert outcomes == ["lost", "lost", "delivered", "delivered"]


async def test_the_weather_is_shown(house: House) -> None:
    await weather(house, copies=2)

    shown = await (await house.ask("GET", "/waha/control/weather")).json()

    assert Weather.model_validate(shown) == Weather(copies=2, seed=7)


async def test_any_event_may_be_told(house: House) -> None:
    house.session()

    body = {"event": "message", "payload": {"id": "x", "body": None}}
    await house.ask("POST", "/waha/control/sessions/toko-contoh/events", body)

    (heard,) = await house.receiver.hears("message")
    assert heard.payload == {"id": "x", "body": None}

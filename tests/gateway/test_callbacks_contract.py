"""What every `Callbacks` keeps: each is sent by one at a time, and no host is overrun."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from gateway.domain.callback import Callback, Callbacks, CallbackState, Verdict
from tests.gateway.builders import TENANT, a_callback, a_job, state
from tests.gateway.stores import Gateway

CONTRACT_OF = Callbacks

LEASE_S = 60.0
ONE_HOST = "https://example.com"


class Undone(Exception):
    """Raised inside a transaction, so that it is rolled back."""


async def owed(gateway: Gateway, *urls: str) -> list[Callback]:
    """Due since a while, in this order."""
    now = await gateway.now()
    callbacks = [
        a_callback(url, available_at=now - timedelta(seconds=60 - n)) for n, url in enumerate(urls)
    ]
    async with gateway.open_work() as work:
        await work.callbacks.add(callbacks)
    return callbacks


async def claim(
    gateway: Gateway, most: int = 100, *, busy: Mapping[str, int] | None = None, per_host: int = 2
) -> Sequence[Callback]:
    async with gateway.open_work() as work:
        return await work.callbacks.claim(most, lease_s=LEASE_S, busy=busy or {}, per_host=per_host)


async def save(gateway: Gateway, callback: Callback) -> bool:
    async with gateway.open_work() as work:
        return await work.callbacks.save(callback)


def ids(callbacks: Sequence[Callback]) -> set[object]:
    return {callback.id for callback in callbacks}


async def test_a_callback_comes_back_exactly_as_it_was_saved(gateway: Gateway) -> None:
    job = a_job(owner=TENANT)
    callback = a_callback(job=job, available_at=await gateway.now())
    async with gateway.open_work() as work:
        await work.callbacks.add([callback])
    [claimed] = await claim(gateway)

    claimed.record(Verdict("refused", 503), await gateway.now(), first_pause_s=5, jitter=0.5)
    is_saved = await save(gateway, claimed)

    found = await gateway.read.callback(job.id)
    assert is_saved
    assert found is not None
    assert state(found) == state(claimed) | {"lease_token": None}
    assert (found.owner, found.url, found.attempts) == (TENANT, callback.url, 1)
    assert (found.last_status, found.last_error) == (503, "refused")


async def test_what_is_owed_in_a_work_that_fails_is_not_owed(gateway: Gateway) -> None:
    with pytest.raises(Undone):
        async with gateway.open_work() as work:
            await work.callbacks.add([a_callback(available_at=await gateway.now())])
            raise Undone

    assert await claim(gateway) == []


async def test_only_what_is_due_is_claimed_the_oldest_first(gateway: Gateway) -> None:
    first, second, _ = await owed(gateway, "https://a.id", "https://b.id", "https://c.id")
    not_due = a_callback(available_at=await gateway.now() + timedelta(hours=1))
    async with gateway.open_work() as work:
        await work.callbacks.add([not_due])

    assert ids(await claim(gateway, 2)) == {first.id, second.id}
    assert not_due.id not in ids(await claim(gateway))


@pytest.mark.parametrize("end", [Verdict(None, 200), Verdict("refused", 410)])
async def test_what_has_ended_is_never_due_again(gateway: Gateway, end: Verdict) -> None:
    await owed(gateway, ONE_HOST)
    [claimed] = await claim(gateway)

    claimed.record(end, await gateway.now(), first_pause_s=5, jitter=0.5)
    await save(gateway, claimed)
    await gateway.pass_time(1_000_000)

    assert claimed.state is not CallbackState.PENDING
    assert await claim(gateway) == []


async def test_what_is_claimed_is_nobody_elses_until_the_lease_ends(gateway: Gateway) -> None:
    await owed(gateway, ONE_HOST)
    [first] = await claim(gateway)

    assert await claim(gateway) == []
    await gateway.pass_time(LEASE_S + 1)
    [second] = await claim(gateway)

    assert second.id == first.id
    assert second.lease_token not in {None, first.lease_token}


async def test_who_lost_the_lease_cannot_say_what_became_of_it(gateway: Gateway) -> None:
    await owed(gateway, ONE_HOST)
    [late] = await claim(gateway)
    await gateway.pass_time(LEASE_S + 1)
    [holder] = await claim(gateway)

    late.record(Verdict("refused", 410), await gateway.now(), first_pause_s=5, jitter=0.5)
    holder.record(Verdict(None, 200), await gateway.now(), first_pause_s=5, jitter=0.5)

    assert [await save(gateway, late), await save(gateway, holder)] == [False, True]
    assert not await save(gateway, late)
    found = await gateway.read.callback(late.job_id)
    assert found is not None
    assert found.state is CallbackState.DELIVERED


async def test_no_host_is_sent_more_than_its_share(gateway: Gateway) -> None:
    await owed(gateway, *[f"{ONE_HOST}/{n}" for n in range(5)], "https://other.id/")

    claimed = await claim(gateway, per_host=2)

    assert Counter(callback.host for callback in claimed) == {"example.com": 2, "other.id": 1}


@pytest.mark.parametrize(("sending", "more"), [(0, 2), (1, 1), (2, 0), (3, 0)])
async def test_what_is_on_its_way_counts_towards_the_share(
    gateway: Gateway, sending: int, more: int
) -> None:
    await owed(gateway, *[f"{ONE_HOST}/{n}" for n in range(5)])

    claimed = await claim(gateway, busy={"example.com": sending, "other.id": 7}, per_host=2)

    assert len(claimed) == more


@pytest.mark.parametrize(
    "url", ["https://EXAMPLE.com/a", "https://example.com?b=//c", "https://example.com#d"]
)
async def test_a_host_is_the_same_however_its_url_is_spelt(gateway: Gateway, url: str) -> None:
    await owed(gateway, url)

    assert await claim(gateway, busy={"example.com": 2}) == []
    assert [callback.host for callback in await claim(gateway)] == ["example.com"]


async def test_another_port_is_another_host(gateway: Gateway) -> None:
    await owed(gateway, "https://example.com:8443/")

    assert len(await claim(gateway, busy={"example.com": 2})) == 1


async def test_many_senders_share_the_work(gateway: Gateway) -> None:
    callbacks = await owed(gateway, *[f"https://{n}.id/" for n in range(60)])

    claims = await asyncio.gather(*(claim(gateway, 10) for _ in range(12)))

    claimed = [callback.id for claimed in claims for callback in claimed]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) <= ids(callbacks)
    assert set(claimed) | ids(await claim(gateway)) == ids(callbacks)

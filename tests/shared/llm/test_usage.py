"""Model calls are recorded once, whatever happens to the commit, and summed up by day."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from shared.infrastructure.database import Sessions, transaction
from shared.llm.chat import ModelCall
from shared.llm.usage import Group, UsageFilter, UsageSum, Used, llm_usage, record, sums
from tests.shared.llm.builders import a_call

TENANT, OTHER = uuid4(), uuid4()
DAY = date(2026, 5, 4)
THREE_DAYS = UsageFilter(since=DAY - timedelta(days=1), until=DAY + timedelta(days=1))


def used(*calls: ModelCall, tenant_id: UUID | None = None, subject_id: UUID | None = None) -> Used:
    return Used(
        subject_kind="job",
        subject_id=subject_id or uuid4(),
        attempt=1,
        tenant_id=tenant_id,
        calls=calls,
    )


async def recorded(sessions: Sessions, *all_used: Used, at: datetime | None = None) -> None:
    async with transaction(sessions) as session:
        await record(session, all_used)
        if at:
            mine = llm_usage.c.subject_id.in_([one.subject_id for one in all_used])
            await session.execute(llm_usage.update().where(mine).values(at=at))


async def summed(sessions: Sessions, wanted: UsageFilter, *by: Group) -> list[UsageSum]:
    async with transaction(sessions) as session:
        return list(await sums(session, wanted, by=by))


async def test_a_call_comes_back_with_every_field(sessions: Sessions) -> None:
    call = a_call(error="llm_unavailable", is_estimated=True, request_id=None)
    one = used(a_call(), call, tenant_id=TENANT)

    await recorded(sessions, one)

    async with transaction(sessions) as session:
        rows = (await session.execute(select(llm_usage).order_by("place"))).mappings().all()
    stored = [ModelCall(**{name: row[name] for name in vars(call)}) for row in rows]
    assert stored == [a_call(), call]
    assert [(row["place"], row["attempt"], row["subject_kind"]) for row in rows] == [
        (0, 1, "job"),
        (1, 1, "job"),
    ]
    assert {(row["subject_id"], row["tenant_id"]) for row in rows} == {(one.subject_id, TENANT)}


async def test_recording_again_after_a_commit_of_unknown_outcome_counts_once(
    sessions: Sessions,
) -> None:
    one, two = used(a_call(), a_call()), used(a_call())

    await recorded(sessions, one, two)
    await recorded(sessions, one)
    await recorded(sessions, two)

    async with transaction(sessions) as session:
        assert await session.scalar(text("SELECT count(*) FROM platform.llm_usage")) == 3


async def test_nothing_used_is_nothing_written(sessions: Sessions) -> None:
    await recorded(sessions, used())
    await recorded(sessions)


@pytest.mark.parametrize("words", ["a\0b", "\ud800", "x" * 10_000])
async def test_a_providers_odd_words_do_not_lose_the_record(sessions: Sessions, words: str) -> None:
    await recorded(sessions, used(a_call(model=words, request_id=words, input_tokens=10**12)))

    async with transaction(sessions) as session:
        assert await session.scalar(text("SELECT count(*) FROM platform.llm_usage")) == 1


async def test_sums_are_by_day_in_utc_and_by_config(sessions: Sessions) -> None:
    late = datetime(2026, 5, 4, 23, 59, 59, tzinfo=UTC)
    await recorded(sessions, used(a_call(), a_call(error="llm_auth", cost_micro_usd=0)), at=late)
    await recorded(sessions, used(a_call(is_estimated=True)), at=late + timedelta(seconds=1))
    await recorded(sessions, used(a_call(config_name="offline", cost_micro_usd=0)), at=late)

    found = await summed(sessions, THREE_DAYS, "day", "config_name")

    assert [(one.day, one.config_name, one.calls) for one in found] == [
        (DAY, "offline", 1),
        (DAY, "smart", 2),
        (DAY + timedelta(days=1), "smart", 1),
    ]
    assert found[1] == UsageSum(
        day=DAY,
        config_name="smart",
        calls=2,
        failed_calls=1,
        estimated_calls=0,
        input_tokens=200,
        output_tokens=40,
        cost_micro_usd=250,
    )
    assert found[2].estimated_calls == 1


async def test_the_first_and_the_last_day_belong_to_the_filter(sessions: Sessions) -> None:
    midnight = datetime(2026, 5, 4, tzinfo=UTC)
    for at in (midnight - timedelta(microseconds=1), midnight, midnight + timedelta(days=1)):
        await recorded(sessions, used(a_call()), at=at)

    found = await summed(sessions, UsageFilter(since=DAY, until=DAY), "day")

    assert [(one.day, one.calls) for one in found] == [(DAY, 1)]


async def test_sums_can_be_one_tenants_or_one_configs(sessions: Sessions) -> None:
    at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    await recorded(sessions, used(a_call(), tenant_id=TENANT), used(a_call()), at=at)
    await recorded(sessions, used(a_call(config_name="b"), tenant_id=OTHER), at=at)

    by_tenant = await summed(sessions, THREE_DAYS, "tenant_id")
    mine = await summed(
        sessions, UsageFilter(since=DAY, until=DAY, tenant_id=TENANT), "tenant_id", "config_name"
    )
    of_b = await summed(sessions, UsageFilter(since=DAY, until=DAY, config_name="b"))

    assert {one.tenant_id: one.calls for one in by_tenant} == {TENANT: 1, OTHER: 1, None: 1}
    assert [(one.tenant_id, one.config_name) for one in mine] == [(TENANT, "smart")]
    assert [one.calls for one in of_b] == [1]


async def test_no_calls_sum_up_to_nothing(sessions: Sessions) -> None:
    assert await summed(sessions, THREE_DAYS, "day") == []
    assert [one.calls for one in await summed(sessions, THREE_DAYS)] == [0]

"""The house rules object to what they should, and to nothing else."""

from pathlib import PurePosixPath
from textwrap import dedent

import pytest

from tests.house.rules import (
    Module,
    Rule,
    ignores_say_why,
    no_work_inside_work,
    nothing_outside_is_awaited_inside_work,
    only_infrastructure_commits,
)

SERVICE = "services/gateway/src/gateway/application/jobs.py"


def lines_found(rule: Rule, text: str, path: str = SERVICE) -> list[int]:
    module = Module(PurePosixPath(path), dedent(text).lstrip("\n"))
    return [finding.line for finding in rule(module)]


@pytest.mark.parametrize(
    ("rule", "text", "lines"),
    [
        (only_infrastructure_commits, "await session.commit()", [1]),
        (only_infrastructure_commits, "work.session.connection().commit()", [1]),
        (
            no_work_inside_work,
            """
            async def submit(self):
                async with self.open_work() as work:
                    if work:
                        async with self.open_work(tenant_id) as other:
                            pass
            """,
            [4],
        ),
        (
            no_work_inside_work,
            """
            async def submit(self):
                async with open_work() as work, transaction(self.sessions) as other:
                    pass
            """,
            [2],
        ),
        (
            nothing_outside_is_awaited_inside_work,
            """
            async def submit(self):
                async with self.open_work() as work:
                    reply = await self.models.reply(candidates, messages)
                    await self.http_client.post(url)
                    await asyncio.sleep(1)
            """,
            [3, 4, 5],
        ),
        (
            nothing_outside_is_awaited_inside_work,
            """
            async def submit(self):
                async with sessions.begin() as session:
                    return (await aiohttp.ClientSession().get(url)).status
            """,
            [3],
        ),
        (ignores_say_why, "x = 1  # noqa", [1]),
        (ignores_say_why, "x = 1  # noqa: E501", [1]),
        (ignores_say_why, "x = 1  # type: ignore", [1]),
        (ignores_say_why, "x = 1  # pyright: ignore[reportAny]", [1]),
        (ignores_say_why, "x = 1  # noqa: E501 - URLs\ny = 2  # noqa: E501, S101", [2]),
    ],
)
def test_a_broken_rule_is_found_on_its_line(rule: Rule, text: str, lines: list[int]) -> None:
    assert sorted(lines_found(rule, text)) == lines


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (only_infrastructure_commits, "await work.jobs.save(job)"),
        (
            no_work_inside_work,
            """
            async def submit(self):
                async with self.open_work() as work:
                    await work.jobs.save(job)
                async with self.open_work() as work:
                    await work.jobs.get(job)
            """,
        ),
        (
            no_work_inside_work,
            """
            async def submit(self):
                async with self.open_work() as work:
                    async def later():
                        async with self.open_work() as other:
                            pass
            """,
        ),
        (
            nothing_outside_is_awaited_inside_work,
            """
            async def submit(self):
                reply = await self.models.reply(candidates, messages)
                async with self.open_work() as work:
                    await work.runs.finish(reply)
            """,
        ),
        (ignores_say_why, "x = 1  # noqa: E501 - a URL"),
        (ignores_say_why, "# A URL cannot be broken.\nx = 1  # noqa: E501"),
        (ignores_say_why, "x = 1  # type: ignore[attr-defined]  # its stubs are old"),
        (ignores_say_why, "x = 1  # noqa: E501 - URLs\ny = 2  # noqa: E501"),
        (ignores_say_why, 'x = "# noqa"'),
    ],
)
def test_what_keeps_the_rule_is_left_alone(rule: Rule, text: str) -> None:
    assert lines_found(rule, text) == []


def test_infrastructure_of_the_kernel_may_commit() -> None:
    path = "shared/infrastructure/database.py"

    assert lines_found(only_infrastructure_commits, "await session.commit()", path) == []

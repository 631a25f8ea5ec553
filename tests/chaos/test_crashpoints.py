"""Crash points are enumerated from the source: none can be forgotten."""

import ast
from pathlib import Path

import pytest

from tests.chaos.crashpoints import CrashPoint, crash_points, names_in

HERE = Path("module.py")


def test_a_call_is_found_however_it_is_written() -> None:
    source = """
from shared import crash_points
from shared.crash_points import crash_point

async def act():
    crash_point("one")
    if True:
        crash_points.crash_point("two")
"""
    assert sorted(names_in(ast.parse(source), HERE)) == ["one", "two"]


def test_a_name_that_is_put_together_is_refused() -> None:
    with pytest.raises(ValueError, match=r"module\.py:1: a crash point's name must be a literal"):
        list(names_in(ast.parse('crash_point(f"after {step}")'), HERE))


def test_a_point_in_the_kernel_is_tried_in_every_service(tmp_path: Path) -> None:
    for source, name in (("shared", "all"), ("services/gateway/src/gateway", "alone")):
        (tmp_path / source).mkdir(parents=True)
        (tmp_path / source / "a.py").write_text(f'crash_point("{name}")')

    assert crash_points(tmp_path) == [
        CrashPoint("all", "chatbot"),
        CrashPoint("all", "engine"),
        CrashPoint("all", "gateway"),
        CrashPoint("all", "sender"),
        CrashPoint("alone", "gateway"),
    ]


def test_the_product_has_crash_points() -> None:
    names = {point.name for point in crash_points()}

    assert {"outbox.claimed", "run.decided", "turn.committed", "sender.withdrawn"} <= names

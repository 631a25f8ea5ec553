"""A sender on memory, connected."""

import pytest

from tests.waha_sender.desk import Desk


@pytest.fixture
async def desk() -> Desk:
    """Neither typing nor pauses: those have their own tests."""
    desk = Desk()
    await desk.connect()
    return desk

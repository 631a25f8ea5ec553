"""A pretend WAHA on a free port, and somebody who receives its webhooks."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout

from simulators.journal import Journal
from simulators.main import create_app
from simulators.serving import serve
from simulators.waha.server import Waha
from tests.simulators.waha.house import House
from tests.simulators.waha.receiver import receiving


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    with Journal(tmp_path / "journal.jsonl") as journal:
        waha = Waha(journal=journal)
        async with (
            receiving() as receiver,
            serve(create_app(journal=journal, waha=waha)) as url,
            ClientSession(timeout=ClientTimeout(total=10)) as http,
        ):
            yield House(url=url, waha=waha, http=http, receiver=receiver)

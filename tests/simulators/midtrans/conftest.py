"""A pretend Midtrans on a free port, and a shop that hears its notifications."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout

from simulators.journal import Journal
from simulators.main import create_app
from simulators.midtrans.server import Midtrans, MidtransSettings
from simulators.serving import serve
from tests.simulators.midtrans.house import KEY, House
from tests.simulators.waha.receiver import receiving


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    with Journal(tmp_path / "journal.jsonl") as journal:
        midtrans = Midtrans(journal=journal)
        midtrans.settings = MidtransSettings(retry_scale=0, refund_confirmed_after_s=0)
        async with (
            receiving() as receiver,
            serve(create_app(journal=journal, midtrans=midtrans)) as url,
            ClientSession(timeout=ClientTimeout(total=10)) as http,
        ):
            midtrans.register(KEY, notification_url=receiver.url)
            yield House(url=url, provider=midtrans, http=http, receiver=receiver, key=KEY)

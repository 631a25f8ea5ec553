"""A pretend Xendit on a free port, and a shop that hears its webhooks."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout

from simulators.journal import Journal
from simulators.main import create_app
from simulators.serving import serve
from simulators.xendit.server import Xendit, XenditSettings
from tests.simulators.waha.receiver import receiving
from tests.simulators.xendit.house import BUSINESS, KEY, TOKEN, House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    with Journal(tmp_path / "journal.jsonl") as journal:
        xendit = Xendit(journal=journal)
        xendit.settings = XenditSettings(
            retry_scale=0, refund_confirmed_after_s=0, rate_limit_per_minute=10_000
        )
        async with (
            receiving() as receiver,
            serve(create_app(journal=journal, xendit=xendit)) as url,
            ClientSession(timeout=ClientTimeout(total=10)) as http,
        ):
            xendit.register(KEY, callback_token=TOKEN, user_id=BUSINESS, webhook_url=receiver.url)
            yield House(url=url, provider=xendit, http=http, receiver=receiver, key=KEY)

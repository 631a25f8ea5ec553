"""A running pretend Xendit as its tests see it, with the shop of the fixtures."""

from typing import Any, cast

from simulators.xendit.server import Xendit
from tests.simulators.paying import Till, fixture

KEY = "xnd_development_fixture"
TOKEN = str(fixture("xendit", "manifest.json")["keys"]["xendit_callback_token"])
ORDER = "ORD-FIX-1001-A1"
AMOUNT = 170_000
BUSINESS = "60000000000000000000b001"

Json = dict[str, Any]


def asked(**changes: Any) -> Json:
    """The fixtures' request, changed in some fields."""
    return fixture("xendit", "xendit_api_invoice_create_request.json") | changes


class House(Till):
    """What a shop and its customer do at Xendit."""

    @property
    def xendit(self) -> Xendit:
        return cast("Xendit", self.provider)

    async def create(self, *, status: int = 200, **changes: Any) -> Json:
        key = changes.pop("key", None)
        answer = await self.call("POST", "/v2/invoices", asked(**changes), key=key)
        assert answer.status == status, await answer.text()
        return cast("Json", await answer.json())

    async def get(self, path: str, **more: Any) -> Any:  # noqa: ANN401 - JSON
        answer = await self.call("GET", path, **more)
        assert answer.status == 200, await answer.text()
        return await answer.json()

    async def refund(self, *, status: int = 200, key: str = "", **body: Any) -> Json:
        headers = {"idempotency-key": key} if key else {}
        body = {"reason": "REQUESTED_BY_CUSTOMER", **body}
        answer = await self.call("POST", "/refunds", body, headers=headers)
        assert answer.status == status, await answer.text()
        return cast("Json", await answer.json())

    async def does(self, what: str, reference: str = ORDER, **body: Any) -> Json:
        """Pay, expire, settle, refund, notify; and the shop has heard of it."""
        view = await self.control("POST", f"/invoices/{reference}/{what}", body)
        await self.quiet()
        return cast("Json", view)

    async def paid(self, channel: str = "QRIS", **changes: Any) -> Json:
        made = await self.create(payment_methods=[channel], **changes)
        await self.does("pay", channel=channel)
        return made

    async def told(self, times: int = 1) -> list[Json]:
        return [one.envelope for one in await self.hears(times)]

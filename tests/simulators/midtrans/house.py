"""A running pretend Midtrans as its tests see it, with the shop of the fixtures."""

from typing import Any, cast

from simulators.midtrans.server import Midtrans
from tests.simulators.paying import Till, fixture

KEY = str(fixture("midtrans", "manifest.json")["keys"]["midtrans_server_key"])
ORDER = "ORD-FIX-0001-A1"
AMOUNT = 170_000

Json = dict[str, Any]


def asked(**changes: Any) -> Json:
    """The fixtures' request, which would have expired long ago, changed in some fields."""
    body = fixture("midtrans", "midtrans_api_snap_create_request.json")
    del body["expiry"], body["enabled_payments"], body["custom_field1"]
    return body | changes


def details(**changes: Any) -> Json:
    return {"order_id": ORDER, "gross_amount": AMOUNT, **changes}


class House(Till):
    """What a shop and its customer do at Midtrans."""

    @property
    def midtrans(self) -> Midtrans:
        return cast("Midtrans", self.provider)

    async def create(self, *, status: int = 201, **changes: Any) -> Json:
        headers = changes.pop("headers", {})
        key = changes.pop("key", None)
        answer = await self.call(
            "POST", "/snap/v1/transactions", asked(**changes), headers=headers, key=key
        )
        assert answer.status == status, await answer.text()
        return cast("Json", await answer.json())

    async def core(self, method: str, path: str, body: object = None, **more: Any) -> Json:
        """A call of the status API, which answers 200 and says the rest in the body.

        The shop has heard what came of it.
        """
        answer = await self.call(method, f"/v2/{path}", body, **more)
        await self.quiet()
        assert answer.status == 200, await answer.text()
        return cast("Json", await answer.json())

    async def status(self, order: str = ORDER) -> Json:
        return await self.core("GET", f"{order}/status")

    async def does(self, what: str, order: str = ORDER, **body: Any) -> Json:
        """Choose, pay, move, refund, notify; and the shop has heard of it."""
        view = await self.control("POST", f"/orders/{order}/{what}", body)
        await self.quiet()
        return cast("Json", view)

    async def paid(self, method: str = "gopay", **changes: Any) -> Json:
        await self.create(**changes)
        await self.does("choose", method=method)
        return await self.does("pay")

    async def told(self, times: int = 1) -> list[Json]:
        return [one.envelope for one in await self.hears(times)]

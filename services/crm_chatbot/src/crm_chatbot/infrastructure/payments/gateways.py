"""Payment providers as the settings want them, and the platform's own accounts with them."""

from collections.abc import Mapping
from dataclasses import dataclass

from crm_chatbot.application.payments.gateways import Account, CallbackReader, PaymentGateway
from crm_chatbot.domain.payments.payment import Provider
from crm_chatbot.infrastructure.payments.callbacks import MidtransNotices, XenditWebhooks
from crm_chatbot.infrastructure.payments.midtrans import Midtrans
from crm_chatbot.infrastructure.payments.xendit import Xendit
from shared.settings import Shop

READERS: Mapping[Provider, CallbackReader] = {
    Provider.MIDTRANS: MidtransNotices(),
    Provider.XENDIT: XenditWebhooks(),
}


@dataclass(frozen=True)
class Gateways:
    """One connection pool for each provider; to be closed."""

    midtrans: Midtrans
    xendit: Xendit

    @property
    def by_provider(self) -> Mapping[Provider, PaymentGateway]:
        return {Provider.MIDTRANS: self.midtrans, Provider.XENDIT: self.xendit}

    async def hang_up(self) -> None:
        await self.midtrans.hang_up()
        await self.xendit.hang_up()


def gateways(shop: Shop) -> Gateways:
    return Gateways(Midtrans(shop.midtrans_base_url), Xendit(shop.xendit_base_url))


def own_accounts(shop: Shop) -> dict[Provider, Account]:
    """Those that shops without one of their own share."""
    found: dict[Provider, Account] = {}
    if shop.midtrans_server_key:
        found[Provider.MIDTRANS] = Account(
            provider=Provider.MIDTRANS,
            secret=shop.midtrans_server_key.get_secret_value(),
            is_production=shop.midtrans_is_production,
        )
    if shop.xendit_secret_key and shop.xendit_callback_token:
        found[Provider.XENDIT] = Account(
            provider=Provider.XENDIT,
            secret=shop.xendit_secret_key.get_secret_value(),
            callback_token=shop.xendit_callback_token.get_secret_value(),
        )
    return found

"""What stands behind payments: shops' accounts, providers, callbacks, and the loop that asks."""

from uuid_utils.compat import uuid7

from crm_chatbot.application import Application
from crm_chatbot.application.payments.asking import Asking
from crm_chatbot.application.payments.callbacks import CallbackService
from crm_chatbot.application.payments.desk import PaymentDesk
from crm_chatbot.application.payments.worker import PaymentLoop, PaymentService
from crm_chatbot.infrastructure.payments.account_store import SqlPaymentAccounts
from crm_chatbot.infrastructure.payments.gateways import (
    READERS,
    Gateways,
    own_accounts,
)
from crm_chatbot.infrastructure.payments.store import SqlPaymentDirectory
from crm_chatbot.interface.payments.api import Till
from shared.ground import Ground
from shared.settings import Platform, Shop, load


def _accounts(base: Ground) -> SqlPaymentAccounts:
    shop = load(Shop)
    allows_play = shop.allow_sandbox_payments or not load(Platform).is_production
    return SqlPaymentAccounts(
        base.sessions, base.vault, own_accounts(shop), allows_play=allows_play
    )


def paying_loop(base: Ground, menu: Application, providers: Gateways) -> PaymentLoop:
    """What asks payment providers, again and again."""
    shop = load(Shop)
    service = PaymentService(
        open_work=menu.open_work,
        asking=Asking(
            accounts=_accounts(base), gateways=providers.by_provider, public_url=shop.public_url
        ),
        now=base.clock,
        new_id=uuid7,
        patience_s=shop.resend_ask_after_s,
    )
    return PaymentLoop(SqlPaymentDirectory(base.sessions), service)


def till(base: Ground, menu: Application, paying: PaymentLoop) -> tuple[Till, CallbackService]:
    """What people and providers reach by HTTP; both ring the loop's bell."""
    desk = PaymentDesk(
        open_work=menu.open_work,
        now=base.clock,
        new_id=uuid7,
        patience_s=load(Shop).resend_ask_after_s,
        bell=paying.bell,
    )
    callbacks = CallbackService(
        open_work=menu.open_work,
        accounts=_accounts(base),
        directory=paying.directory,
        readers=READERS,
        now=base.clock,
        bell=paying.bell,
    )
    return Till(desk, callbacks.accounts, paying.directory), callbacks

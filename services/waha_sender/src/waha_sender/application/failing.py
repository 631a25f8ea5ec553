"""What a failure means for a delivery and for its session: the rules, without any storage."""

from datetime import datetime, timedelta

from shared.contracts import WhatsAppFile
from shared.whatsapp.waha import Verdict, WahaFailed
from waha_sender.application.deliveries import Delivery, DeliveryState, with_link
from waha_sender.application.pacing import Pace, backoff_s

#: So often WAHA may be asked without our knowing what came of it; a minute's worth of pauses.
MOST_ATTEMPTS = 6
#: The same where each attempt itself takes as long as a request may.
MOST_SILENT_ATTEMPTS = 3
#: A file that fails so often is sent as a link.
MOST_FILE_ATTEMPTS = 2

NOT_IN_TIME = "not_sent_in_time"
UNREACHABLE = "UNREACHABLE"

#: Failures of a whole server: others of its session need not try before it answers again.
_OF_THE_SERVER = frozenset({"waha_unreachable", "waha_unavailable", "waha_busy"})
#: What may be wrong with a file, and never with a text.
_OF_THE_FILE = frozenset({"media_too_large", "not_supported", "waha_refused"})


def concerns_all(failed: WahaFailed) -> bool:
    """Whether nothing else of the session would work now, either."""
    return failed.verdict is Verdict.SESSION or failed.code in _OF_THE_SERVER


def is_exhausted(delivery: Delivery) -> bool:
    """Whether it was tried often enough to stop guessing."""
    is_silent = delivery.error_code == "waha_unreachable"
    return delivery.attempts >= (MOST_SILENT_ATTEMPTS if is_silent else MOST_ATTEMPTS)


def after_failure(
    delivery: Delivery,
    pace: Pace,
    failed: WahaFailed,
    *,
    was_asked: bool,
    now: datetime,
    jitter: float,
) -> None:
    """WAHA did not do something for it, or nobody can tell; `was_asked`: it was to be sent."""
    delivery.note_trouble(failed.code, failed.detail)
    is_general = concerns_all(failed)
    if failed.verdict is Verdict.SESSION:
        pace.stumble(failed.status or failed.code.upper(), now)
    elif is_general:
        pace.stumble(UNREACHABLE, now, at_least_s=failed.retry_after_s or 0.0)
    elif failed.verdict is Verdict.RESTRICTED:
        pace.restrict(now)
    if not was_asked:
        _before_sending(delivery, failed, is_general=is_general, now=now)
    else:
        _while_sending(delivery, failed, is_general=is_general, now=now, jitter=jitter)


def _before_sending(
    delivery: Delivery, failed: WahaFailed, *, is_general: bool, now: datetime
) -> None:
    if is_general:
        delivery.let_go()  # it is tried again when its session is
    elif failed.verdict is Verdict.NEVER:
        end_open(delivery, now)
    else:
        delivery.put_off(now + timedelta(seconds=backoff_s(3)))


def _while_sending(
    delivery: Delivery, failed: WahaFailed, *, is_general: bool, now: datetime, jitter: float
) -> None:
    match failed.verdict:
        case Verdict.AMBIGUOUS:
            delivery.put_off(_later(now, delivery.attempts, jitter))
        case Verdict.NEVER if _falls_back(delivery, failed.code):
            fall_back(delivery, now)
        case Verdict.NEVER | Verdict.RESTRICTED:
            delivery.end(DeliveryState.FAILED, now)
        case _:
            _take_back(delivery)
            delivery.put_off(now if is_general else _later(now, 1, jitter))


def end_open(delivery: Delivery, now: datetime, code: str = "", detail: str = "") -> None:
    """Give it up: failed, unless it may have arrived."""
    is_open = delivery.state is DeliveryState.SENDING
    state = DeliveryState.UNKNOWN if is_open else DeliveryState.FAILED
    delivery.end(state, now, code, detail)


def undecided(delivery: Delivery, now: datetime) -> None:
    """Not even the chat's history can tell whether it was sent."""
    delivery.attempts += 1
    if is_exhausted(delivery):
        end_open(delivery, now)
    else:
        delivery.put_off(_later(now, delivery.attempts, 0.5))


def not_in_history(delivery: Delivery, now: datetime) -> None:
    """It was not sent: for certain, and perhaps once more."""
    if is_exhausted(delivery):
        delivery.end(DeliveryState.FAILED, now)
    elif isinstance(delivery.content, WhatsAppFile) and delivery.attempts >= MOST_FILE_ATTEMPTS:
        fall_back(delivery, now)
    else:
        delivery.begin_anew()
        delivery.put_off(now)


def fall_back(delivery: Delivery, now: datetime) -> None:
    """Send a link where the file itself cannot be sent."""
    if isinstance(delivery.content, WhatsAppFile):
        delivery.content = with_link(delivery.content)
    delivery.begin_anew()
    delivery.wa_id, delivery.attempts = None, 0
    delivery.put_off(now)


def _falls_back(delivery: Delivery, code: str) -> bool:
    return isinstance(delivery.content, WhatsAppFile) and code in _OF_THE_FILE


def _take_back(delivery: Delivery) -> None:
    """This attempt was in vain for certain. What became of an earlier one may still be open."""
    delivery.attempts -= 1
    if delivery.attempts <= 0:
        delivery.begin_anew()


def _later(now: datetime, attempts: int, jitter: float) -> datetime:
    return now + timedelta(seconds=backoff_s(max(attempts - 1, 0), jitter=jitter))

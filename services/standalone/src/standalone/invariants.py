"""What must hold in the tables at all times; each is a query that finds offenders."""

from dataclasses import dataclass

from sqlalchemy import text

from gateway.domain.job import FAILURES
from shared.infrastructure.database import Sessions, transaction


@dataclass(frozen=True)
class Invariant:
    """`sql` counts what breaks it: nought, in a healthy system."""

    name: str
    sql: str
    #: what helps; nothing said: it is a defect
    do: str = ""


def _none_in(function: str) -> str:
    """`function` tells ids of offenders, whosever they are: the tables are their tenants' own."""
    return f"SELECT count(*) FROM {function}"  # noqa: S608 - our own words


INVARIANTS = (
    Invariant(
        "a completed job has its result, a failed one its reason",
        """SELECT count(*) FROM gateway.jobs
            WHERE (status = 'COMPLETED') <> (result IS NOT NULL)
               OR (status = 'FAILED') <> (failure_code IS NOT NULL)""",
    ),
    Invariant(
        "no job outlives its deadline by a minute",
        """SELECT count(*) FROM gateway.jobs
            WHERE status IN ('QUEUED', 'PROCESSING')
              AND deadline_at < clock_timestamp() - interval '1 minute'""",
    ),
    Invariant(
        "every finished job that wants a callback has one",
        """SELECT count(*) FROM gateway.jobs AS job
            WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED') AND callback_url IS NOT NULL
              AND NOT EXISTS (SELECT FROM gateway.callbacks WHERE job_id = job.id)""",
    ),
    Invariant(
        "every failure's reason is on the list that clients know",
        f"""SELECT count(*) FROM gateway.jobs
             WHERE failure_code NOT IN ({", ".join(f"'{code}'" for code in sorted(FAILURES))})""",  # noqa: S608 - our own words
    ),
    Invariant(
        "an Idempotency-Key stands for a job that is there",
        """SELECT count(*) FROM gateway.idempotency_keys AS used
            WHERE NOT EXISTS (SELECT FROM gateway.jobs WHERE id = used.job_id)""",
    ),
    Invariant(
        "a budget holds exactly what its reservations hold",
        """SELECT count(*) FROM platform.budget_days AS today
            WHERE reserved_micro_usd <> (
                  SELECT coalesce(sum(amount_micro_usd), 0) FROM platform.reservations
                   WHERE scope = today.scope AND day = today.day AND state = 'held')""",
    ),
    Invariant(
        "no announcement has waited for five minutes",
        " UNION ALL ".join(
            f"""SELECT 1 FROM {schema}.outbox
                 WHERE created_at < clock_timestamp() - interval '5 minutes'"""  # noqa: S608 - ours
            for schema in ("gateway", "ai_engine", "crm", "waha_sender")
        ).join(("SELECT count(*) FROM (", ") AS late")),
    ),
    Invariant(
        "no run has been held by a dead worker for a minute",
        """SELECT count(*) FROM ai_engine.runs AS run
            WHERE state = 'RUNNING' AND NOT EXISTS (
                  SELECT FROM ai_engine.workers
                   WHERE id = run.worker_id
                     AND beat_at > clock_timestamp() - interval '1 minute')""",
    ),
    Invariant(
        "a job's answer is the one that its run gave",
        """SELECT count(*)
             FROM gateway.jobs AS job JOIN ai_engine.runs AS run ON run.job_id = job.id
            WHERE job.status = 'COMPLETED' AND run.answer_kind = 'PromptCompleted'
              AND convert_from(run.answer, 'UTF8')::json ->> 'result' <> job.result""",
    ),
    Invariant(
        "no callback is overdue by five minutes",
        """SELECT count(*) FROM gateway.callbacks
            WHERE state = 'PENDING'
              AND available_at < clock_timestamp() - interval '5 minutes'""",
    ),
    Invariant(
        "a turn that answered has something to send",
        _none_in("crm.turns_without_reply()"),
    ),
    Invariant(
        "no message is answered by two turns",
        _none_in("crm.turns_that_overlap()"),
    ),
    Invariant(
        "every message of a conversation has a place of its own",
        _none_in("crm.misplaced_messages()"),
    ),
    Invariant(
        "no customer has waited for the bot for ten minutes without a turn under way",
        _none_in("crm.conversations_left_waiting(600)"),
        do="is a crm_chatbot worker up? If one is, take the conversation over and hand it back",
    ),
    Invariant(
        "no conversation has been held by a dead worker for a minute",
        _none_in("crm.conversations_of_the_dead(60)"),
        do="start a crm_chatbot with RUN=worker: it takes them up",
    ),
    Invariant(
        "no delivery has been on its way for ten minutes without anybody looking",
        _none_in("waha_sender.stuck_deliveries(600)"),
        do="start a waha_sender with RUN=worker: it looks whether they left",
    ),
    Invariant(
        "whatever the sender has ended has ended in its conversation, too",
        _none_in("platform.results_not_applied(900)"),
        do="does a crm_chatbot worker listen? It asks again every five minutes; see dead letters",
    ),
    Invariant(
        "a variant promises exactly what its orders hold",
        _none_in("crm.variants_out_of_balance()"),
    ),
    Invariant(
        "a variant's numbers are what its ledger adds up to",
        _none_in("crm.variants_unlike_their_ledger()"),
    ),
    Invariant(
        "an order costs what its lines, discounts and delivery come to",
        _none_in("crm.orders_unlike_their_lines()"),
    ),
    Invariant(
        "no order waits to be paid for ten minutes beyond its time",
        _none_in("crm.orders_never_expired(600)"),
        do="is a crm_chatbot worker up? Does the payment provider answer?",
    ),
    Invariant(
        "an order holds the stock that its status says",
        _none_in("crm.orders_without_their_stock()"),
    ),
    Invariant(
        "no stock is held for an order that waits for nothing",
        _none_in("crm.stock_held_for_nothing()"),
    ),
    Invariant(
        "an order that is paid has payments of what it costs",
        _none_in("crm.orders_unlike_their_payments()"),
    ),
    Invariant(
        "an order knows of every payment that came for it",
        _none_in("crm.payments_without_effect(60)"),
    ),
    Invariant(
        "every callback of a payment provider was looked into within ten minutes",
        _none_in("crm.callbacks_never_looked_at(600)"),
        do="is a crm_chatbot worker up? Does the payment provider answer?",
    ),
    Invariant(
        "no payment has been due for ten minutes without anybody looking",
        _none_in("crm.payments_left_alone(600)"),
        do="start a crm_chatbot with RUN=worker: it asks the payment provider",
    ),
    Invariant(
        "the sender has forgotten whoever is erased",
        _none_in("platform.copies_of_the_erased(300)"),
        do="is waha_sender up? Then erase the customer once more: DELETE /v1/crm/customers/{id}",
    ),
)

#: What helps where an invariant is broken.
REMEDIES = {invariant.name: invariant.do for invariant in INVARIANTS if invariant.do}


async def broken(sessions: Sessions) -> dict[str, int]:
    """The invariants that do not hold, and by how many rows."""
    found: dict[str, int] = {}
    for invariant in INVARIANTS:
        async with transaction(sessions) as session:
            offenders = await session.scalar(text(invariant.sql))
        if offenders:
            found[invariant.name] = offenders
    return found

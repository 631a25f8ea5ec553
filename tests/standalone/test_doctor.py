"""The doctor: content with a healthy system, and with nothing less."""

import asyncio

import pytest
from sqlalchemy import text

from standalone.invariants import INVARIANTS, REMEDIES
from tests.databases import connected
from tests.standalone.conftest import Command

JOB = """
    INSERT INTO gateway.jobs (
           id, status, result, failure_code, callback_url, deadline_at, prompt, config_name,
           template_name, variables, mode, needs_moderation, metadata, attempts, model_calls,
           input_tokens, output_tokens, cost_micro_usd, created_at, updated_at, ask_at, asks, trace)
    SELECT '018f0000-0000-7000-8000-000000000001', status, result, failure_code, callback_url,
           now() + deadline, 'a prompt', 'offline', 'default-assistant', '{{}}', 'single', false,
           '{{}}', 1, 1, 0, 0, 0, now(), now(), now() + interval '1 hour', 0, '{{}}'
      FROM (VALUES ({})) AS job (status, result, failure_code, callback_url, deadline)"""
RUN = """
    INSERT INTO ai_engine.runs (
           job_id, question, headers, state, worker_id, answer_kind, answer, attempt,
           error_attempts, crash_attempts, available_at, deadline_at, spent)
    VALUES ('018f0000-0000-7000-8000-000000000001', '{{}}', '{{}}', {}, 1, 0, 0, now(),
            now() + interval '1 hour', '{{}}')"""
OUTBOX = """
    INSERT INTO {} (id, queue, kind, body, headers, created_at)
    VALUES (gen_random_uuid(), 'q', 'k', '', '{{}}', now() - interval '6 minutes')"""
COMPLETED = JOB.format("'COMPLETED', 'yes', NULL, NULL, interval '1 hour'")

#: A shop with a customer who wrote an hour ago, and was answered.
CHAT = """
    WITH tenant AS (
        INSERT INTO crm.tenants VALUES (
               '018f0000-0000-7000-8000-00000000000a', 'Kopi', 'active', '', 'auto', 'Asia/Jakarta',
               'IDR', '{}', 'offline', 0, 0, 9, 9, 0, true, 1, now(), now()) RETURNING id),
    customer AS (
        INSERT INTO crm.customers (tenant_id, id, version, created_at, updated_at)
        SELECT id, id, 1, now(), now() - interval '1 hour' FROM tenant RETURNING id),
    conversation AS (
        INSERT INTO crm.conversations (tenant_id, id, customer_id, session, chat_id, state, mode,
               mode_since, last_seq, last_message_at, created_at)
        SELECT id, id, id, 'toko', '6281200000002@c.us', 'GREETING', 'bot', now(), 2, now(), now()
          FROM customer RETURNING id),
    turn AS (
        INSERT INTO crm.turns (tenant_id, id, conversation_id, epoch, from_seq, to_seq, status,
               outcome)
        SELECT id, id, id, 1, 1, 1, 'committed', 'answered' FROM conversation),
    messages AS (
        INSERT INTO crm.messages (tenant_id, id, conversation_id, seq, direction, author, kind,
               text, content, state, turn_id, created_at)
        SELECT c.id, m.id, c.id, m.seq, m.direction, 'bot', 'text', 'halo', '{}', m.state, c.id,
               now() - interval '1 hour'
          FROM conversation c, (VALUES
               ('018f0000-0000-7000-8000-000000000001'::uuid, 1, 'in', 'covered'),
               ('018f0000-0000-7000-8000-000000000002'::uuid, 2, 'out', 'sent'))
               AS m (id, seq, direction, state) RETURNING tenant_id, id, direction)
    INSERT INTO waha_sender.deliveries (tenant_id, message_id, part, parts, session, chat_id,
           content, is_reply, by_person, state, ended_at, sending_at, available_at)
    SELECT tenant_id, id, 0, 1, 'toko', '6281200000002@c.us', '{}', true, false, 'sent',
           now() - interval '1 hour', now() - interval '1 hour', now() - interval '1 hour'
      FROM messages WHERE direction = 'out'"""
A_LIVING_WORKER = "INSERT INTO {}.workers VALUES ('018f0000-0000-7000-8000-000000000009', now())"
A_DEAD_WORKER = """
    INSERT INTO {}.workers VALUES (
           '018f0000-0000-7000-8000-000000000009', now() - interval '2 minutes')"""
HELD = """
    UPDATE crm.conversations SET lease_worker = '018f0000-0000-7000-8000-000000000009'"""
IN_HAND = """
    UPDATE waha_sender.deliveries SET lease_worker = '018f0000-0000-7000-8000-000000000009'"""
UNANSWERED = "UPDATE crm.messages SET state = 'new' WHERE direction = 'in'"
DUE = "UPDATE crm.conversations SET ready_at = now() - interval '2 minutes'"
SENDING = "UPDATE waha_sender.deliveries SET state = 'sending', ended_at = NULL"
HANDED = "UPDATE crm.messages SET state = 'handed' WHERE direction = 'out'"
ERASED = "UPDATE crm.conversations SET chat_id = 'erased'"
#: An order of two of five coffees, which its customer has confirmed and not paid.
ORDER = """
    WITH product AS (
        INSERT INTO crm.products (tenant_id, id, name, description, status, version, created_at,
               updated_at)
        SELECT id, id, 'Kopi', '', 'active', 1, now(), now() FROM crm.tenants RETURNING id),
    variant AS (
        INSERT INTO crm.variants (tenant_id, id, product_id, place, sku, name, price, on_hand,
               reserved, is_active)
        SELECT id, id, id, 0, 'KOPI', '', 85000, 5, 2, true FROM product RETURNING id),
    ledger AS (
        INSERT INTO crm.stock_movements (tenant_id, variant_id, kind, on_hand_change,
               reserved_change, actor)
        SELECT v.id, v.id, m.kind, m.on_hand, m.reserved, 'test' FROM variant v, (VALUES
               ('counted', 5, 0), ('reserved', 0, 2)) AS m (kind, on_hand, reserved)),
    confirmed AS (
        INSERT INTO crm.orders (tenant_id, id, customer_id, number, status, currency, total,
               discounts, note, promo_code, reservation, expires_at, version, created_at,
               updated_at)
        SELECT id, id, id, 'ORD-1001', 'AWAITING_PAYMENT', 'IDR', 170000, '[]', '', '', 1,
               now() + interval '1 hour', 1, now(), now() FROM variant RETURNING id),
    line AS (
        INSERT INTO crm.order_lines SELECT id, id, 0, id, 'KOPI', 'Kopi', 2, 85000 FROM confirmed)
    INSERT INTO crm.reservations SELECT id, id, 1, id, 2, 'held' FROM confirmed"""
#: A link for it that nobody has paid yet.
PAYMENT = """
    INSERT INTO crm.payments (tenant_id, id, order_id, provider, reference, attempt, amount,
           currency, status, paid_amount, refunded_amount, is_unwanted, is_asked_again, checks,
           check_at, expires_at, changed_at, created_at)
    SELECT tenant_id, id, id, 'midtrans', 'ORD-1001-x-A1', 1, 170000, 'IDR', 'PENDING', 0, 0,
           false, false, 1, now() + interval '1 minute', expires_at,
           now() - interval '2 minutes', now() - interval '2 minutes' FROM crm.orders"""
PAID = """
    UPDATE crm.payments SET status = 'PAID', paid_amount = amount, is_unwanted = true"""
SOLD = (
    "UPDATE crm.orders SET status = 'PAID', paid_by = id",
    "UPDATE crm.reservations SET state = 'sold'",
    "UPDATE crm.variants SET on_hand = 3, reserved = 0",
)
CALLBACK = """
    INSERT INTO crm.payment_events (tenant_id, provider, event_key, payment_id, status, body,
           received_at)
    SELECT tenant_id, 'midtrans', 'e', id, 'settlement', '{{}}', now() - interval '{} minutes'
      FROM crm.payments"""
CONCERN = """
    INSERT INTO crm.concerns (tenant_id, id, code, order_id, payment_id, facts, raised_at, note)
    SELECT tenant_id, gen_random_uuid(), 'paid_twice', order_id, id, '{}', now(), ''
      FROM crm.payments"""
MOVED = """
    INSERT INTO crm.stock_movements (tenant_id, variant_id, kind, on_hand_change, reserved_change,
           actor)
    SELECT tenant_id, id, {}, 'test' FROM crm.variants"""
#: What looks like trouble, and has its reasons.
FINE = {
    "an order waits to be paid": (ORDER,),
    "an order's time ran out just now": (
        *(ORDER, "UPDATE crm.orders SET expires_at = now() - interval '9 minutes'"),
    ),
    "an order is a cart again": (
        *(ORDER, "UPDATE crm.orders SET status = 'DRAFT'"),
        "UPDATE crm.reservations SET state = 'released'",
        *("UPDATE crm.variants SET reserved = 0", MOVED.format("'released', 0, -2")),
    ),
    "an order is sold, with a discount, and brought to its customer": (
        ORDER,
        """UPDATE crm.orders SET status = 'PAID', total = 175000, delivery_fee = 15000,
                  delivery_address = 'x', delivery_zone = '', discounts = '[{"amount": 10000}]'""",
        *("UPDATE crm.reservations SET state = 'sold'", MOVED.format("'sold', -2, -2")),
        "UPDATE crm.variants SET on_hand = 3, reserved = 0",
    ),
    "an order waits for its link to be paid": (ORDER, PAYMENT, CALLBACK.format(9)),
    "an order was paid by its link": (
        *(ORDER, PAYMENT, PAID, *SOLD, MOVED.format("'sold', -2, -2")),
        "UPDATE crm.payments SET check_at = NULL",
    ),
    "an order was paid twice, and the shop is told so": (ORDER, PAYMENT, PAID, CONCERN),
    "an order was paid oddly, and keeps its stock until somebody decides": (
        *(ORDER, PAYMENT, CONCERN),
        "UPDATE crm.payments SET status = 'ATTENTION', paid_amount = 1, is_unwanted = true",
        "UPDATE crm.orders SET status = 'PAID_ATTENTION', paid_by = id",
    ),
    "a payment came a moment ago": (
        *(ORDER, PAYMENT, PAID, "UPDATE crm.payments SET changed_at = now()"),
    ),
    "all is answered": (),
    "that was said a moment ago already": (
        "DELETE FROM crm.messages WHERE direction = 'out'",
        "UPDATE crm.turns SET outcome = 'silent'",
    ),
    "one turn was given up for another": (
        """INSERT INTO crm.turns (tenant_id, id, conversation_id, epoch, from_seq, to_seq, status)
           SELECT tenant_id, gen_random_uuid(), id, 1, 1, 1, 'superseded' FROM crm.conversations""",
    ),
    "a customer waits for a person": (UNANSWERED, "UPDATE crm.conversations SET mode = 'human'"),
    "a customer wrote just now": (UNANSWERED, "UPDATE crm.messages SET created_at = now()"),
    "a shop is suspended": (UNANSWERED, "UPDATE crm.tenants SET status = 'suspended'"),
    "a turn is under way": (
        *(UNANSWERED, DUE, A_LIVING_WORKER.format("crm")),
        HELD,
    ),
    "a turn is tried again soon": (
        UNANSWERED,
        "UPDATE crm.conversations SET ready_at = now() + interval '1 minute'",
    ),
    "a worker is sending": (
        *(SENDING, A_LIVING_WORKER.format("waha_sender")),
        IN_HAND,
    ),
    "a session is away": (
        SENDING,
        """INSERT INTO waha_sender.sessions (tenant_id, session, paused_until)
           SELECT tenant_id, session, now() + interval '1 minute' FROM waha_sender.deliveries""",
    ),
    "a result is on its way": (HANDED, "UPDATE waha_sender.deliveries SET ended_at = now()"),
    "a message has not left": (
        HANDED,
        "UPDATE waha_sender.deliveries SET state = 'waiting', ended_at = NULL",
    ),
    "a customer is erased": (ERASED, "UPDATE waha_sender.deliveries SET chat_id = ''"),
    "a customer was erased just now": (ERASED, "UPDATE crm.customers SET updated_at = now()"),
}

#: For each invariant what breaks it, and nothing else.
OFFENCES = {
    "a completed job has its result, a failed one its reason": (
        (JOB.format("'COMPLETED', NULL, NULL, NULL, interval '1 hour'"),),
        (JOB.format("'FAILED', NULL, NULL, NULL, interval '1 hour'"),),
        (JOB.format("'QUEUED', 'too early', NULL, NULL, interval '1 hour'"),),
        (JOB.format("'CANCELLED', NULL, 'llm_auth', NULL, interval '1 hour'"),),
    ),
    "no job outlives its deadline by a minute": (
        (JOB.format("'QUEUED', NULL, NULL, NULL, interval '-2 minutes'"),),
        (JOB.format("'PROCESSING', NULL, NULL, NULL, interval '-2 minutes'"),),
    ),
    "every finished job that wants a callback has one": (
        (JOB.format("'CANCELLED', NULL, NULL, 'https://example.com', interval '1 hour'"),),
    ),
    "every failure's reason is on the list that clients know": (
        (JOB.format("'FAILED', NULL, 'bad luck', NULL, interval '1 hour'"),),
    ),
    "an Idempotency-Key stands for a job that is there": (
        ("INSERT INTO gateway.idempotency_keys VALUES ('s', 'k', 'h', gen_random_uuid())",),
    ),
    "a budget holds exactly what its reservations hold": (
        ("INSERT INTO platform.budget_days VALUES ('platform', now(), 0, 7)",),
    ),
    "no announcement has waited for five minutes": (
        (OUTBOX.format("gateway.outbox"),),
        (OUTBOX.format("ai_engine.outbox"),),
        (OUTBOX.format("crm.outbox"),),
        (OUTBOX.format("waha_sender.outbox"),),
    ),
    "no run has been held by a dead worker for a minute": (
        (RUN.format("'RUNNING', gen_random_uuid(), NULL, NULL"),),
        (
            """INSERT INTO ai_engine.workers
               VALUES ('018f0000-0000-7000-8000-000000000002', now() - interval '2 minutes')""",
            RUN.format("'RUNNING', '018f0000-0000-7000-8000-000000000002', NULL, NULL"),
        ),
    ),
    "a job's answer is the one that its run gave": (
        (COMPLETED, RUN.format("""'DONE', NULL, 'PromptCompleted', '{"result": "no"}'""")),
    ),
    "no callback is overdue by five minutes": (
        (
            """INSERT INTO gateway.callbacks (id, job_id, url, state, attempts, available_at)
               VALUES (gen_random_uuid(), gen_random_uuid(), 'u', 'PENDING', 0,
                       now() - interval '6 minutes')""",
        ),
    ),
    "a turn that answered has something to send": (
        (CHAT, "UPDATE crm.messages SET turn_id = NULL WHERE direction = 'out'"),
        (
            *(CHAT, "UPDATE crm.turns SET outcome = 'fallback'"),
            "DELETE FROM crm.messages WHERE direction = 'out'",
        ),
    ),
    "no message is answered by two turns": (
        (
            CHAT,
            """INSERT INTO crm.turns (tenant_id, id, conversation_id, epoch, from_seq, to_seq,
                      status, outcome)
               SELECT tenant_id, gen_random_uuid(), id, 1, 1, 3, 'committed', 'silent'
                 FROM crm.conversations""",
        ),
    ),
    "every message of a conversation has a place of its own": (
        (CHAT, "UPDATE crm.conversations SET last_seq = 1"),
    ),
    "no customer has waited for the bot for ten minutes without a turn under way": (
        (CHAT, UNANSWERED),
        (CHAT, UNANSWERED, DUE),
        (CHAT, UNANSWERED, "UPDATE crm.conversations SET ready_at = now() + interval '1 hour'"),
    ),
    "no conversation has been held by a dead worker for a minute": (
        (CHAT, DUE, HELD),
        (CHAT, DUE, HELD, A_DEAD_WORKER.format("crm")),
    ),
    "no delivery has been on its way for ten minutes without anybody looking": (
        (CHAT, SENDING),
        (
            *(CHAT, SENDING, A_DEAD_WORKER.format("waha_sender")),
            IN_HAND,
        ),
    ),
    "whatever the sender has ended has ended in its conversation, too": ((CHAT, HANDED),),
    "the sender has forgotten whoever is erased": ((CHAT, ERASED),),
    "a variant promises exactly what its orders hold": (
        (CHAT, ORDER, "UPDATE crm.variants SET reserved = 3", MOVED.format("'reserved', 0, 1")),
        (CHAT, ORDER, "UPDATE crm.variants SET reserved = 0", MOVED.format("'released', 0, -2")),
    ),
    "a variant's numbers are what its ledger adds up to": (
        (CHAT, ORDER, "UPDATE crm.variants SET on_hand = 6"),
        (CHAT, ORDER, MOVED.format("'lost', -1, 0")),
    ),
    "an order costs what its lines, discounts and delivery come to": (
        (CHAT, ORDER, "UPDATE crm.orders SET total = 1"),
        (CHAT, ORDER, """UPDATE crm.orders SET discounts = '[{"amount": 5}]'"""),
    ),
    "no order waits to be paid for ten minutes beyond its time": (
        (CHAT, ORDER, "UPDATE crm.orders SET expires_at = now() - interval '11 minutes'"),
    ),
    "an order holds the stock that its status says": (
        (
            *(CHAT, ORDER, "UPDATE crm.order_lines SET quantity = 1"),
            "UPDATE crm.orders SET total = 85000",
        ),
        (
            *(CHAT, ORDER, "UPDATE crm.reservations SET state = 'released'"),
            *("UPDATE crm.variants SET reserved = 0", MOVED.format("'released', 0, -2")),
        ),
    ),
    "an order that is paid has payments of what it costs": (
        (CHAT, ORDER, *SOLD, MOVED.format("'sold', -2, -2")),
        (CHAT, ORDER, PAYMENT, *SOLD, MOVED.format("'sold', -2, -2")),
        (
            *(CHAT, ORDER, PAYMENT, PAID, *SOLD, MOVED.format("'sold', -2, -2")),
            "UPDATE crm.payments SET amount = 1",
        ),
    ),
    "an order knows of every payment that came for it": ((CHAT, ORDER, PAYMENT, PAID),),
    "every callback of a payment provider was looked into within ten minutes": (
        (CHAT, ORDER, PAYMENT, CALLBACK.format(11)),
    ),
    "no payment has been due for ten minutes without anybody looking": (
        (
            *(CHAT, ORDER, PAYMENT),
            "UPDATE crm.payments SET check_at = now() - interval '11 minutes'",
        ),
    ),
    "no stock is held for an order that waits for nothing": (
        (CHAT, ORDER, "UPDATE crm.orders SET status = 'CANCELLED'"),
    ),
}


def test_a_healthy_system_is_told_so(ai_platform: Command) -> None:
    looked = ai_platform("doctor")

    assert looked.exit_code == 0, looked.output
    assert "BAD" not in looked.stdout
    for what in ("PostgreSQL", "durability", "Redis: answers", "invariants: all hold"):
        assert what in looked.stdout


def test_every_invariant_is_known_to_break() -> None:
    assert {invariant.name for invariant in INVARIANTS} == set(OFFENCES)


@pytest.mark.parametrize(
    ("name", "statements"),
    [
        pytest.param(name, statements, id=f"{name} ({number})")
        for name, ways in OFFENCES.items()
        for number, statements in enumerate(ways, 1)
    ],
)
def test_a_broken_invariant_is_named(
    ai_platform: Command, owner_database_url: str, name: str, statements: tuple[str, ...]
) -> None:
    asyncio.run(execute(owner_database_url, statements))

    looked = ai_platform("doctor")

    bad = [line for line in looked.stdout.splitlines() if "BAD" in line]
    remedy = f"; {REMEDIES[name]}" if name in REMEDIES else ""
    assert bad == [f"BAD invariant: {name}: broken by 1{remedy}"]
    assert looked.exit_code == 1


@pytest.mark.parametrize("changes", FINE.values(), ids=FINE)
def test_what_has_its_reasons_is_not_complained_of(
    ai_platform: Command, owner_database_url: str, changes: tuple[str, ...]
) -> None:
    asyncio.run(execute(owner_database_url, (CHAT, *changes)))

    looked = ai_platform("doctor")

    assert "invariants: all hold" in looked.stdout, looked.stdout


def test_two_messages_in_one_place_are_told(ai_platform: Command, owner_database_url: str) -> None:
    """No database allows it whose index is in order."""
    key = "CONSTRAINT uq_messages_tenant_id_conversation_id_seq"
    place = "every message of a conversation has a place of its own"
    damage = (CHAT, f"ALTER TABLE crm.messages DROP {key}", "UPDATE crm.messages SET seq = 1")
    repair = (
        "DELETE FROM crm.messages",
        f"ALTER TABLE crm.messages ADD {key} UNIQUE (tenant_id, conversation_id, seq)",
    )
    asyncio.run(execute(owner_database_url, damage))
    try:
        looked = ai_platform("doctor")
    finally:
        asyncio.run(execute(owner_database_url, repair))

    assert f"BAD invariant: {place}: broken by 1" in looked.stdout


async def execute(url: str, statements: tuple[str, ...]) -> None:
    async with connected(url) as owner:
        for statement in statements:
            await owner.execute(text(statement))


@pytest.mark.parametrize(
    ("name", "url", "finding"),
    [
        ("DATABASE_URL", "postgresql://127.0.0.1:1/none", "BAD PostgreSQL: does not answer"),
        ("REDIS_URL", "redis://127.0.0.1:1", "BAD Redis: is away"),
        ("RABBITMQ_URL", "amqp://127.0.0.1:1/", "BAD RabbitMQ: does not answer"),
    ],
)
def test_a_server_that_is_away_is_named(
    ai_platform: Command, monkeypatch: pytest.MonkeyPatch, name: str, url: str, finding: str
) -> None:
    monkeypatch.setenv(name, url)

    looked = ai_platform("doctor")

    assert finding in looked.stdout
    assert looked.exit_code == 1
    assert "Traceback" not in looked.output

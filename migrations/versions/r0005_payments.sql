-- Payments (crm): attempts at getting orders paid, what providers told of them, and what went back.
-- Statements are separated by blank lines.

CREATE TABLE crm.payments (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    provider TEXT NOT NULL,
    reference TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    url TEXT,
    provider_id TEXT,
    account TEXT,
    transaction TEXT,
    paid_amount BIGINT NOT NULL,
    refunded_amount BIGINT NOT NULL,
    is_unwanted BOOLEAN NOT NULL,
    is_asked_again BOOLEAN NOT NULL,
    checks INTEGER NOT NULL,
    check_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    paid_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_payments PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_payments_tenant_id_order_id_attempt UNIQUE (tenant_id, order_id, attempt),
    CONSTRAINT ck_payments_known_provider CHECK (provider IN ('midtrans', 'xendit', 'manual')),
    CONSTRAINT ck_payments_known_status CHECK (status IN (
        'CREATING', 'PENDING', 'HELD', 'PAID', 'ATTENTION', 'PARTLY_REFUNDED', 'REFUNDED',
        'REVERSED', 'CHARGED_BACK', 'EXPIRED', 'CANCELLED', 'REFUSED')),
    CONSTRAINT ck_payments_sane_amount CHECK (amount > 0),
    CONSTRAINT ck_payments_sane_sums CHECK (paid_amount >= 0 AND refunded_amount >= 0),
    CONSTRAINT fk_payments_tenant_id_order_id_orders
        FOREIGN KEY (tenant_id, order_id) REFERENCES crm.orders (tenant_id, id)
);

-- Across tenants: a callback is heard before anybody knows whose it is. Nobody guesses a reference.
CREATE UNIQUE INDEX uq_payments_reference ON crm.payments (provider, reference);

-- One attempt of an order is there to be paid. What was dropped is being closed at its provider.
CREATE UNIQUE INDEX uq_payments_wanted ON crm.payments (tenant_id, order_id)
    WHERE NOT is_unwanted;

CREATE INDEX ix_payments_check_at ON crm.payments (check_at) WHERE check_at IS NOT NULL;

CREATE INDEX ix_payments_provider_id ON crm.payments (provider, provider_id)
    WHERE provider_id IS NOT NULL;

CREATE INDEX ix_payments_id ON crm.payments (id);

-- A set of which nothing is ever taken away: see the grants.
CREATE TABLE crm.payment_facts (
    tenant_id UUID NOT NULL,
    payment_id UUID NOT NULL,
    transaction TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    fee BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    learnt_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_payment_facts PRIMARY KEY
        (tenant_id, payment_id, transaction, kind, amount, currency, fee, refunded),
    CONSTRAINT fk_payment_facts_tenant_id_payment_id_payments
        FOREIGN KEY (tenant_id, payment_id) REFERENCES crm.payments (tenant_id, id)
);

-- Every callback that was genuine, once. It is no fact: it says that the provider should be asked.
CREATE TABLE crm.payment_events (
    tenant_id UUID NOT NULL,
    provider TEXT NOT NULL,
    event_key TEXT NOT NULL,
    payment_id UUID NOT NULL,
    status TEXT NOT NULL,
    money_by TEXT,
    body JSONB NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    looked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_payment_events PRIMARY KEY (tenant_id, provider, event_key),
    CONSTRAINT fk_payment_events_tenant_id_payment_id_payments
        FOREIGN KEY (tenant_id, payment_id) REFERENCES crm.payments (tenant_id, id)
);

CREATE INDEX ix_payment_events_tenant_id_payment_id
    ON crm.payment_events (tenant_id, payment_id);

CREATE INDEX ix_payment_events_unlooked ON crm.payment_events (received_at)
    WHERE looked_at IS NULL;

CREATE TABLE crm.refunds (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    payment_id UUID NOT NULL,
    key TEXT NOT NULL,
    amount BIGINT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    status TEXT NOT NULL,
    provider_id TEXT,
    detail TEXT,
    tries INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_refunds PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_refunds_tenant_id_key UNIQUE (tenant_id, key),
    CONSTRAINT ck_refunds_known_status CHECK (status IN (
        'REQUESTED', 'PENDING', 'SUCCEEDED', 'FAILED', 'BY_HAND')),
    CONSTRAINT ck_refunds_sane_amount CHECK (amount > 0),
    CONSTRAINT fk_refunds_tenant_id_payment_id_payments
        FOREIGN KEY (tenant_id, payment_id) REFERENCES crm.payments (tenant_id, id)
);

CREATE INDEX ix_refunds_key ON crm.refunds (key);

CREATE INDEX ix_refunds_tenant_id_payment_id ON crm.refunds (tenant_id, payment_id);

-- Keys are encrypted by the service, and never shown.
CREATE TABLE crm.payment_accounts (
    tenant_id UUID NOT NULL,
    provider TEXT NOT NULL,
    secret BYTEA,
    callback_token BYTEA,
    older_secret BYTEA,
    older_callback_token BYTEA,
    older_is_production BOOLEAN DEFAULT FALSE NOT NULL,
    is_production BOOLEAN NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    is_default BOOLEAN NOT NULL,
    details TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_payment_accounts PRIMARY KEY (tenant_id, provider),
    CONSTRAINT ck_payment_accounts_known_provider
        CHECK (provider IN ('midtrans', 'xendit', 'manual')),
    CONSTRAINT fk_payment_accounts_tenant_id_tenants
        FOREIGN KEY (tenant_id) REFERENCES crm.tenants (id)
);

CREATE UNIQUE INDEX uq_payment_accounts_default ON crm.payment_accounts (tenant_id)
    WHERE is_default;

CREATE TABLE crm.transfer_proofs (
    tenant_id UUID NOT NULL,
    message_id UUID NOT NULL,
    payment_id UUID NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_transfer_proofs PRIMARY KEY (tenant_id, message_id),
    CONSTRAINT fk_transfer_proofs_tenant_id_payment_id_payments
        FOREIGN KEY (tenant_id, payment_id) REFERENCES crm.payments (tenant_id, id),
    CONSTRAINT fk_transfer_proofs_tenant_id_message_id_messages
        FOREIGN KEY (tenant_id, message_id) REFERENCES crm.messages (tenant_id, id)
);

CREATE INDEX ix_transfer_proofs_tenant_id_payment_id
    ON crm.transfer_proofs (tenant_id, payment_id);

CALL platform.isolate('crm.payments');

CALL platform.isolate('crm.payment_facts');

CALL platform.isolate('crm.payment_events');

CALL platform.isolate('crm.refunds');

CALL platform.isolate('crm.payment_accounts');

CALL platform.isolate('crm.transfer_proofs');

CREATE FUNCTION crm.tenant_of_payment(which uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT tenant_id FROM crm.payments WHERE id = which $$;

-- Whose payment a callback is about, by any of its names: our reference, the provider's id of the
-- page, the key of a refund. Whether it is genuine, the tenant's own secret tells.
CREATE FUNCTION crm.tenant_of_callback(whose_provider text, names text[]) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT found.tenant_id FROM (
              SELECT 1 AS place, p.tenant_id FROM crm.payments p
               WHERE p.provider = whose_provider AND p.reference = ANY(names)
              UNION ALL
              SELECT 2, p.tenant_id FROM crm.payments p
               WHERE p.provider = whose_provider AND p.provider_id = ANY(names)
              UNION ALL
              SELECT 3, p.tenant_id FROM crm.refunds r
                JOIN crm.payments p ON p.tenant_id = r.tenant_id AND p.id = r.payment_id
               WHERE p.provider = whose_provider AND r.key = ANY(names)) AS found
           ORDER BY found.place LIMIT 1 $$;

-- Hands out payments whose provider is to be asked, each to one worker for so long.
CREATE FUNCTION crm.claim_payments(most integer, seconds double precision)
    RETURNS TABLE (tenant_id uuid, payment_id uuid)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$
    WITH due AS MATERIALIZED (
        SELECT p.tenant_id, p.id FROM crm.payments p WHERE p.check_at <= clock_timestamp()
         ORDER BY p.check_at LIMIT most FOR UPDATE SKIP LOCKED)
    UPDATE crm.payments p SET check_at = clock_timestamp() + make_interval(secs => seconds)
      FROM due WHERE p.tenant_id = due.tenant_id AND p.id = due.id
    RETURNING p.tenant_id, p.id $$;

-- Orders whose time to be paid has run out, and the grace after it; without those that somebody may
-- be paying at this moment: those end when their provider says so, and would stand in the others' way.
CREATE OR REPLACE FUNCTION crm.orders_past_their_time(grace double precision, most integer)
    RETURNS TABLE (tenant_id uuid, order_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT o.tenant_id, o.id FROM crm.orders o
           WHERE o.status = 'AWAITING_PAYMENT'
             AND o.expires_at < clock_timestamp() - make_interval(secs => grace)
             AND NOT EXISTS (SELECT FROM crm.payments p
                              WHERE p.tenant_id = o.tenant_id AND p.order_id = o.id
                                AND NOT p.is_unwanted)
           ORDER BY o.expires_at LIMIT most $$;

-- For the gauges: since when payments wait that nobody has confirmed, or looked at when they were due.
CREATE FUNCTION crm.waiting_payments() RETURNS TABLE (since timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT created_at FROM crm.payments WHERE status = 'CREATING'
          UNION ALL
          SELECT check_at FROM crm.payments WHERE check_at < clock_timestamp() $$;

-- What the doctor looks for: nothing, in a healthy system. Ids only; the times are seconds.

-- Orders that are paid, and for which other money is there than they cost, and no concern says so.
CREATE FUNCTION crm.orders_unlike_their_payments() RETURNS TABLE (tenant_id uuid, order_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT o.tenant_id, o.id FROM crm.orders o
           CROSS JOIN LATERAL (
                SELECT coalesce(sum(p.amount), 0) AS asked FROM crm.payments p
                 WHERE p.tenant_id = o.tenant_id AND p.order_id = o.id
                   AND p.status IN ('PAID', 'PARTLY_REFUNDED')) AS paid
           WHERE o.paid_by IS NOT NULL AND o.status IN ('PAID', 'FULFILLED')
             AND paid.asked <> o.total
             AND NOT EXISTS (SELECT FROM crm.concerns c
                              WHERE c.tenant_id = o.tenant_id AND c.order_id = o.id) $$;

-- Payments that came, for orders that do not know of it and of which no concern tells.
CREATE FUNCTION crm.payments_without_effect(older_than double precision)
    RETURNS TABLE (tenant_id uuid, payment_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT p.tenant_id, p.id FROM crm.payments p
            JOIN crm.orders o ON o.tenant_id = p.tenant_id AND o.id = p.order_id
           WHERE p.status IN ('PAID', 'ATTENTION', 'PARTLY_REFUNDED')
             AND p.changed_at < clock_timestamp() - make_interval(secs => older_than)
             AND o.paid_by IS DISTINCT FROM p.id
             AND NOT EXISTS (SELECT FROM crm.concerns c WHERE c.tenant_id = p.tenant_id
                                AND c.order_id = p.order_id AND c.payment_id = p.id) $$;

-- Callbacks that were stored, and because of which no provider was ever asked.
CREATE FUNCTION crm.callbacks_never_looked_at(older_than double precision)
    RETURNS TABLE (tenant_id uuid, payment_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT e.tenant_id, e.payment_id FROM crm.payment_events e
           WHERE e.looked_at IS NULL
             AND e.received_at < clock_timestamp() - make_interval(secs => older_than) $$;

-- Payments whose provider should have been asked long ago.
CREATE FUNCTION crm.payments_left_alone(older_than double precision)
    RETURNS TABLE (tenant_id uuid, payment_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT p.tenant_id, p.id FROM crm.payments p
           WHERE p.check_at < clock_timestamp() - make_interval(secs => older_than) $$;

REVOKE EXECUTE ON FUNCTION crm.tenant_of_payment(uuid), crm.tenant_of_callback(text, text[]),
    crm.claim_payments(integer, double precision), crm.waiting_payments(),
    crm.orders_unlike_their_payments(), crm.payments_without_effect(double precision),
    crm.callbacks_never_looked_at(double precision), crm.payments_left_alone(double precision)
    FROM PUBLIC;

GRANT EXECUTE ON FUNCTION crm.tenant_of_payment(uuid), crm.tenant_of_callback(text, text[]),
    crm.claim_payments(integer, double precision), crm.waiting_payments(),
    crm.orders_unlike_their_payments(), crm.payments_without_effect(double precision),
    crm.callbacks_never_looked_at(double precision), crm.payments_left_alone(double precision)
    TO ai_platform;

GRANT SELECT, INSERT, UPDATE, DELETE ON crm.payments, crm.payment_events, crm.refunds,
    crm.payment_accounts, crm.transfer_proofs TO ai_platform;

GRANT SELECT, INSERT ON crm.payment_facts TO ai_platform

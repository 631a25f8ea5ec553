-- Orders (crm): what customers want, the stock that is promised to them, and a shop's own rules.
-- Statements are separated by blank lines.

-- How long a confirmed order may wait to be paid, in seconds.
ALTER TABLE crm.tenants ADD COLUMN pay_within_s INTEGER DEFAULT 3600 NOT NULL;

CREATE TABLE crm.order_numbers (
    tenant_id UUID NOT NULL,
    newest BIGINT NOT NULL,
    CONSTRAINT pk_order_numbers PRIMARY KEY (tenant_id)
);

CREATE TABLE crm.orders (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    customer_id UUID NOT NULL,
    number TEXT NOT NULL,
    status TEXT NOT NULL,
    currency TEXT NOT NULL,
    total BIGINT NOT NULL,
    discounts JSONB NOT NULL,
    delivery_address TEXT,
    delivery_zone TEXT,
    delivery_fee BIGINT,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    note TEXT NOT NULL,
    promo_code TEXT NOT NULL,
    summary_hash TEXT,
    summary_message_id UUID,
    summary_seq BIGINT,
    summary_until TIMESTAMP WITH TIME ZONE,
    reservation INTEGER NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    paid_at TIMESTAMP WITH TIME ZONE,
    paid_by UUID,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_orders PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_orders_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT ck_orders_known_status CHECK (status IN (
        'DRAFT', 'AWAITING_PAYMENT', 'PAID', 'PAID_ATTENTION', 'FULFILLED', 'EXPIRED',
        'CANCELLED', 'REFUNDED')),
    CONSTRAINT ck_orders_sane_total CHECK (total >= 0),
    CONSTRAINT ck_orders_expires_while_it_waits
        CHECK (status <> 'AWAITING_PAYMENT' OR expires_at IS NOT NULL),
    CONSTRAINT fk_orders_tenant_id_customer_id_customers
        FOREIGN KEY (tenant_id, customer_id) REFERENCES crm.customers (tenant_id, id)
);

CREATE INDEX ix_orders_tenant_id_customer_id_id ON crm.orders (tenant_id, customer_id, id);

CREATE INDEX ix_orders_id ON crm.orders (id);

CREATE INDEX ix_orders_expires_at ON crm.orders (expires_at) WHERE status = 'AWAITING_PAYMENT';

-- No reference to the variant: a line is a copy, and a reference would lock the variant out of the
-- order in which variants are locked.
CREATE TABLE crm.order_lines (
    tenant_id UUID NOT NULL,
    order_id UUID NOT NULL,
    place SMALLINT NOT NULL,
    variant_id UUID NOT NULL,
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    unit_price BIGINT NOT NULL,
    CONSTRAINT pk_order_lines PRIMARY KEY (tenant_id, order_id, place),
    CONSTRAINT uq_order_lines_tenant_id_order_id_variant_id
        UNIQUE (tenant_id, order_id, variant_id),
    CONSTRAINT ck_order_lines_sane_quantity CHECK (quantity BETWEEN 1 AND 100),
    CONSTRAINT ck_order_lines_sane_price CHECK (unit_price >= 0),
    CONSTRAINT fk_order_lines_tenant_id_order_id_orders
        FOREIGN KEY (tenant_id, order_id) REFERENCES crm.orders (tenant_id, id)
);

-- Only ever added to: see the grants.
CREATE TABLE crm.order_events (
    tenant_id UUID NOT NULL,
    order_id UUID NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    what TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    facts JSONB NOT NULL,
    CONSTRAINT pk_order_events PRIMARY KEY (tenant_id, order_id, id),
    CONSTRAINT fk_order_events_tenant_id_order_id_orders
        FOREIGN KEY (tenant_id, order_id) REFERENCES crm.orders (tenant_id, id)
);

-- What each attempt of an order to buy holds of a variant. Its state decides, whoever asks how often.
CREATE TABLE crm.reservations (
    tenant_id UUID NOT NULL,
    order_id UUID NOT NULL,
    attempt INTEGER NOT NULL,
    variant_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    state TEXT NOT NULL,
    CONSTRAINT pk_reservations PRIMARY KEY (tenant_id, order_id, attempt, variant_id),
    CONSTRAINT ck_reservations_sane_quantity CHECK (quantity > 0),
    CONSTRAINT ck_reservations_known_state
        CHECK (state IN ('held', 'released', 'sold', 'restocked')),
    CONSTRAINT fk_reservations_tenant_id_order_id_orders
        FOREIGN KEY (tenant_id, order_id) REFERENCES crm.orders (tenant_id, id),
    CONSTRAINT fk_reservations_tenant_id_variant_id_variants
        FOREIGN KEY (tenant_id, variant_id) REFERENCES crm.variants (tenant_id, id)
);

CREATE INDEX ix_reservations_held ON crm.reservations (tenant_id, variant_id)
    WHERE state = 'held';

CREATE TABLE crm.delivery_terms (
    tenant_id UUID NOT NULL,
    zones JSONB NOT NULL,
    default_fee BIGINT,
    pickup_address TEXT NOT NULL,
    CONSTRAINT pk_delivery_terms PRIMARY KEY (tenant_id)
);

CREATE TABLE crm.discount_rules (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    percent SMALLINT,
    amount BIGINT,
    min_subtotal BIGINT NOT NULL,
    category TEXT,
    starts_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    code TEXT,
    is_active BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_discount_rules PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_discount_rules_tenant_id_code UNIQUE (tenant_id, code),
    CONSTRAINT ck_discount_rules_sane_percent CHECK (percent BETWEEN 1 AND 100),
    CONSTRAINT ck_discount_rules_sane_amount CHECK (amount > 0),
    CONSTRAINT ck_discount_rules_one_of_both CHECK ((percent IS NULL) <> (amount IS NULL))
);

-- Money that a person of the shop has to decide about: each reason is raised once.
CREATE TABLE crm.concerns (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    code TEXT NOT NULL,
    order_id UUID NOT NULL,
    payment_id UUID,
    facts JSONB NOT NULL,
    raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    settled_by TEXT,
    note TEXT NOT NULL,
    CONSTRAINT pk_concerns PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_concerns_tenant_id_order_id_code_payment_id
        UNIQUE NULLS NOT DISTINCT (tenant_id, order_id, code, payment_id),
    CONSTRAINT fk_concerns_tenant_id_order_id_orders
        FOREIGN KEY (tenant_id, order_id) REFERENCES crm.orders (tenant_id, id)
);

-- The last line of defence: what crm_chatbot.domain.orders.order.MOVES does not allow does not happen. A
-- test holds the two together.
CREATE FUNCTION crm.refuse_order_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN (
        ('DRAFT', 'AWAITING_PAYMENT'), ('DRAFT', 'CANCELLED'), ('DRAFT', 'PAID_ATTENTION'),
        ('AWAITING_PAYMENT', 'PAID'), ('AWAITING_PAYMENT', 'PAID_ATTENTION'),
        ('AWAITING_PAYMENT', 'EXPIRED'), ('AWAITING_PAYMENT', 'CANCELLED'),
        ('AWAITING_PAYMENT', 'DRAFT'), ('EXPIRED', 'PAID'), ('EXPIRED', 'PAID_ATTENTION'),
        ('EXPIRED', 'DRAFT'), ('CANCELLED', 'PAID_ATTENTION'), ('PAID', 'FULFILLED'),
        ('PAID', 'PAID_ATTENTION'), ('PAID', 'REFUNDED'), ('PAID_ATTENTION', 'PAID'),
        ('PAID_ATTENTION', 'FULFILLED'), ('PAID_ATTENTION', 'CANCELLED'),
        ('PAID_ATTENTION', 'REFUNDED'), ('FULFILLED', 'REFUNDED'))
    THEN
        RAISE EXCEPTION 'an order that is % cannot become %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_moves';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER order_moves BEFORE UPDATE OF status ON crm.orders
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION crm.refuse_order_moves();

CALL platform.isolate('crm.order_numbers');

CALL platform.isolate('crm.orders');

CALL platform.isolate('crm.order_lines');

CALL platform.isolate('crm.order_events');

CALL platform.isolate('crm.reservations');

CALL platform.isolate('crm.delivery_terms');

CALL platform.isolate('crm.discount_rules');

CALL platform.isolate('crm.concerns');

CREATE FUNCTION crm.tenant_of_order(which uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT tenant_id FROM crm.orders WHERE id = which $$;

-- Orders whose time to be paid has run out, and the grace after it.
CREATE FUNCTION crm.orders_past_their_time(grace double precision, most integer)
    RETURNS TABLE (tenant_id uuid, order_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT o.tenant_id, o.id FROM crm.orders o
           WHERE o.status = 'AWAITING_PAYMENT'
             AND o.expires_at < clock_timestamp() - make_interval(secs => grace)
           ORDER BY o.expires_at LIMIT most $$;

-- What the doctor looks for: nothing, in a healthy system. Ids only; the times are seconds.

-- Variants that promise more, or less, than orders hold, or of which there are fewer than none.
CREATE FUNCTION crm.variants_out_of_balance() RETURNS TABLE (tenant_id uuid, variant_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT v.tenant_id, v.id FROM crm.variants v
            LEFT JOIN (
                SELECT r.tenant_id, r.variant_id, sum(r.quantity) AS quantity
                  FROM crm.reservations r WHERE r.state = 'held'
                 GROUP BY r.tenant_id, r.variant_id) AS held
              ON held.tenant_id = v.tenant_id AND held.variant_id = v.id
           WHERE v.reserved <> coalesce(held.quantity, 0) OR v.on_hand < v.reserved
              OR v.reserved < 0 $$;

-- Variants whose numbers are not what their movements add up to.
CREATE FUNCTION crm.variants_unlike_their_ledger() RETURNS TABLE (tenant_id uuid, variant_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT v.tenant_id, v.id FROM crm.variants v
            LEFT JOIN crm.stock_movements m ON m.tenant_id = v.tenant_id AND m.variant_id = v.id
           GROUP BY v.tenant_id, v.id, v.on_hand, v.reserved
          HAVING v.on_hand <> coalesce(sum(m.on_hand_change), 0)
              OR v.reserved <> coalesce(sum(m.reserved_change), 0) $$;

-- Orders whose total is not what their lines, discounts and delivery come to.
CREATE FUNCTION crm.orders_unlike_their_lines() RETURNS TABLE (tenant_id uuid, order_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT o.tenant_id, o.id FROM crm.orders o
           CROSS JOIN LATERAL (
                SELECT coalesce(sum(l.quantity * l.unit_price), 0) AS goods FROM crm.order_lines l
                 WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id) AS lines
           CROSS JOIN LATERAL (
                SELECT coalesce(sum((d->>'amount')::bigint), 0) AS off
                  FROM jsonb_array_elements(o.discounts) AS d) AS rules
           WHERE o.total <> greatest(lines.goods - rules.off, 0) + coalesce(o.delivery_fee, 0) $$;

-- Orders that still wait to be paid long after their time has run out.
CREATE FUNCTION crm.orders_never_expired(older_than double precision)
    RETURNS TABLE (tenant_id uuid, order_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT o.tenant_id, o.id FROM crm.orders o
           WHERE o.status = 'AWAITING_PAYMENT'
             AND o.expires_at < clock_timestamp() - make_interval(secs => older_than) $$;

-- Orders that do not hold what their status says: sold once it is paid, held while it waits to be.
CREATE FUNCTION crm.orders_without_their_stock() RETURNS TABLE (tenant_id uuid, order_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT o.tenant_id, o.id FROM crm.orders o
           WHERE o.status IN ('PAID', 'FULFILLED', 'AWAITING_PAYMENT')
             AND EXISTS (
                 SELECT FROM crm.order_lines l
                  WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id
                    AND NOT EXISTS (
                        SELECT FROM crm.reservations r
                         WHERE r.tenant_id = l.tenant_id AND r.order_id = l.order_id
                           AND r.attempt = o.reservation AND r.variant_id = l.variant_id
                           AND r.quantity = l.quantity
                           AND r.state = CASE o.status WHEN 'AWAITING_PAYMENT' THEN 'held'
                                                       ELSE 'sold' END)) $$;

-- Reservations that are held for orders which wait for nothing.
CREATE FUNCTION crm.stock_held_for_nothing() RETURNS TABLE (tenant_id uuid, order_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT DISTINCT r.tenant_id, r.order_id FROM crm.reservations r
            JOIN crm.orders o ON o.tenant_id = r.tenant_id AND o.id = r.order_id
           WHERE r.state = 'held' AND (r.attempt <> o.reservation
              OR o.status NOT IN ('AWAITING_PAYMENT', 'PAID_ATTENTION')) $$;

REVOKE EXECUTE ON FUNCTION crm.refuse_order_moves(), crm.tenant_of_order(uuid),
    crm.orders_past_their_time(double precision, integer), crm.variants_out_of_balance(),
    crm.variants_unlike_their_ledger(), crm.orders_unlike_their_lines(),
    crm.orders_never_expired(double precision), crm.orders_without_their_stock(),
    crm.stock_held_for_nothing() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION crm.tenant_of_order(uuid),
    crm.orders_past_their_time(double precision, integer), crm.variants_out_of_balance(),
    crm.variants_unlike_their_ledger(), crm.orders_unlike_their_lines(),
    crm.orders_never_expired(double precision), crm.orders_without_their_stock(),
    crm.stock_held_for_nothing() TO ai_platform;

GRANT SELECT, INSERT, UPDATE, DELETE ON crm.order_numbers, crm.orders, crm.order_lines,
    crm.reservations, crm.delivery_terms, crm.discount_rules, crm.concerns TO ai_platform;

GRANT SELECT, INSERT ON crm.order_events TO ai_platform;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA crm TO ai_platform

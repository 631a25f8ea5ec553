-- WhatsApp: tenants and their conversations (crm), and what is sent for them (waha_sender).
-- Every table of a tenant is isolated by row-level security from its first day.
-- Statements are separated by blank lines.

CREATE SCHEMA IF NOT EXISTS crm;

CREATE SCHEMA IF NOT EXISTS waha_sender;

-- What a config can do besides reading and writing text: customers send pictures and voices.
ALTER TABLE platform.llm_configs
    ADD COLUMN vision BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN transcription_model VARCHAR(255);

-- Whose rows a transaction may see; '' and NULL (nobody set it) both mean nobody's.
CREATE FUNCTION platform.current_tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('app.tenant_id', true), '')::uuid $$;

CREATE FUNCTION platform.looks_across_tenants() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT current_setting('search_path') = 'pg_catalog, of_all_tenants' $$;

-- Isolates a table: rows are seen and written only by transactions of their tenant. FORCE holds the
-- owner to it, too; only its functions look across tenants, those that say so in their search_path.
-- (No such schema exists. A parameter of our own would do as well, but only a superuser may give a
-- function one, and the owner shall not have to be one.)
CREATE PROCEDURE platform.isolate(tenant_table regclass, tenant_column text DEFAULT 'tenant_id')
    LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('CREATE POLICY of_tenant ON %s USING (%I = platform.current_tenant())
                    WITH CHECK (%I = platform.current_tenant())',
                   tenant_table, tenant_column, tenant_column);
    EXECUTE format('CREATE POLICY of_system ON %s TO CURRENT_USER
                    USING (platform.looks_across_tenants())
                    WITH CHECK (platform.looks_across_tenants())', tenant_table);
END $$;

CREATE TABLE crm.tenants (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    prompt TEXT NOT NULL,
    language TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    currency TEXT NOT NULL,
    business_hours JSONB NOT NULL,
    llm_config TEXT NOT NULL,
    quiet_s DOUBLE PRECISION NOT NULL,
    longest_s DOUBLE PRECISION NOT NULL,
    turns_per_hour INTEGER NOT NULL,
    turns_per_day INTEGER NOT NULL,
    handback_after_s INTEGER NOT NULL,
    is_moderated BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_tenants PRIMARY KEY (id),
    CONSTRAINT ck_tenants_known_status CHECK (status IN ('active', 'suspended'))
);

-- How a tenant's WhatsApp is reached. Two services need it and neither owns the other: the kernel's.
CREATE TABLE platform.waha_connections (
    tenant_id UUID NOT NULL,
    session TEXT NOT NULL,
    server_url TEXT,
    api_key BYTEA,
    webhook_secret BYTEA,
    older_webhook_secret BYTEA,
    older_valid_until TIMESTAMP WITH TIME ZONE,
    version INTEGER DEFAULT 1 NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_waha_connections PRIMARY KEY (tenant_id)
);

-- Two tenants in one session of the platform's own server would read each other's chats.
CREATE UNIQUE INDEX uq_waha_connections_session ON platform.waha_connections (session)
    WHERE server_url IS NULL;

CREATE TABLE crm.whatsapp_sessions (
    tenant_id UUID NOT NULL,
    session TEXT NOT NULL,
    status TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    caught_up_at TIMESTAMP WITH TIME ZONE,
    looked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_whatsapp_sessions PRIMARY KEY (tenant_id, session)
);

CREATE TABLE crm.customers (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT,
    language TEXT,
    email TEXT,
    address TEXT,
    notes TEXT,
    opted_out_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_customers PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_customers_tenant_id_tenants FOREIGN KEY (tenant_id) REFERENCES crm.tenants (id)
);

CREATE INDEX ix_customers_id ON crm.customers (id);

CREATE TABLE crm.customer_identities (
    tenant_id UUID NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    customer_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_customer_identities PRIMARY KEY (tenant_id, kind, value),
    CONSTRAINT ck_customer_identities_known_kind CHECK (kind IN ('phone', 'lid')),
    CONSTRAINT fk_customer_identities_tenant_id_customer_id_customers
        FOREIGN KEY (tenant_id, customer_id) REFERENCES crm.customers (tenant_id, id)
);

CREATE INDEX ix_customer_identities_tenant_id_customer_id
    ON crm.customer_identities (tenant_id, customer_id);

CREATE INDEX ix_customer_identities_asked_at ON crm.customer_identities (asked_at NULLS FIRST)
    WHERE kind = 'lid';

CREATE TABLE crm.conversations (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    customer_id UUID NOT NULL,
    session TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    state TEXT NOT NULL,
    mode TEXT NOT NULL,
    mode_reason TEXT,
    mode_since TIMESTAMP WITH TIME ZONE NOT NULL,
    handback_at TIMESTAMP WITH TIME ZONE,
    last_seq BIGINT DEFAULT 0 NOT NULL,
    read_seq BIGINT DEFAULT 0 NOT NULL,
    ready_at TIMESTAMP WITH TIME ZONE,
    first_unanswered_at TIMESTAMP WITH TIME ZONE,
    lease_worker UUID,
    epoch BIGINT DEFAULT 0 NOT NULL,
    last_message_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_inbound_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_conversations PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_conversations_tenant_id_customer_id UNIQUE (tenant_id, customer_id),
    CONSTRAINT ck_conversations_known_mode CHECK (mode IN ('bot', 'human')),
    CONSTRAINT ck_conversations_known_state CHECK (state IN
        ('GREETING', 'BROWSING', 'ORDERING', 'CHECKOUT', 'PAYMENT', 'COMPLETED')),
    CONSTRAINT fk_conversations_tenant_id_customer_id_customers
        FOREIGN KEY (tenant_id, customer_id) REFERENCES crm.customers (tenant_id, id)
)
 WITH (fillfactor = 70);

CREATE INDEX ix_conversations_ready_at ON crm.conversations (ready_at)
    WHERE ready_at IS NOT NULL AND mode = 'bot';

CREATE INDEX ix_conversations_leased ON crm.conversations (lease_worker)
    WHERE lease_worker IS NOT NULL;

CREATE INDEX ix_conversations_handback_at ON crm.conversations (handback_at)
    WHERE handback_at IS NOT NULL;

CREATE INDEX ix_conversations_tenant_id_last_message_at_id
    ON crm.conversations (tenant_id, last_message_at, id);

CREATE INDEX ix_conversations_id ON crm.conversations (id);

CREATE INDEX ix_conversations_with_people ON crm.conversations (tenant_id, last_message_at, id)
    WHERE mode = 'human';

CREATE TABLE crm.messages (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    conversation_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    direction TEXT NOT NULL,
    author TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    content JSONB NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    session TEXT,
    stanza_id TEXT,
    provider_at TIMESTAMP WITH TIME ZONE,
    turn_id UUID,
    wa_ids TEXT[] DEFAULT '{}'::text[] NOT NULL,
    asks INTEGER DEFAULT 0 NOT NULL,
    ask_at TIMESTAMP WITH TIME ZONE,
    reaction TEXT,
    edited_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    sent_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_messages PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_messages_tenant_id_conversation_id_seq UNIQUE (tenant_id, conversation_id, seq),
    CONSTRAINT ck_messages_known_direction CHECK (direction IN ('in', 'out', 'note', 'marker')),
    CONSTRAINT ck_messages_known_state CHECK (state IN ('new', 'covered', 'for_person', 'ignored',
        'queued', 'handed', 'sent', 'failed', 'unknown', 'withdrawn', 'kept')),
    CONSTRAINT fk_messages_tenant_id_conversation_id_conversations
        FOREIGN KEY (tenant_id, conversation_id) REFERENCES crm.conversations (tenant_id, id)
);

CREATE UNIQUE INDEX uq_messages_stanza ON crm.messages (tenant_id, session, stanza_id)
    WHERE stanza_id IS NOT NULL;

CREATE INDEX ix_messages_new ON crm.messages (tenant_id, conversation_id, seq)
    WHERE state = 'new';

CREATE INDEX ix_messages_leaving ON crm.messages (tenant_id, conversation_id, seq)
    WHERE state IN ('queued', 'handed');

CREATE INDEX ix_messages_ask_at ON crm.messages (ask_at) WHERE state IN ('queued', 'handed');

-- Which message left under which id. Not an index over `wa_ids`: a policy lets none be searched by
-- what an array's operators say, for they might tell of the rows that they see.
CREATE TABLE crm.sent_stanzas (
    tenant_id UUID NOT NULL,
    session TEXT NOT NULL,
    stanza_id TEXT NOT NULL,
    message_id UUID NOT NULL,
    CONSTRAINT pk_sent_stanzas PRIMARY KEY (tenant_id, session, stanza_id)
);

-- One row for each webhook that was answered with 200, and what became of it.
CREATE TABLE crm.inbox (
    tenant_id UUID NOT NULL,
    event_key TEXT NOT NULL,
    event TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    chat_id TEXT,
    conversation_id UUID,
    message_id UUID,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_inbox PRIMARY KEY (tenant_id, event_key),
    CONSTRAINT ck_inbox_known_outcome CHECK (outcome IN ('taken', 'ignored'))
);

CREATE INDEX ix_inbox_received_at ON crm.inbox USING brin (received_at);

CREATE TABLE crm.acks (
    tenant_id UUID NOT NULL,
    session TEXT NOT NULL,
    stanza_id TEXT NOT NULL,
    rank SMALLINT NOT NULL,
    error TEXT,
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_acks PRIMARY KEY (tenant_id, session, stanza_id)
);

CREATE INDEX ix_acks_at ON crm.acks USING brin (at);

CREATE TABLE crm.turns (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    conversation_id UUID NOT NULL,
    epoch BIGINT NOT NULL,
    from_seq BIGINT NOT NULL,
    to_seq BIGINT NOT NULL,
    status TEXT NOT NULL,
    outcome TEXT,
    attempts INTEGER DEFAULT 1 NOT NULL,
    failures INTEGER DEFAULT 0 NOT NULL,
    restarts INTEGER DEFAULT 0 NOT NULL,
    has_effects BOOLEAN DEFAULT false NOT NULL,
    model_calls INTEGER DEFAULT 0 NOT NULL,
    tool_calls INTEGER DEFAULT 0 NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_turns PRIMARY KEY (tenant_id, id),
    CONSTRAINT ck_turns_known_status CHECK (status IN
        ('running', 'committed', 'superseded', 'suppressed')),
    CONSTRAINT fk_turns_tenant_id_conversation_id_conversations
        FOREIGN KEY (tenant_id, conversation_id) REFERENCES crm.conversations (tenant_id, id)
);

-- The last line of defence: one turn of a conversation at a time.
CREATE UNIQUE INDEX uq_turns_running ON crm.turns (tenant_id, conversation_id)
    WHERE status = 'running';

CREATE INDEX ix_turns_tenant_id_conversation_id_started_at
    ON crm.turns (tenant_id, conversation_id, started_at);

CREATE TABLE crm.tool_executions (
    tenant_id UUID NOT NULL,
    turn_id UUID NOT NULL,
    call_key TEXT NOT NULL,
    tool TEXT NOT NULL,
    arguments_hash TEXT NOT NULL,
    occurrence INTEGER NOT NULL,
    result JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_tool_executions PRIMARY KEY (tenant_id, turn_id, call_key),
    CONSTRAINT uq_tool_executions_occurrence
        UNIQUE (tenant_id, turn_id, tool, arguments_hash, occurrence),
    CONSTRAINT fk_tool_executions_tenant_id_turn_id_turns
        FOREIGN KEY (tenant_id, turn_id) REFERENCES crm.turns (tenant_id, id)
);

CREATE TABLE crm.checkpoints (
    tenant_id UUID NOT NULL,
    turn_id UUID NOT NULL,
    namespace TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    parent_id TEXT,
    kind TEXT NOT NULL,
    checkpoint BYTEA NOT NULL,
    facts JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_checkpoints PRIMARY KEY (tenant_id, turn_id, namespace, checkpoint_id)
);

CREATE TABLE crm.checkpoint_writes (
    tenant_id UUID NOT NULL,
    turn_id UUID NOT NULL,
    namespace TEXT NOT NULL,
    checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    task_path TEXT NOT NULL,
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    value BYTEA NOT NULL,
    CONSTRAINT pk_checkpoint_writes
        PRIMARY KEY (tenant_id, turn_id, namespace, checkpoint_id, task_id, place)
);

-- Step by step: why did the bot (not) answer?
CREATE TABLE crm.timeline (
    tenant_id UUID NOT NULL,
    conversation_id UUID NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    what TEXT NOT NULL,
    facts JSONB NOT NULL,
    CONSTRAINT pk_timeline PRIMARY KEY (tenant_id, conversation_id, id),
    CONSTRAINT fk_timeline_tenant_id_conversation_id_conversations
        FOREIGN KEY (tenant_id, conversation_id) REFERENCES crm.conversations (tenant_id, id)
);

CREATE INDEX ix_timeline_at ON crm.timeline USING brin (at);

-- Clients' own names for what they had sent by a person, remembered for a day.
CREATE TABLE crm.idempotency_keys (
    tenant_id UUID NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    message_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (tenant_id, scope, key)
);

CREATE INDEX ix_idempotency_keys_tenant_id_created_at
    ON crm.idempotency_keys (tenant_id, created_at);

CREATE TABLE crm.workers (
    id UUID NOT NULL,
    beat_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_workers PRIMARY KEY (id)
);

CREATE TABLE crm.outbox (
    id UUID NOT NULL,
    queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    body BYTEA NOT NULL,
    headers JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp(),
    claimed_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_outbox PRIMARY KEY (id)
);

CREATE INDEX ix_crm_outbox_created_at ON crm.outbox (created_at);

CREATE TABLE waha_sender.deliveries (
    tenant_id UUID NOT NULL,
    message_id UUID NOT NULL,
    part INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    session TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    content JSONB NOT NULL,
    reply_to TEXT,
    is_reply BOOLEAN NOT NULL,
    by_person BOOLEAN NOT NULL,
    headers JSONB DEFAULT '{}'::jsonb NOT NULL,
    state TEXT NOT NULL,
    wa_id TEXT,
    attempts INTEGER DEFAULT 0 NOT NULL,
    error_code TEXT,
    error_detail TEXT,
    available_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    slot_at TIMESTAMP WITH TIME ZONE,
    lease_worker UUID,
    lease_token UUID,
    sending_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_deliveries PRIMARY KEY (tenant_id, message_id, part),
    CONSTRAINT ck_deliveries_known_state CHECK (state IN
        ('waiting', 'sending', 'sent', 'failed', 'unknown', 'withdrawn'))
)
 WITH (fillfactor = 70);

CREATE INDEX ix_deliveries_open ON waha_sender.deliveries (tenant_id, session, chat_id, seq)
    WHERE state IN ('waiting', 'sending');

CREATE INDEX ix_deliveries_due ON waha_sender.deliveries (available_at)
    WHERE state IN ('waiting', 'sending');

CREATE INDEX ix_deliveries_created_at ON waha_sender.deliveries USING brin (created_at);

CREATE TABLE waha_sender.sessions (
    tenant_id UUID NOT NULL,
    session TEXT NOT NULL,
    status TEXT DEFAULT 'UNKNOWN' NOT NULL,
    failures INTEGER DEFAULT 0 NOT NULL,
    paused_until TIMESTAMP WITH TIME ZONE,
    restricted_until TIMESTAMP WITH TIME ZONE,
    tokens DOUBLE PRECISION,
    refilled_at TIMESTAMP WITH TIME ZONE,
    first_sent_at TIMESTAMP WITH TIME ZONE,
    day DATE,
    sent_today INTEGER DEFAULT 0 NOT NULL,
    CONSTRAINT pk_sessions PRIMARY KEY (tenant_id, session)
)
 WITH (fillfactor = 50);

CREATE TABLE waha_sender.chats (
    tenant_id UUID NOT NULL,
    session TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    last_sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_chats PRIMARY KEY (tenant_id, session, chat_id)
)
 WITH (fillfactor = 70);

CREATE TABLE waha_sender.workers (
    id UUID NOT NULL,
    beat_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_workers PRIMARY KEY (id)
);

CREATE TABLE waha_sender.outbox (
    id UUID NOT NULL,
    queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    body BYTEA NOT NULL,
    headers JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp(),
    claimed_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_outbox PRIMARY KEY (id)
);

CREATE INDEX ix_waha_sender_outbox_created_at ON waha_sender.outbox (created_at);

CALL platform.isolate('crm.tenants', 'id');

CALL platform.isolate('platform.waha_connections');

CALL platform.isolate('crm.whatsapp_sessions');

CALL platform.isolate('crm.customers');

CALL platform.isolate('crm.customer_identities');

CALL platform.isolate('crm.conversations');

CALL platform.isolate('crm.messages');

CALL platform.isolate('crm.sent_stanzas');

CALL platform.isolate('crm.inbox');

CALL platform.isolate('crm.acks');

CALL platform.isolate('crm.turns');

CALL platform.isolate('crm.tool_executions');

CALL platform.isolate('crm.checkpoints');

CALL platform.isolate('crm.checkpoint_writes');

CALL platform.isolate('crm.timeline');

CALL platform.isolate('crm.idempotency_keys');

CALL platform.isolate('waha_sender.deliveries');

CALL platform.isolate('waha_sender.sessions');

CALL platform.isolate('waha_sender.chats');

-- What looks across tenants: each of these tells ids, or what only the platform may ask for.
CREATE FUNCTION crm.all_tenants(before uuid, most integer) RETURNS SETOF crm.tenants
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT * FROM crm.tenants WHERE before IS NULL OR id < before
           ORDER BY id DESC LIMIT most $$;

CREATE FUNCTION crm.tenant_of_conversation(conversation uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT tenant_id FROM crm.conversations WHERE id = conversation $$;

CREATE FUNCTION crm.tenant_of_customer(customer uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT tenant_id FROM crm.customers WHERE id = customer $$;

-- The newest conversations of all shops, for those who run the platform. What is NULL is not asked.
CREATE FUNCTION crm.newest_conversations(
    wanted_mode text, wanted_state text, of_customer uuid, is_unread boolean,
    since timestamp with time zone, before_at timestamp with time zone, before_id uuid,
    most integer)
    RETURNS TABLE (tenant_id uuid, conversation_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT newest.tenant_id, newest.id FROM crm.tenants t CROSS JOIN LATERAL (
              SELECT c.tenant_id, c.id, c.last_message_at FROM crm.conversations c
               WHERE c.tenant_id = t.id
                 AND (wanted_mode IS NULL OR c.mode = wanted_mode)
                 AND (wanted_state IS NULL OR c.state = wanted_state)
                 AND (of_customer IS NULL OR c.customer_id = of_customer)
                 AND (since IS NULL OR c.last_message_at >= since)
                 AND (before_at IS NULL OR (c.last_message_at, c.id) < (before_at, before_id))
                 AND (is_unread IS NULL OR is_unread = EXISTS (
                     SELECT FROM crm.messages m WHERE m.tenant_id = c.tenant_id
                        AND m.conversation_id = c.id AND m.seq > c.read_seq
                        AND m.direction = 'in'))
               ORDER BY c.last_message_at DESC, c.id DESC LIMIT most) AS newest
           ORDER BY newest.last_message_at DESC, newest.id DESC LIMIT most $$;

-- Leases conversations that are ready to be answered, no tenant more than `share` at a time. The
-- epoch is the fencing token: what was decided under an older one is not recorded.
CREATE FUNCTION crm.claim_conversations(
    worker uuid, most integer, share integer, patience double precision)
    RETURNS TABLE (tenant_id uuid, conversation_id uuid, epoch bigint)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$
    WITH alive AS MATERIALIZED (
        SELECT w.id FROM crm.workers w
         WHERE w.beat_at > clock_timestamp() - make_interval(secs => patience)),
    busy AS MATERIALIZED (
        SELECT c.tenant_id, count(*) AS held FROM crm.conversations c
         WHERE c.lease_worker IN (SELECT id FROM alive) GROUP BY c.tenant_id),
    ripe AS MATERIALIZED (
        SELECT c.tenant_id, c.id, c.ready_at, coalesce(busy.held, 0)
               + row_number() OVER (PARTITION BY c.tenant_id ORDER BY c.ready_at) AS place
          FROM crm.conversations c LEFT JOIN busy ON busy.tenant_id = c.tenant_id
         WHERE c.ready_at <= clock_timestamp() AND c.mode = 'bot'
           AND (c.lease_worker IS NULL OR c.lease_worker NOT IN (SELECT id FROM alive))
         -- Not by time alone: whoever has thousands waiting must not hide the others' first.
         ORDER BY place, c.ready_at LIMIT 2000),
    chosen AS MATERIALIZED (
        SELECT c.tenant_id, c.id FROM crm.conversations c
          JOIN ripe ON ripe.tenant_id = c.tenant_id AND ripe.id = c.id
         WHERE ripe.place <= share
           AND c.ready_at <= clock_timestamp() AND c.mode = 'bot'
           AND (c.lease_worker IS NULL OR c.lease_worker NOT IN (SELECT id FROM alive))
         ORDER BY ripe.place, ripe.ready_at
         LIMIT most FOR UPDATE OF c SKIP LOCKED)
    UPDATE crm.conversations c SET lease_worker = worker, epoch = c.epoch + 1
      FROM chosen WHERE c.tenant_id = chosen.tenant_id AND c.id = chosen.id
    RETURNING c.tenant_id, c.id, c.epoch $$;

-- When the next conversation becomes ready, if nobody holds it.
CREATE FUNCTION crm.next_ready_in() RETURNS double precision
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT extract(epoch FROM min(ready_at) - clock_timestamp()) FROM crm.conversations
           WHERE ready_at IS NOT NULL AND mode = 'bot' AND lease_worker IS NULL $$;

-- What a worker holds.
CREATE FUNCTION crm.held_conversations(worker uuid)
    RETURNS TABLE (tenant_id uuid, conversation_id uuid, epoch bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT c.tenant_id, c.id, c.epoch FROM crm.conversations c
           WHERE c.lease_worker = worker $$;

-- Lets others take up at once what a worker holds: all of it, or what is named.
CREATE FUNCTION crm.release_conversations(worker uuid, only_these uuid[])
    RETURNS SETOF uuid
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ UPDATE crm.conversations c SET lease_worker = NULL
           WHERE c.lease_worker = worker AND (only_these IS NULL OR c.id = ANY(only_these))
          RETURNING c.id $$;

-- Conversations with a message that should have left, or been heard of, by now.
CREATE FUNCTION crm.overdue_messages(most integer)
    RETURNS TABLE (tenant_id uuid, conversation_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT DISTINCT due.tenant_id, due.conversation_id FROM (
              SELECT m.tenant_id, m.conversation_id FROM crm.messages m
               WHERE m.state IN ('queued', 'handed') AND m.ask_at < clock_timestamp()
               ORDER BY m.ask_at LIMIT most) AS due $$;

-- Conversations that a person has left alone for so long that the bot may take over again.
CREATE FUNCTION crm.due_handbacks(most integer)
    RETURNS TABLE (tenant_id uuid, conversation_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT c.tenant_id, c.id FROM crm.conversations c
           WHERE c.handback_at < clock_timestamp() ORDER BY c.handback_at LIMIT most $$;

-- Conversations whose customers were erased lately: the sender may not have heard of it.
CREATE FUNCTION crm.erased_conversations(within double precision, most integer)
    RETURNS TABLE (tenant_id uuid, conversation_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT c.tenant_id, c.id FROM crm.conversations c
            JOIN crm.customers who ON who.tenant_id = c.tenant_id AND who.id = c.customer_id
             AND who.updated_at > clock_timestamp() - make_interval(secs => within)
           WHERE c.chat_id = 'erased' ORDER BY who.updated_at DESC LIMIT most $$;

-- Sessions of which nobody has looked for so long what WAHA knows and no webhook told us.
CREATE FUNCTION crm.sessions_to_catch_up(older_than double precision, most integer)
    RETURNS TABLE (tenant_id uuid, session text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT c.tenant_id, c.session FROM platform.waha_connections c
            JOIN crm.tenants t ON t.id = c.tenant_id AND t.status = 'active'
            LEFT JOIN crm.whatsapp_sessions s
              ON s.tenant_id = c.tenant_id AND s.session = c.session
           WHERE s.looked_at IS NULL OR s.looked_at
                 < clock_timestamp() - make_interval(secs => older_than)
           ORDER BY s.looked_at NULLS FIRST LIMIT most $$;

-- Hands out hidden identities whose phone number is unknown, each once in so long. Those whose number
-- is known are passed over for as long.
CREATE FUNCTION crm.lids_to_resolve(older_than double precision, most integer)
    RETURNS TABLE (tenant_id uuid, lid text)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$
    WITH ripe AS MATERIALIZED (
        SELECT i.tenant_id, i.value FROM crm.customer_identities i
         WHERE i.kind = 'lid' AND (i.asked_at IS NULL OR i.asked_at
               < clock_timestamp() - make_interval(secs => older_than))
         ORDER BY i.asked_at NULLS FIRST LIMIT most FOR UPDATE SKIP LOCKED),
    asked AS (
        UPDATE crm.customer_identities i SET asked_at = clock_timestamp() FROM ripe
         WHERE i.tenant_id = ripe.tenant_id AND i.kind = 'lid' AND i.value = ripe.value
        RETURNING i.tenant_id, i.value, i.customer_id)
    SELECT asked.tenant_id, asked.value FROM asked
      JOIN crm.tenants t ON t.id = asked.tenant_id AND t.status = 'active'
     WHERE NOT EXISTS (
           SELECT FROM crm.customer_identities p WHERE p.tenant_id = asked.tenant_id
              AND p.customer_id = asked.customer_id AND p.kind = 'phone') $$;

-- Of each of the next three a few rows at a time, and how many there were. What became of webhooks
-- is older than any look into WAHA's history, and messages are known by their stanza ids still.
CREATE FUNCTION crm.forget_webhooks(older_than double precision, most integer) RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$
    WITH heard AS MATERIALIZED (
        SELECT i.ctid FROM crm.inbox i
         WHERE i.received_at < clock_timestamp() - make_interval(secs => older_than)
         LIMIT most FOR UPDATE SKIP LOCKED),
    acked AS MATERIALIZED (
        SELECT a.ctid FROM crm.acks a
         WHERE a.at < clock_timestamp() - make_interval(secs => older_than)
         LIMIT most FOR UPDATE SKIP LOCKED),
    inbox AS (DELETE FROM crm.inbox i USING heard WHERE i.ctid = heard.ctid RETURNING 1),
    acks AS (DELETE FROM crm.acks a USING acked WHERE a.ctid = acked.ctid RETURNING 1)
    SELECT greatest((SELECT count(*) FROM inbox), (SELECT count(*) FROM acks)) $$;

-- With what tools answered: a turn that may be gone on with needs its answers.
CREATE FUNCTION crm.forget_timelines(older_than double precision, most integer) RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$
    WITH noted AS MATERIALIZED (
        SELECT t.ctid FROM crm.timeline t
         WHERE t.at < clock_timestamp() - make_interval(secs => older_than)
         LIMIT most FOR UPDATE SKIP LOCKED),
    done AS MATERIALIZED (
        SELECT e.ctid FROM crm.tool_executions e
         WHERE e.created_at < clock_timestamp() - make_interval(secs => older_than)
           AND NOT EXISTS (SELECT FROM crm.turns t WHERE t.tenant_id = e.tenant_id
                              AND t.id = e.turn_id AND t.status = 'running')
         LIMIT most FOR UPDATE OF e SKIP LOCKED),
    steps AS (DELETE FROM crm.timeline t USING noted WHERE t.ctid = noted.ctid RETURNING 1),
    answers AS (
        DELETE FROM crm.tool_executions e USING done WHERE e.ctid = done.ctid RETURNING 1)
    SELECT greatest((SELECT count(*) FROM steps), (SELECT count(*) FROM answers)) $$;

-- A turn is gone on with as long as it runs and its conversation waits for the bot.
CREATE FUNCTION crm.forget_checkpoints(older_than double precision, most integer) RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$
    WITH orphans AS MATERIALIZED (
        SELECT p.tenant_id, p.turn_id FROM crm.checkpoints p
         GROUP BY p.tenant_id, p.turn_id
        HAVING max(p.created_at) < clock_timestamp() - make_interval(secs => older_than)
           AND NOT EXISTS (
               SELECT FROM crm.turns t JOIN crm.conversations c
                   ON c.tenant_id = t.tenant_id AND c.id = t.conversation_id
                WHERE t.tenant_id = p.tenant_id AND t.id = p.turn_id AND t.status = 'running'
                  AND c.mode = 'bot' AND c.ready_at IS NOT NULL)
         LIMIT most),
    writes AS (
        DELETE FROM crm.checkpoint_writes w USING orphans o
         WHERE w.tenant_id = o.tenant_id AND w.turn_id = o.turn_id),
    gone AS (
        DELETE FROM crm.checkpoints p USING orphans o
         WHERE p.tenant_id = o.tenant_id AND p.turn_id = o.turn_id)
    SELECT count(*) FROM orphans $$;

-- What waits, for the gauges: kinds and times, nobody's words.
CREATE FUNCTION crm.waiting() RETURNS TABLE (what text, since timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT 'conversations', ready_at FROM crm.conversations
           WHERE ready_at < clock_timestamp() AND mode = 'bot'
          UNION ALL
          SELECT 'outbound', created_at FROM crm.messages WHERE state IN ('queued', 'handed') $$;

CREATE FUNCTION waha_sender.waiting() RETURNS TABLE (what text, since timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT 'deliveries', created_at FROM waha_sender.deliveries
           WHERE state IN ('waiting', 'sending') $$;

-- Leases the first open delivery of each chat (a little early is in time: processes read this clock
-- with some delay), unless it is somebody's who is alive; no session
-- more than `share` at a time, and one that is in trouble only a single one, to try it with. What
-- this worker was given without hearing of it (it is not in its hand) is free, too.
CREATE FUNCTION waha_sender.claim_deliveries(
    worker uuid, most integer, share integer, patience double precision, in_hand uuid[])
    RETURNS TABLE (tenant_id uuid, message_id uuid, part integer, lease_token uuid)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$
    WITH others AS MATERIALIZED (
        SELECT w.id FROM waha_sender.workers w
         WHERE w.id <> worker AND w.beat_at > clock_timestamp() - make_interval(secs => patience)),
    held AS MATERIALIZED (
        SELECT d.tenant_id, d.session, count(*) AS many FROM waha_sender.deliveries d
         WHERE d.state IN ('waiting', 'sending')
           AND (d.lease_worker IN (SELECT id FROM others) OR d.lease_token = ANY(in_hand))
         GROUP BY d.tenant_id, d.session),
    ripe AS MATERIALIZED (
        SELECT d.tenant_id, d.message_id, d.part, d.available_at, coalesce(h.many, 0)
               + row_number() OVER (PARTITION BY d.tenant_id, d.session
                                    ORDER BY d.available_at, d.seq) AS place,
               CASE WHEN s.failures > 0 THEN 1 ELSE share END AS room
          FROM waha_sender.deliveries d
          LEFT JOIN waha_sender.sessions s
            ON s.tenant_id = d.tenant_id AND s.session = d.session
          LEFT JOIN held h ON h.tenant_id = d.tenant_id AND h.session = d.session
         WHERE d.state IN ('waiting', 'sending')
           AND d.available_at <= clock_timestamp() + interval '20 milliseconds'
           AND (d.lease_worker IS NULL OR d.lease_worker NOT IN (SELECT id FROM others))
           AND NOT coalesce(d.lease_token = ANY(in_hand), false)
           AND (s.paused_until IS NULL OR s.paused_until <= clock_timestamp())
           AND NOT EXISTS (
               SELECT FROM waha_sender.deliveries earlier
                WHERE earlier.tenant_id = d.tenant_id AND earlier.session = d.session
                  AND earlier.chat_id = d.chat_id AND earlier.seq < d.seq
                  AND earlier.state IN ('waiting', 'sending'))),
    chosen AS MATERIALIZED (
        SELECT d.tenant_id, d.message_id, d.part FROM waha_sender.deliveries d
          JOIN ripe ON ripe.tenant_id = d.tenant_id AND ripe.message_id = d.message_id
                   AND ripe.part = d.part
         WHERE ripe.place <= ripe.room
           AND d.state IN ('waiting', 'sending')
           AND d.available_at <= clock_timestamp() + interval '20 milliseconds'
           AND (d.lease_worker IS NULL OR d.lease_worker NOT IN (SELECT id FROM others))
           AND NOT coalesce(d.lease_token = ANY(in_hand), false)
         ORDER BY ripe.place, ripe.available_at
         LIMIT most FOR UPDATE OF d SKIP LOCKED)
    UPDATE waha_sender.deliveries d
       SET lease_worker = worker, lease_token = gen_random_uuid()
      FROM chosen WHERE d.tenant_id = chosen.tenant_id AND d.message_id = chosen.message_id
                    AND d.part = chosen.part
    RETURNING d.tenant_id, d.message_id, d.part, d.lease_token $$;

-- Messages that could not leave for too long, and are in nobody's hand.
CREATE FUNCTION waha_sender.overdue_messages(
    older_than double precision, most integer, patience double precision)
    RETURNS TABLE (tenant_id uuid, message_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT DISTINCT d.tenant_id, d.message_id FROM waha_sender.deliveries d
           WHERE d.state IN ('waiting', 'sending')
             AND d.created_at < clock_timestamp() - make_interval(secs => older_than)
             AND NOT EXISTS (
                 SELECT FROM waha_sender.workers w WHERE w.id = d.lease_worker
                    AND w.beat_at > clock_timestamp() - make_interval(secs => patience))
           LIMIT most $$;

-- Outcomes that nobody asks for any more, and when chats were last written to: a few at a time, and
-- how many there were. A message of which a part may still leave is spared.
CREATE FUNCTION waha_sender.forget_deliveries(older_than double precision, most integer)
    RETURNS bigint
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$
    WITH old AS MATERIALIZED (
        SELECT d.ctid FROM waha_sender.deliveries d
         WHERE d.state NOT IN ('waiting', 'sending')
           AND d.created_at < clock_timestamp() - make_interval(secs => older_than)
           AND NOT EXISTS (
               SELECT FROM waha_sender.deliveries other
                WHERE other.tenant_id = d.tenant_id AND other.message_id = d.message_id
                  AND other.state IN ('waiting', 'sending'))
         LIMIT most FOR UPDATE OF d SKIP LOCKED),
    quiet AS MATERIALIZED (
        SELECT c.ctid FROM waha_sender.chats c
         WHERE c.last_sent_at < clock_timestamp() - make_interval(secs => older_than)
         LIMIT most FOR UPDATE OF c SKIP LOCKED),
    deliveries AS (
        DELETE FROM waha_sender.deliveries d USING old WHERE d.ctid = old.ctid RETURNING 1),
    chats AS (
        DELETE FROM waha_sender.chats c USING quiet WHERE c.ctid = quiet.ctid RETURNING 1)
    SELECT greatest((SELECT count(*) FROM deliveries), (SELECT count(*) FROM chats)) $$;

-- What the doctor looks for: nothing, in a healthy system. Ids only; the times are seconds.

-- Turns that answered, and nothing was there to be sent.
CREATE FUNCTION crm.turns_without_reply() RETURNS TABLE (tenant_id uuid, turn_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT t.tenant_id, t.id FROM crm.turns t
           WHERE t.status = 'committed' AND t.outcome IN ('answered', 'fallback')
             AND NOT EXISTS (SELECT FROM crm.messages m WHERE m.tenant_id = t.tenant_id
                                AND m.turn_id = t.id AND m.direction = 'out') $$;

-- Turns that answered what another had answered already.
CREATE FUNCTION crm.turns_that_overlap() RETURNS TABLE (tenant_id uuid, turn_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT t.tenant_id, t.id FROM (
              SELECT t.tenant_id, t.id, t.from_seq, max(t.to_seq) OVER (
                         PARTITION BY t.tenant_id, t.conversation_id ORDER BY t.from_seq, t.id
                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS answered
                FROM crm.turns t WHERE t.status = 'committed') AS t
           WHERE t.from_seq <= t.answered $$;

-- Messages whose place another has, too, or that the next message will be given.
CREATE FUNCTION crm.misplaced_messages() RETURNS TABLE (tenant_id uuid, message_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT m.tenant_id, m.id FROM (
              SELECT m.tenant_id, m.id, m.seq, m.conversation_id, lag(m.seq) OVER (
                         PARTITION BY m.tenant_id, m.conversation_id ORDER BY m.seq) AS before
                FROM crm.messages m) AS m
            JOIN crm.conversations c ON c.tenant_id = m.tenant_id AND c.id = m.conversation_id
           WHERE m.seq = m.before OR m.seq > c.last_seq $$;

-- Conversations in which a customer waits for the bot, and no living worker has it in hand.
CREATE FUNCTION crm.conversations_left_waiting(older_than double precision)
    RETURNS TABLE (tenant_id uuid, conversation_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT c.tenant_id, c.id FROM crm.conversations c
            JOIN crm.tenants t ON t.id = c.tenant_id AND t.status = 'active'
           WHERE c.mode = 'bot'
             AND EXISTS (
                 SELECT FROM crm.messages m WHERE m.tenant_id = c.tenant_id
                    AND m.conversation_id = c.id AND m.state = 'new'
                    AND m.created_at < clock_timestamp() - make_interval(secs => older_than))
             AND NOT EXISTS (SELECT FROM crm.workers w WHERE w.id = c.lease_worker
                                AND w.beat_at > clock_timestamp() - interval '1 minute')
             -- What is to be tried again soon is no less under way.
             AND NOT coalesce(c.ready_at BETWEEN clock_timestamp() AND clock_timestamp()
                              + make_interval(secs => older_than), false) $$;

-- Conversations that somebody holds who is long dead, and that others should have taken up.
CREATE FUNCTION crm.conversations_of_the_dead(older_than double precision)
    RETURNS TABLE (tenant_id uuid, conversation_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT c.tenant_id, c.id FROM crm.conversations c
           WHERE c.lease_worker IS NOT NULL AND c.mode = 'bot'
             AND c.ready_at < clock_timestamp() - make_interval(secs => older_than)
             AND NOT EXISTS (
                 SELECT FROM crm.workers w WHERE w.id = c.lease_worker
                    AND w.beat_at > clock_timestamp() - make_interval(secs => older_than)) $$;

-- Deliveries that may have left or not: their time has come, their session may send, nobody looks.
CREATE FUNCTION waha_sender.stuck_deliveries(older_than double precision)
    RETURNS TABLE (tenant_id uuid, message_id uuid, part integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT d.tenant_id, d.message_id, d.part FROM waha_sender.deliveries d
            LEFT JOIN waha_sender.sessions s
              ON s.tenant_id = d.tenant_id AND s.session = d.session
           WHERE d.state = 'sending'
             AND greatest(d.sending_at, d.available_at, s.paused_until)
                 < clock_timestamp() - make_interval(secs => older_than)
             AND NOT EXISTS (SELECT FROM waha_sender.workers w WHERE w.id = d.lease_worker
                                AND w.beat_at > clock_timestamp() - interval '1 minute') $$;

-- Messages of which the sender knows the end, and crm_chatbot does not.
CREATE FUNCTION platform.results_not_applied(older_than double precision)
    RETURNS TABLE (tenant_id uuid, message_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT m.tenant_id, m.id FROM crm.messages m
            JOIN waha_sender.deliveries d ON d.tenant_id = m.tenant_id AND d.message_id = m.id
           WHERE m.state IN ('queued', 'handed')
           GROUP BY m.tenant_id, m.id
          HAVING bool_and(d.state NOT IN ('waiting', 'sending'))
             AND max(d.ended_at) < clock_timestamp() - make_interval(secs => older_than) $$;

-- What the sender still knows of customers that were erased.
CREATE FUNCTION platform.copies_of_the_erased(older_than double precision)
    RETURNS TABLE (tenant_id uuid, customer_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT DISTINCT c.tenant_id, c.customer_id FROM crm.conversations c
            JOIN crm.customers who ON who.tenant_id = c.tenant_id AND who.id = c.customer_id
             AND who.updated_at < clock_timestamp() - make_interval(secs => older_than)
            JOIN crm.messages m ON m.tenant_id = c.tenant_id AND m.conversation_id = c.id
            JOIN waha_sender.deliveries d ON d.tenant_id = m.tenant_id AND d.message_id = m.id
           WHERE c.chat_id = 'erased' AND d.chat_id <> '' $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA crm, waha_sender FROM PUBLIC;

REVOKE EXECUTE ON FUNCTION platform.results_not_applied(double precision),
    platform.copies_of_the_erased(double precision) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION platform.results_not_applied(double precision),
    platform.copies_of_the_erased(double precision) TO ai_platform;

REVOKE EXECUTE ON PROCEDURE platform.isolate(regclass, text) FROM PUBLIC;

GRANT USAGE ON SCHEMA crm, waha_sender TO ai_platform;

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA crm, waha_sender TO ai_platform;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA crm, waha_sender TO ai_platform;

GRANT SELECT, INSERT, UPDATE, DELETE ON platform.waha_connections TO ai_platform;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA crm, waha_sender TO ai_platform

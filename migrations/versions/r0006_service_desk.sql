-- The service desk (crm): labels, quick replies, tickets, and rules that act by themselves.
-- Statements are separated by blank lines.

-- `name_key` is the name as it is compared: however it is written, it is one label.
CREATE TABLE crm.labels (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    color TEXT NOT NULL,
    description TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_labels PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_labels_tenant_id_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT ck_labels_sane_color CHECK (color ~ '^#[0-9a-f]{6}$')
);

CREATE TABLE crm.conversation_labels (
    tenant_id UUID NOT NULL,
    conversation_id UUID NOT NULL,
    label_id UUID NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
    applied_by TEXT NOT NULL,
    CONSTRAINT pk_conversation_labels PRIMARY KEY (tenant_id, conversation_id, label_id),
    CONSTRAINT fk_conversation_labels_tenant_id_conversation_id_conversations
        FOREIGN KEY (tenant_id, conversation_id) REFERENCES crm.conversations (tenant_id, id),
    CONSTRAINT fk_conversation_labels_tenant_id_label_id_labels
        FOREIGN KEY (tenant_id, label_id) REFERENCES crm.labels (tenant_id, id)
);

CREATE INDEX ix_conversation_labels_tenant_id_label_id
    ON crm.conversation_labels (tenant_id, label_id);

CREATE TABLE crm.quick_replies (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    shortcut TEXT NOT NULL,
    content TEXT NOT NULL,
    category TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    uses BIGINT NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_quick_replies PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_quick_replies_tenant_id_shortcut UNIQUE (tenant_id, shortcut)
);

-- `columns`: what each status is called on the board, in the order of the board.
CREATE TABLE crm.ticket_boards (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    columns JSONB NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_ticket_boards PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_ticket_boards_tenant_id_name UNIQUE (tenant_id, name)
);

CREATE UNIQUE INDEX uq_ticket_boards_default ON crm.ticket_boards (tenant_id) WHERE is_default;

CREATE TABLE crm.ticket_numbers (
    tenant_id UUID NOT NULL,
    newest BIGINT NOT NULL,
    CONSTRAINT pk_ticket_numbers PRIMARY KEY (tenant_id)
);

-- `reason`: of tickets that code opens, what they are about; of those that are not over there is
-- one for each reason. `clock_left_s`: how much of its time is left while its clock stands.
CREATE TABLE crm.tickets (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    number BIGINT NOT NULL,
    board_id UUID NOT NULL,
    conversation_id UUID,
    customer_id UUID,
    order_id UUID,
    subject TEXT NOT NULL,
    description TEXT NOT NULL,
    status TEXT NOT NULL,
    priority TEXT NOT NULL,
    assignee_id TEXT,
    resolution TEXT,
    opened_by TEXT NOT NULL,
    reason TEXT,
    due_at TIMESTAMP WITH TIME ZONE,
    clock_left_s INTEGER,
    breached_at TIMESTAMP WITH TIME ZONE,
    resolved_at TIMESTAMP WITH TIME ZONE,
    closed_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_tickets PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_tickets_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT ck_tickets_known_status
        CHECK (status IN ('open', 'in_progress', 'waiting', 'resolved', 'closed')),
    CONSTRAINT ck_tickets_known_priority
        CHECK (priority IN ('none', 'low', 'medium', 'high', 'urgent')),
    CONSTRAINT fk_tickets_tenant_id_board_id_ticket_boards
        FOREIGN KEY (tenant_id, board_id) REFERENCES crm.ticket_boards (tenant_id, id),
    CONSTRAINT fk_tickets_tenant_id_conversation_id_conversations
        FOREIGN KEY (tenant_id, conversation_id) REFERENCES crm.conversations (tenant_id, id),
    CONSTRAINT fk_tickets_tenant_id_customer_id_customers
        FOREIGN KEY (tenant_id, customer_id) REFERENCES crm.customers (tenant_id, id),
    CONSTRAINT fk_tickets_tenant_id_order_id_orders
        FOREIGN KEY (tenant_id, order_id) REFERENCES crm.orders (tenant_id, id)
);

CREATE UNIQUE INDEX uq_tickets_reason ON crm.tickets (tenant_id, reason)
    WHERE reason IS NOT NULL AND status NOT IN ('resolved', 'closed');

CREATE INDEX ix_tickets_tenant_id_conversation_id ON crm.tickets (tenant_id, conversation_id);

CREATE INDEX ix_tickets_tenant_id_order_id ON crm.tickets (tenant_id, order_id);

CREATE INDEX ix_tickets_tenant_id_customer_id ON crm.tickets (tenant_id, customer_id);

CREATE INDEX ix_tickets_due_at ON crm.tickets (due_at)
    WHERE breached_at IS NULL AND status IN ('open', 'in_progress');

CREATE TABLE crm.ticket_comments (
    tenant_id UUID NOT NULL,
    ticket_id UUID NOT NULL,
    id UUID NOT NULL,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_ticket_comments PRIMARY KEY (tenant_id, ticket_id, id),
    CONSTRAINT fk_ticket_comments_tenant_id_ticket_id_tickets
        FOREIGN KEY (tenant_id, ticket_id) REFERENCES crm.tickets (tenant_id, id)
);

-- Only ever added to: see the grants.
CREATE TABLE crm.ticket_events (
    tenant_id UUID NOT NULL,
    ticket_id UUID NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    what TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    facts JSONB NOT NULL,
    CONSTRAINT pk_ticket_events PRIMARY KEY (tenant_id, ticket_id, id),
    CONSTRAINT fk_ticket_events_tenant_id_ticket_id_tickets
        FOREIGN KEY (tenant_id, ticket_id) REFERENCES crm.tickets (tenant_id, id)
);

CREATE TABLE crm.ticket_templates (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    subject_template TEXT NOT NULL,
    description_template TEXT NOT NULL,
    default_priority TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_ticket_templates PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_ticket_templates_tenant_id_name UNIQUE (tenant_id, name),
    CONSTRAINT ck_ticket_templates_known_default_priority
        CHECK (default_priority IN ('none', 'low', 'medium', 'high', 'urgent'))
);

-- Within how many seconds of business hours a ticket of a priority is to be resolved; a priority
-- that is not here has the platform's own time.
CREATE TABLE crm.ticket_targets (
    tenant_id UUID NOT NULL,
    priority TEXT NOT NULL,
    within_s INTEGER,
    CONSTRAINT pk_ticket_targets PRIMARY KEY (tenant_id, priority),
    CONSTRAINT ck_ticket_targets_sane_within_s CHECK (within_s > 0)
);

CREATE TABLE crm.automation_rules (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    place INTEGER NOT NULL,
    "when" JSONB NOT NULL,
    "then" JSONB NOT NULL,
    is_active BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_automation_rules PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_automation_rules_tenant_id_name UNIQUE (tenant_id, name)
);

CALL platform.isolate('crm.labels');

CALL platform.isolate('crm.conversation_labels');

CALL platform.isolate('crm.quick_replies');

CALL platform.isolate('crm.ticket_boards');

CALL platform.isolate('crm.ticket_numbers');

CALL platform.isolate('crm.tickets');

CALL platform.isolate('crm.ticket_comments');

CALL platform.isolate('crm.ticket_events');

CALL platform.isolate('crm.ticket_templates');

CALL platform.isolate('crm.ticket_targets');

CALL platform.isolate('crm.automation_rules');

-- Tickets whose time has run out, and nobody has noted it yet.
CREATE FUNCTION crm.tickets_past_their_time(most integer)
    RETURNS TABLE (tenant_id uuid, ticket_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, of_all_tenants
    AS $$ SELECT t.tenant_id, t.id FROM crm.tickets t
           WHERE t.breached_at IS NULL AND t.status IN ('open', 'in_progress')
             AND t.due_at < clock_timestamp()
           ORDER BY t.due_at LIMIT most $$;

REVOKE EXECUTE ON FUNCTION crm.tickets_past_their_time(integer) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION crm.tickets_past_their_time(integer) TO ai_platform;

GRANT SELECT, INSERT, UPDATE, DELETE ON crm.labels, crm.conversation_labels, crm.quick_replies,
    crm.ticket_boards, crm.ticket_numbers, crm.tickets, crm.ticket_comments, crm.ticket_templates,
    crm.ticket_targets, crm.automation_rules TO ai_platform;

GRANT SELECT, INSERT ON crm.ticket_events TO ai_platform;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA crm TO ai_platform

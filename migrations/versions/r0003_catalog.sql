-- The catalog (crm): products in variants, how many of each there are, and how they are found.
-- Statements are separated by blank lines.

-- How alike two words are. Trusted: the owner of the database may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE crm.products (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    category TEXT,
    image_urls TEXT[] DEFAULT '{}'::text[] NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_products PRIMARY KEY (tenant_id, id),
    CONSTRAINT ck_products_known_status CHECK (status IN ('active', 'archived')),
    CONSTRAINT fk_products_tenant_id_tenants FOREIGN KEY (tenant_id) REFERENCES crm.tenants (id)
);

CREATE TABLE crm.variants (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    product_id UUID NOT NULL,
    place SMALLINT NOT NULL,
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    price BIGINT NOT NULL,
    on_hand BIGINT DEFAULT 0 NOT NULL,
    reserved BIGINT DEFAULT 0 NOT NULL,
    is_active BOOLEAN NOT NULL,
    CONSTRAINT pk_variants PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_variants_tenant_id_sku UNIQUE (tenant_id, sku),
    CONSTRAINT ck_variants_sane_price CHECK (price BETWEEN 0 AND 1000000000000),
    CONSTRAINT ck_variants_never_fewer_than_none CHECK (on_hand >= 0),
    CONSTRAINT ck_variants_none_promised_twice CHECK (reserved >= 0),
    CONSTRAINT ck_variants_no_more_promised_than_there CHECK (reserved <= on_hand),
    CONSTRAINT fk_variants_tenant_id_product_id_products
        FOREIGN KEY (tenant_id, product_id) REFERENCES crm.products (tenant_id, id)
);

CREATE INDEX ix_variants_tenant_id_product_id ON crm.variants (tenant_id, product_id);

CREATE TABLE crm.stock_movements (
    tenant_id UUID NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
    variant_id UUID NOT NULL,
    kind TEXT NOT NULL,
    on_hand_change BIGINT DEFAULT 0 NOT NULL,
    reserved_change BIGINT DEFAULT 0 NOT NULL,
    reason TEXT,
    actor TEXT NOT NULL,
    order_id UUID,
    attempt INTEGER,
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_stock_movements PRIMARY KEY (tenant_id, id),
    CONSTRAINT ck_stock_movements_known_kind CHECK (kind IN (
        'received', 'counted', 'lost', 'returned', 'reserved', 'released', 'sold', 'restocked')),
    CONSTRAINT fk_stock_movements_tenant_id_variant_id_variants
        FOREIGN KEY (tenant_id, variant_id) REFERENCES crm.variants (tenant_id, id)
);

CREATE INDEX ix_stock_movements_tenant_id_variant_id_id
    ON crm.stock_movements (tenant_id, variant_id, id);

-- What an order does to a variant it does once, however often it is asked to.
CREATE UNIQUE INDEX uq_stock_movements_of_order
    ON crm.stock_movements (tenant_id, order_id, attempt, variant_id, kind)
    WHERE order_id IS NOT NULL;

-- A full-text index would be of no use here: under row-level security PostgreSQL asks only operators
-- that can leak nothing before it knows whose a row is, and neither @@ nor % is one; equality is.
CREATE TABLE crm.catalog_words (
    tenant_id UUID NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    product_id UUID NOT NULL,
    weight SMALLINT NOT NULL,
    CONSTRAINT pk_catalog_words PRIMARY KEY (tenant_id, word, product_id),
    CONSTRAINT fk_catalog_words_tenant_id_product_id_products
        FOREIGN KEY (tenant_id, product_id) REFERENCES crm.products (tenant_id, id)
);

CREATE INDEX ix_catalog_words_tenant_id_product_id ON crm.catalog_words (tenant_id, product_id);

CREATE TABLE crm.catalog_spellings (
    tenant_id UUID NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_catalog_spellings PRIMARY KEY (tenant_id, word)
);

CREATE TABLE crm.synonyms (
    tenant_id UUID NOT NULL,
    place INTEGER NOT NULL,
    words TEXT[] NOT NULL,
    CONSTRAINT pk_synonyms PRIMARY KEY (tenant_id, place)
);

CREATE TABLE crm.imports (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    status TEXT NOT NULL,
    on_error TEXT NOT NULL,
    rows INTEGER NOT NULL,
    rows_done INTEGER DEFAULT 0 NOT NULL,
    created INTEGER DEFAULT 0 NOT NULL,
    updated INTEGER DEFAULT 0 NOT NULL,
    unchanged INTEGER DEFAULT 0 NOT NULL,
    mistakes JSONB DEFAULT '[]'::jsonb NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_imports PRIMARY KEY (tenant_id, id),
    CONSTRAINT ck_imports_known_status CHECK (status IN ('running', 'done', 'refused'))
);

CALL platform.isolate('crm.products');

CALL platform.isolate('crm.variants');

CALL platform.isolate('crm.stock_movements');

CALL platform.isolate('crm.catalog_words');

CALL platform.isolate('crm.catalog_spellings');

CALL platform.isolate('crm.synonyms');

CALL platform.isolate('crm.imports');

GRANT SELECT, INSERT, UPDATE, DELETE ON crm.products, crm.variants, crm.catalog_words,
    crm.catalog_spellings, crm.synonyms, crm.imports TO ai_platform;

-- A ledger is only ever added to.
GRANT SELECT, INSERT ON crm.stock_movements TO ai_platform;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA crm TO ai_platform

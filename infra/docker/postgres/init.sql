-- Roles and schemas of a new database; the tables come from `ai-platform migrate`.
-- Run once, by the image's entrypoint, as the superuser POSTGRES_USER in POSTGRES_DB.
\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD

-- What the services may do is granted to this role: they read and write rows, and own nothing.
CREATE ROLE ai_platform NOLOGIN;

-- Owns the tables: only the migration step logs in as it.
CREATE ROLE aip_owner LOGIN PASSWORD :'owner_password'
    NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- What the services log in as: row-level security holds for it.
CREATE ROLE aip_app LOGIN PASSWORD :'app_password' IN ROLE ai_platform
    NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

ALTER DATABASE :"DBNAME" OWNER TO aip_owner;

ALTER SCHEMA public OWNER TO aip_owner;

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS pgcrypto;

CREATE SCHEMA IF NOT EXISTS platform AUTHORIZATION aip_owner;
CREATE SCHEMA IF NOT EXISTS gateway AUTHORIZATION aip_owner;
CREATE SCHEMA IF NOT EXISTS ai_engine AUTHORIZATION aip_owner;
CREATE SCHEMA IF NOT EXISTS crm AUTHORIZATION aip_owner;
CREATE SCHEMA IF NOT EXISTS waha_sender AUTHORIZATION aip_owner;

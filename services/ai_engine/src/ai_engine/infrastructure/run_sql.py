"""What PostgreSQL is told about runs: each claim and each decision is one statement."""

from sqlalchemy import text

from ai_engine.domain.run import GUILTY_AFTER, SUSPECT_AFTER
from shared.infrastructure.database import WITHOUT_THE_DISK
from shared.infrastructure.outbox import HELD_UNTIL

COLUMNS = (
    "job_id, tenant_id, question, headers, lease_token, attempt, error_attempts, crash_attempts, "
    "deadline_at, spent"
)
# Threads are locked by name while their runs are stored, so that `seq` is the order of commits.
# A run that a crash of the server loses is asked for again.
TAKE_NEW = text(f"""
    WITH locked AS MATERIALIZED (
         SELECT count(pg_advisory_xact_lock(hashtextextended(thread, 0)))
           FROM (SELECT unnest(CAST(:threads AS text[])) AS thread ORDER BY 1) AS threads)
    INSERT INTO ai_engine.runs (
           job_id, tenant_id, thread, question, headers, deadline_at, spent, available_at,
           state, worker_id, lease_token, attempt, error_attempts, crash_attempts)
    SELECT job_id, tenant_id, thread, question, headers, deadline_at, '{{}}', clock_timestamp(),
           CASE WHEN thread IS NULL THEN 'RUNNING' ELSE 'WAITING' END,
           CASE WHEN thread IS NULL THEN CAST(:worker AS uuid) END,
           CASE WHEN thread IS NULL THEN gen_random_uuid() END,
           CASE WHEN thread IS NULL THEN 1 ELSE 0 END, 0, 0
      FROM locked, json_populate_recordset(NULL::ai_engine.runs, CAST(:rows AS json))
     ORDER BY job_id
    ON CONFLICT (job_id) DO NOTHING
    RETURNING state, {COLUMNS}, {WITHOUT_THE_DISK}""")  # noqa: S608 - our own words
DUE = """
    SELECT job_id, crash_attempts, available_at FROM ai_engine.runs AS due
     WHERE state = 'WAITING' AND available_at <= statement_timestamp()
       AND (thread IS NULL OR NOT EXISTS (
            SELECT FROM ai_engine.runs AS earlier
             WHERE earlier.thread = due.thread AND earlier.state <> 'DONE'
               AND earlier.seq < due.seq))"""
TAKE = """
    UPDATE ai_engine.runs AS run
       SET state = 'RUNNING', worker_id = :me, lease_token = gen_random_uuid(),
           attempt = attempt + 1"""
TAKE_DUE = text(f"""
    WITH due AS ({DUE} AND crash_attempts < {SUSPECT_AFTER}
                  ORDER BY available_at LIMIT :most FOR UPDATE SKIP LOCKED),
         ranked AS (SELECT job_id, crash_attempts, row_number() OVER (
                           PARTITION BY crash_attempts ORDER BY available_at) AS place FROM due)
    {TAKE}
     WHERE job_id = ANY(ARRAY(
           SELECT job_id FROM ranked
            WHERE place <= (CAST(:rooms AS integer[]))[crash_attempts + 1]))
    RETURNING {COLUMNS}""")  # noqa: S608 - our own words
ANY_SUSPECT = text(f"""
    SELECT EXISTS (
           SELECT FROM ai_engine.runs
            WHERE state = 'WAITING' AND available_at <= statement_timestamp()
              AND crash_attempts >= {SUSPECT_AFTER})""")  # noqa: S608 - our own words
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('ai_engine.suspects'))")
# A reservation is a worker's name on a run that still waits: it ends with the worker.
RESERVE_SUSPECT = text(f"""
    UPDATE ai_engine.runs SET worker_id = :me
     WHERE NOT EXISTS (
           SELECT FROM ai_engine.runs AS other JOIN ai_engine.workers ON id = other.worker_id
            WHERE other.state IN ('WAITING', 'RUNNING') AND other.crash_attempts >= {SUSPECT_AFTER}
              AND id <> :me AND beat_at > clock_timestamp() - make_interval(secs => :patience))
       AND job_id = ANY(ARRAY(
           SELECT job_id FROM ({DUE} AND crash_attempts >= {SUSPECT_AFTER}
                  ORDER BY available_at LIMIT 1 FOR UPDATE SKIP LOCKED) AS suspect))
    RETURNING job_id""")  # noqa: S608 - our own words
TAKE_SUSPECT = text(f"""
    {TAKE}
     WHERE job_id = ANY(ARRAY(
           SELECT job_id FROM ({DUE} AND crash_attempts >= {SUSPECT_AFTER} AND worker_id = :me
                  LIMIT 1 FOR UPDATE) AS chosen))
    RETURNING {COLUMNS}""")  # noqa: S608 - our own words
DECIDE = text(f"""
    WITH new AS MATERIALIZED (
         SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS new (
                job_id uuid, lease_token uuid, state text, spent jsonb, error_attempts integer,
                pause double precision, message_id uuid, answer_kind text, answer bytea,
                headers jsonb)),
    decided AS (
         UPDATE ai_engine.runs AS run
            SET state = new.state, lease_token = NULL, worker_id = NULL, spent = new.spent,
                error_attempts = run.error_attempts + new.error_attempts,
                available_at = clock_timestamp() + make_interval(secs => new.pause),
                answer_kind = new.answer_kind, answer = new.answer
           FROM new
          WHERE run.job_id = new.job_id AND run.lease_token = new.lease_token
            AND run.state = 'RUNNING'
         RETURNING run.job_id),
    told AS (
         INSERT INTO ai_engine.outbox (id, queue, kind, body, headers, claimed_until)
         SELECT message_id, :queue, answer_kind, answer, headers, {HELD_UNTIL}
           FROM new JOIN decided USING (job_id)
          WHERE message_id IS NOT NULL)
    SELECT job_id FROM decided""")  # noqa: S608 - our own words
CANCEL = text("""
    INSERT INTO ai_engine.runs (
           job_id, question, headers, deadline_at, spent, available_at, state, attempt,
           error_attempts, crash_attempts)
    SELECT job_id, '{}', '{}', clock_timestamp(), '{}', clock_timestamp(), 'DONE', 0, 0, 0
      FROM unnest(CAST(:ids AS uuid[])) AS job_id ORDER BY job_id
    ON CONFLICT (job_id) DO UPDATE
       SET state = 'DONE', lease_token = NULL, worker_id = NULL
     WHERE runs.state <> 'DONE'""")
GIVE_UP_THE_GUILTY = text(f"""
    UPDATE ai_engine.runs
       SET state = 'RUNNING', lease_token = gen_random_uuid(), worker_id = :me
     WHERE state = 'WAITING' AND crash_attempts >= {GUILTY_AFTER}
    RETURNING {COLUMNS}""")  # noqa: S608 - our own words
TAKE_OVER = text("""
    UPDATE ai_engine.runs AS run
       SET state = 'WAITING', worker_id = NULL, lease_token = NULL,
           crash_attempts = crash_attempts + 1, available_at = clock_timestamp()
     WHERE job_id = ANY(ARRAY(
           SELECT job_id FROM ai_engine.runs AS held
            WHERE state = 'RUNNING' AND NOT EXISTS (
                  SELECT FROM ai_engine.workers AS worker
                   WHERE worker.id = held.worker_id
                     AND worker.beat_at > clock_timestamp() - make_interval(secs => :patience))
            ORDER BY job_id FOR UPDATE SKIP LOCKED))
    RETURNING job_id""")

RELEASE = """
    UPDATE ai_engine.runs
       SET state = 'WAITING', worker_id = NULL, lease_token = NULL,
           available_at = clock_timestamp()
     WHERE worker_id = :me AND state = 'RUNNING'"""

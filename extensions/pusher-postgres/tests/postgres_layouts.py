"""The tables as earlier versions of the driver made them, with something in them."""

FIRST = """
CREATE SCHEMA fustor;
CREATE TABLE fustor._fustor_meta (version integer NOT NULL);
INSERT INTO fustor._fustor_meta VALUES (1);
CREATE TABLE fustor._fustor_tasks (
    number integer GENERATED ALWAYS AS IDENTITY UNIQUE, task text COLLATE "C" PRIMARY KEY, nonce text NOT NULL,
    session_id text NOT NULL GENERATED ALWAYS AS (number::text || '-' || nonce) STORED,
    session integer NOT NULL DEFAULT 0, phase text NOT NULL DEFAULT 'snapshot', committed bigint NOT NULL DEFAULT -1,
    told bigint NOT NULL DEFAULT -1, realtime_index bigint NOT NULL DEFAULT -1,
    snapshot_index bigint NOT NULL DEFAULT -1, snapshot_begun boolean NOT NULL DEFAULT false,
    snapshot_ended boolean NOT NULL DEFAULT false, snapshot_open boolean NOT NULL DEFAULT true,
    has_snapshot_rows boolean NOT NULL DEFAULT false, clock bigint NOT NULL DEFAULT 0,
    floor bigint NOT NULL DEFAULT 0, audits integer NOT NULL DEFAULT 0, audit_since bigint,
    has_facts boolean NOT NULL DEFAULT false, tables_version integer NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE TABLE fustor._fustor_tables (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task integer NOT NULL REFERENCES fustor._fustor_tasks (number),
    event_schema text COLLATE "C" NOT NULL, event_table text COLLATE "C" NOT NULL,
    relation text COLLATE "C" NOT NULL UNIQUE, root text COLLATE "C" NOT NULL, typed boolean NOT NULL DEFAULT false,
    UNIQUE (task, event_schema, event_table)
);
CREATE TABLE fustor._fustor_facts (
    task integer NOT NULL, path text COLLATE "C" NOT NULL, at bigint, below bigint, told double precision,
    dark boolean, audit integer, seen smallint, PRIMARY KEY (task, path)
);
CREATE TABLE fustor._fustor_dead_letters (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task text NOT NULL, session_id text NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT now(), event_schema text NOT NULL, event_table text NOT NULL,
    event_type text NOT NULL, message_source text NOT NULL, event_index bigint NOT NULL, path text,
    row text NOT NULL, reason text NOT NULL
);
INSERT INTO fustor._fustor_tasks (task, nonce, session, phase, committed, told, realtime_index, snapshot_begun,
    snapshot_ended, snapshot_open, clock, floor, audits, audit_since, tables_version)
VALUES ('task', 'nonce', 1, 'audit', 7, -1, 7, true, true, false, 3, 2, 1, 2, 5);
INSERT INTO fustor._fustor_tables (task, event_schema, event_table, relation, root, typed) VALUES
    (1, 'public', 'users', 'public_users', '/public/users', true), (1, 'public', '', 'public', '/', false);
INSERT INTO fustor._fustor_facts (task, path, at, audit, seen) VALUES (1, '/public/users/9', 3, 1, 1);
"""
_TABLE = """
CREATE TABLE fustor.{name} (
    path text COLLATE "C" PRIMARY KEY, mtime double precision, size bigint, is_directory boolean NOT NULL,
    parent_path text COLLATE "C", parent_mtime double precision, is_atomic_write boolean, audit_skipped boolean,
    record jsonb, extra jsonb, message_source text NOT NULL, event_index bigint NOT NULL, _at bigint, _below bigint,
    _session integer, _told double precision, _dark boolean, _audit integer, _seen smallint
);
"""
FIRST += _TABLE.format(name="public_users") + _TABLE.format(name="public")
FIRST += """
ALTER TABLE fustor.public_users ADD COLUMN id bigint, ADD COLUMN name text;
INSERT INTO fustor.public_users (path, mtime, size, is_directory, message_source, event_index, _session, _audit, _seen,
    id, name)
SELECT '/public/users/' || n, 1, 1, false, 'snapshot', -1, 1, 1, 1, n, 'name ' || n FROM generate_series(1, 3) AS n;
INSERT INTO fustor.public (path, is_directory, message_source, event_index)
VALUES ('/public', true, 'snapshot', -1), ('/public/users', true, 'snapshot', -1);
"""

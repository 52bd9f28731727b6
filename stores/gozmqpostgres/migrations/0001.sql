-- The schema of gozmqpostgres, version 1.

-- A queue, and who owns it: its owner may write until expires, by the clock of this
-- server, and as long as nobody else has raised fence.
CREATE TABLE queues (
	name    text PRIMARY KEY,
	fence   bigint NOT NULL DEFAULT 0,
	owner   text,
	expires timestamptz
);

-- The records of all queues. In texts, a backslash, NUL and each byte that is not of
-- valid UTF-8 are written as \ and two hexadecimal digits. A damaged record has the
-- state "damaged".
CREATE TABLE tasks (
	queue        text NOT NULL,
	id           bytea NOT NULL,
	seq          bigint GENERATED ALWAYS AS IDENTITY,
	state        text NOT NULL,
	procedure    text NOT NULL,
	attempts     bigint NOT NULL DEFAULT 0,
	max_attempts bigint NOT NULL DEFAULT 0,
	priority     bigint NOT NULL DEFAULT 0,
	batch        bytea,
	key          text NOT NULL DEFAULT '',
	unique_key   text NOT NULL DEFAULT '',
	unique_until timestamptz,
	lease        interval NOT NULL DEFAULT '0',
	retain       interval NOT NULL DEFAULT '0',
	enqueued     timestamptz,
	not_before   timestamptz,
	expires      timestamptz,
	ended        timestamptz,
	code         integer NOT NULL DEFAULT 0,
	reason       text NOT NULL DEFAULT '',
	header       bytea,
	body         bytea,
	result       bytea,
	PRIMARY KEY (id, queue)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

CREATE UNIQUE INDEX tasks_order ON tasks (queue, seq);

-- Tasks that their users have inserted in transactions of their own, and that no
-- owner of the queue has taken yet.
CREATE TABLE arrivals (
	queue text NOT NULL,
	seq   bigint NOT NULL,
	PRIMARY KEY (queue, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

package gozmqpostgres

import "strings"

// statements are the SQL of a queue, with the names of its schema. $1 is always the
// queue's name.
type statements struct {
	look, introduce, acquire, renew, refence, release, hung string
	load, place, loadOne, setAside                          string
	enqueue, enqueuePlain, enqueueOne, arrivals, taken      string

	fenced, put, putPlain, update, delete string // parts of a change
}

// columns are a record's columns, in the order in which a scanner reads them.
const columns = `t.id, t.state, t.procedure, t.attempts, t.max_attempts, t.priority, t.batch, t.key, t.unique_key, t.unique_until,
	t.lease, t.retain,
	t.enqueued, t.not_before, t.expires, t.ended, t.code, t.reason, t.header, t.body, t.result`

// putColumns are the columns of a new record, in the order of putArrays.
const putColumns = `queue, id, state, procedure, attempts, max_attempts, priority, batch, key, unique_key, unique_until,
	lease, retain, enqueued, not_before, expires, ended, code, reason, header, body, result`

func newStatements(q Queue) statements {
	names := strings.NewReplacer("queues!", q.table("queues"), "tasks!", q.table("tasks"), "arrivals!", q.table("arrivals"))
	var s statements
	for text, to := range map[string]*string{
		lookSQL: &s.look, introduceSQL: &s.introduce, acquireSQL: &s.acquire, renewSQL: &s.renew, refenceSQL: &s.refence, releaseSQL: &s.release, hungSQL: &s.hung,
		loadSQL: &s.load, placeSQL: &s.place, loadOneSQL: &s.loadOne, setAsideSQL: &s.setAside,
		enqueueSQL: &s.enqueue, enqueuePlainSQL: &s.enqueuePlain, enqueueOneSQL: &s.enqueueOne, arrivalsSQL: &s.arrivals, takenSQL: &s.taken,
		fencedSQL: &s.fenced, putSQL: &s.put, putPlainSQL: &s.putPlain, updateSQL: &s.update, deleteSQL: &s.delete,
	} {
		*to = names.Replace(text)
	}
	return s
}

// Ownership. A change holds the queue's row FOR KEY SHARE: so another fence waits
// for it, and it for another fence, which is set by those who hold the row FOR
// UPDATE. The renewal of a lease does not wait for a change, which may take longer
// than the lease.
const (
	// lookSQL says whether the queue can be had, and how long its lease still
	// lasts.
	lookSQL = `SELECT owner IS NULL OR owner = $2 OR expires <= clock_timestamp(),
		coalesce((extract(epoch FROM expires - clock_timestamp()) * 1000000)::bigint, 0)
	FROM queues! WHERE name = $1`

	// acquireSQL makes $2 the owner for $3 microseconds, if there is no other one.
	acquireSQL = `WITH free AS MATERIALIZED (
		SELECT name FROM queues! WHERE name = $1 AND (owner IS NULL OR owner = $2 OR expires <= clock_timestamp()) FOR UPDATE
	) UPDATE queues! q SET fence = q.fence + 1, owner = $2, expires = clock_timestamp() + $3 * interval '1 microsecond'
	FROM free WHERE q.name = free.name RETURNING q.fence`

	// introduceSQL makes the queue.
	introduceSQL = `INSERT INTO queues! (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`

	// renewSQL renews the lease of $2, which may have expired if no other session
	// owns the queue.
	renewSQL = `UPDATE queues! SET expires = clock_timestamp() + $3 * interval '1 microsecond'
	WHERE name = $1 AND owner = $2`

	// refenceSQL gives the owner a new fence, so that no change under the old one
	// is made from now on.
	refenceSQL = `WITH own AS MATERIALIZED (SELECT name FROM queues! WHERE name = $1 AND owner = $2 FOR UPDATE)
	UPDATE queues! q SET fence = q.fence + 1 FROM own WHERE q.name = own.name RETURNING q.fence`

	// releaseSQL ends the ownership, and notifies standby sessions.
	releaseSQL = `WITH released AS (
		UPDATE queues! SET owner = NULL, expires = NULL WHERE name = $1 AND owner = $2 RETURNING 1
	) SELECT pg_notify($3, $4) FROM released`

	// hungSQL ends sessions that hold the queue's row although its lease has ended,
	// and wait for a client: the end of its change did not reach the server.
	hungSQL = `SELECT count(pg_terminate_backend(a.pid)) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
	WHERE l.relation = 'queues!'::regclass AND l.mode = 'RowShareLock' AND l.granted
		AND a.pid <> pg_backend_pid() AND a.usename = current_user AND a.application_name = $2
		AND a.wait_event = 'ClientRead' AND a.state_change < clock_timestamp() - interval '500 milliseconds'
		AND EXISTS (SELECT FROM queues! WHERE name = $1 AND expires <= clock_timestamp())`
)

// Reading.
const (
	// notArrived leaves tasks out that Feed hands out. The first look saves one for
	// each record where there are none.
	notArrived = `NOT (EXISTS (SELECT FROM arrivals! WHERE queue = $1)
		AND EXISTS (SELECT FROM arrivals! a WHERE a.queue = t.queue AND a.seq = t.seq))`

	// loadSQL reads a page of the records after the place $2.
	loadSQL = `SELECT t.seq, ` + columns + ` FROM tasks! t WHERE t.queue = $1 AND t.seq > $2 AND t.state <> 'damaged'
		AND ` + notArrived + `
	ORDER BY t.seq LIMIT $3`

	// placeSQL reads only the places and ids of the same records.
	placeSQL = `SELECT t.seq, t.id FROM tasks! t WHERE t.queue = $1 AND t.seq > $2 AND t.state <> 'damaged'
		AND ` + notArrived + `
	ORDER BY t.seq LIMIT $3`

	loadOneSQL = `SELECT t.seq, ` + columns + ` FROM tasks! t WHERE t.queue = $1 AND t.seq = $2`

	// setAsideSQL makes the record at place $3 a damaged one.
	setAsideSQL = `WITH owner AS MATERIALIZED (` + fencedSQL + `)
	UPDATE tasks! t SET state = 'damaged', reason = t.state || ': ' || $4::text
	FROM owner WHERE t.queue = $1 AND t.seq = $3 AND t.state <> 'damaged'`
)

// Writing. A change is one statement, so that no session of the server waits for
// its rest with a lock; the fence is checked in it.
const (
	fencedSQL = `SELECT 1 FROM queues! WHERE name = $1 AND fence = $2 FOR KEY SHARE`

	unnested = `unnest($3::bytea[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bytea[], $10::text[], $11::text[], $12::timestamptz[],
		$13::bigint[], $14::bigint[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::timestamptz[], $19::integer[], $20::text[], $21::bytea[], $22::bytea[], $23::bytea[]
	) WITH ORDINALITY AS p (id, state, procedure, attempts, max_attempts, priority, batch, key, unique_key, unique_until,
		lease, retain, enqueued, not_before, expires, ended, code, reason, header, body, result, place)`

	fromUnnested = `$1, p.id, p.state, p.procedure, p.attempts, p.max_attempts, p.priority, p.batch, p.key, p.unique_key, p.unique_until,
		p.lease * interval '1 microsecond', p.retain * interval '1 microsecond', p.enqueued, p.not_before, p.expires, p.ended, p.code, p.reason, p.header, p.body, p.result`

	// putSQL has the parameters 3 to 23.
	putSQL = `INSERT INTO tasks! (` + putColumns + `)
	SELECT ` + fromUnnested + ` FROM owner, ` + unnested + ` ORDER BY p.place ON CONFLICT (id, queue) DO NOTHING`

	// A plain record has seven columns, and the defaults of the others. The number
	// of its arrays is most of a change's cost at the server.
	plainColumns = `queue, state, id, procedure, max_attempts, lease, enqueued, header, body`

	plainUnnested = `unnest($3::bytea[], $4::text[], $5::bigint[], $6::bigint[], $7::timestamptz[], $8::bytea[], $9::bytea[]
	) WITH ORDINALITY AS p (id, procedure, max_attempts, lease, enqueued, header, body, place)`

	fromPlain = `$1, 'waiting', p.id, p.procedure, p.max_attempts, p.lease * interval '1 microsecond', p.enqueued, p.header, p.body`

	// putPlainSQL has the parameters 3 to 9.
	putPlainSQL = `INSERT INTO tasks! (` + plainColumns + `)
	SELECT ` + fromPlain + ` FROM owner, ` + plainUnnested + ` ORDER BY p.place ON CONFLICT (id, queue) DO NOTHING`

	// foundSQL looks up one record by its id. OFFSET makes the planner look up each
	// id separately, whatever its statistics say, and the expression keeps it from
	// using tasks_order, which contains the whole queue. The lock returns the
	// record's present place.
	foundSQL = `LATERAL (SELECT x.ctid AS place FROM tasks! x WHERE x.id = u.id AND x.queue || '' = $1 FOR UPDATE OFFSET 0) found`

	// updateSQL has 9 parameters, which change counts.
	updateSQL = `UPDATE tasks! t SET state = c.state, attempts = c.attempts, not_before = c.not_before, expires = c.expires,
		ended = c.ended, code = c.code, reason = c.reason, result = c.result
	FROM (
		SELECT u.state, u.attempts, u.not_before, u.expires, u.ended, u.code, u.reason, u.result, found.place FROM owner, unnest($a::bytea[], $b::text[], $c::bigint[], $d::timestamptz[], $e::timestamptz[], $f::timestamptz[], $g::integer[], $h::text[], $i::bytea[])
			AS u (id, state, attempts, not_before, expires, ended, code, reason, result), ` + foundSQL + `
	) c WHERE t.ctid = c.place`

	// deleteSQL has one.
	deleteSQL = `DELETE FROM tasks! t USING (
		SELECT found.place FROM owner, unnest($a::bytea[]) AS u (id), ` + foundSQL + `
	) c WHERE t.ctid = c.place`
)

// Tasks of transactions.
const (
	// enqueueSQL inserts tasks and marks them as arrived. $2 is the channel.
	enqueueSQL = `WITH put AS (
		INSERT INTO tasks! (` + putColumns + `) SELECT ` + fromUnnested + ` FROM ` + unnested + ` ORDER BY p.place
		ON CONFLICT (id, queue) DO NOTHING RETURNING queue, seq
	), arrived AS (INSERT INTO arrivals! (queue, seq) SELECT queue, seq FROM put RETURNING 1)
	SELECT pg_notify($2, 'arrived') FROM arrived LIMIT 1`

	// enqueuePlainSQL does so with plain tasks.
	enqueuePlainSQL = `WITH put AS (
		INSERT INTO tasks! (` + plainColumns + `) SELECT ` + fromPlain + ` FROM ` + plainUnnested + ` ORDER BY p.place
		ON CONFLICT (id, queue) DO NOTHING RETURNING queue, seq
	), arrived AS (INSERT INTO arrivals! (queue, seq) SELECT queue, seq FROM put RETURNING 1)
	SELECT pg_notify($2, 'arrived') FROM arrived LIMIT 1`

	// enqueueOneSQL does so with one task and no arrays, which drivers of
	// database/sql do not agree about.
	enqueueOneSQL = `WITH put AS (
		INSERT INTO tasks! (` + putColumns + `) VALUES ($1, $3::bytea, $4::text, $5::text, $6::bigint, $7::bigint, $8::bigint, $9::bytea, $10::text, $11::text, $12::timestamptz,
			$13::bigint * interval '1 microsecond', $14::bigint * interval '1 microsecond', $15::timestamptz, $16::timestamptz, $17::timestamptz, $18::timestamptz,
			$19::integer, $20::text, $21::bytea, $22::bytea, $23::bytea)
		ON CONFLICT (id, queue) DO NOTHING RETURNING queue, seq
	), arrived AS (INSERT INTO arrivals! (queue, seq) SELECT queue, seq FROM put RETURNING 1)
	SELECT pg_notify($2, 'arrived') FROM arrived`

	// arrivalsSQL reads tasks that have arrived, except those at the places $2.
	arrivalsSQL = `SELECT a.seq, ` + columns + ` FROM (
		SELECT queue, seq FROM arrivals! WHERE queue = $1 AND seq <> ALL ($2::bigint[]) ORDER BY seq LIMIT $3
	) a JOIN tasks! t ON t.queue = a.queue AND t.seq = a.seq ORDER BY a.seq`

	// takenSQL removes the marks of tasks with the places $3.
	takenSQL = `WITH owner AS MATERIALIZED (` + fencedSQL + `),
	gone AS (DELETE FROM arrivals! a USING owner WHERE a.queue = $1 AND a.seq = ANY ($3::bigint[]) RETURNING 1)
	SELECT count(*) FROM owner`
)

package gozmqpostgres

import (
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// A scanner reads rows: their place, and columns. It reuses its destinations, so
// that a row costs little more than the memory of its task.
type scanner struct {
	to    []any             // pointers to the following fields
	names map[string]string // procedures, by their escaped form

	seq                                      int64
	id, batch, state                         pgtype.DriverBytes
	texts                                    [4]pgtype.DriverBytes
	attempts, maxAttempts, priority          int64
	lease, retain                            pgtype.Interval
	unique, enqueued, notBefore, expiry, end pgtype.Timestamptz
	code                                     int32
	header, body, result                     []byte
}

func newScanner() *scanner {
	s := &scanner{names: make(map[string]string)}
	s.to = []any{
		&s.seq, &s.id, &s.state, &s.texts[0], &s.attempts, &s.maxAttempts, &s.priority, &s.batch, &s.texts[1], &s.texts[2], &s.unique,
		&s.lease, &s.retain, &s.enqueued, &s.notBefore, &s.expiry, &s.end, &s.code, &s.texts[3], &s.header, &s.body, &s.result,
	}
	return s
}

// scan returns the current row of rows. It returns a row that is not a record of
// this package with Err.
func (s *scanner) scan(rows pgx.Rows) (r row, err error) {
	if err := rows.Scan(s.to...); err != nil {
		return r, err
	}
	r.seq = s.seq
	t := &r.task
	t.ID, t.Batch = string(s.id), string(s.batch)
	t.Attempts, t.MaxAttempts, t.Priority = int(s.attempts), int(s.maxAttempts), int(s.priority)
	t.Code, t.Header, t.Body, t.Result = s.code, s.header, s.body, s.result
	t.Lease, t.Retain = durationOf(s.lease), durationOf(s.retain)
	for i, to := range []*string{&t.Procedure, &t.Key, &t.UniqueKey, &t.Reason} {
		if *to, err = s.text(s.texts[i]); err != nil {
			t.Err = errors.Join(t.Err, err)
		}
	}
	for _, c := range []struct {
		from *pgtype.Timestamptz
		to   *time.Time
	}{{&s.unique, &t.UniqueUntil}, {&s.enqueued, &t.Enqueued}, {&s.notBefore, &t.NotBefore}, {&s.expiry, &t.Expires}, {&s.end, &t.Ended}} {
		if c.from.InfinityModifier != pgtype.Finite {
			t.Err = errors.Join(t.Err, errInfinite)
		} else if c.from.Valid {
			*c.to = c.from.Time
		}
	}
	if t.State, err = stateOf(string(s.state)); err != nil {
		t.Err = errors.Join(t.Err, err)
	}
	if err := checkTask(t); err != nil {
		t.Err = errors.Join(t.Err, err)
	}
	return r, nil
}

var errInfinite = errors.New("a time is infinite")

// maxNames is how many texts a scanner keeps.
const maxNames = 1000

// text returns a text that was escaped. Most tasks have the same few.
func (s *scanner) text(escaped []byte) (string, error) {
	if len(escaped) == 0 {
		return "", nil
	}
	if name, known := s.names[string(escaped)]; known {
		return name, nil
	}
	text, err := unescape(string(escaped))
	if err == nil && len(s.names) < maxNames {
		s.names[string(escaped)] = text
	}
	return text, err
}

// durationOf returns the length of an interval, like extract(epoch FROM …) but
// without leap years.
func durationOf(i pgtype.Interval) time.Duration {
	const day = 24 * time.Hour
	return time.Duration(i.Microseconds)*time.Microsecond + (time.Duration(i.Days)+30*time.Duration(i.Months))*day
}

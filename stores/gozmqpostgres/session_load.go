package gozmqpostgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

const (
	// page is how many records are read at a time.
	page = 10_000
	// readLimit is how long the server may send no record.
	readLimit = 30 * time.Second
)

// Load calls visit with each record (gozmqstore.Session), except tasks from
// Queue.EnqueueTx, which Feed returns. When the connection is lost, it goes on at
// the same place. Damaged records come last, with Err, and get the state "damaged".
func (o *session) Load(ctx context.Context, visit func(gozmqstore.Task) error) error {
	var damaged []row
	after := int64(-1)
	visited := func(r row) error {
		after = r.seq
		if r.task.Err != nil {
			damaged = append(damaged, r)
			return nil
		}
		return visit(r.task)
	}
	for end := false; !end; {
		err := o.retry(ctx, time.Hour, func(ctx context.Context, _ int64) error {
			n, err := o.loadPage(ctx, after, visited)
			end = err == nil && n < page
			return err
		})
		if corrupt(err) {
			end, err = false, o.loadApart(ctx, &after, visited)
		}
		if err != nil {
			return err
		}
	}
	return o.reportDamaged(ctx, damaged, visit)
}

// corrupt reports whether the server cannot read some of its own data.
func corrupt(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && strings.HasPrefix(e.Code, "XX")
}

// loadPage visits the records after a place, and returns their number. It returns
// an error of visited as a *visitError.
func (o *session) loadPage(ctx context.Context, after int64, visited func(row) error) (n int, err error) {
	return o.store.read(ctx, visited, o.store.sql.load, o.store.queue.Name, after, page)
}

// read visits the rows of a statement. A server that sends nothing for readLimit is
// given up.
func (s *Store) read(ctx context.Context, visited func(row) error, sql string, args ...any) (n int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(readLimit, func() { cancel(context.DeadlineExceeded) })
	defer watch.Stop()
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return 0, errors.Join(err, context.Cause(ctx))
	}
	defer rows.Close()
	scanner := newScanner()
	for rows.Next() {
		r, err := scanner.scan(rows)
		if err != nil {
			return n, err
		}
		watch.Stop()
		if err := visited(r); err != nil {
			return n, &visitError{err}
		}
		watch.Reset(readLimit)
		n++
	}
	if err := rows.Err(); err != nil {
		return n, errors.Join(err, context.Cause(ctx))
	}
	return n, nil
}

// A visitError is not the database's.
type visitError struct{ err error }

func (e *visitError) Error() string { return e.err.Error() }

func (e *visitError) Unwrap() error { return e.err }

// loadApart visits the records of a page one by one, with Err for those that the
// server cannot read.
func (o *session) loadApart(ctx context.Context, after *int64, visited func(row) error) error {
	known, err := o.places(ctx, *after)
	if err != nil {
		return o.store.wrap(err)
	}
	for _, r := range known {
		err := o.retry(ctx, readLimit, func(ctx context.Context, _ int64) error {
			_, err := o.store.read(ctx, visited, o.store.sql.loadOne, o.store.queue.Name, r.seq)
			return err
		})
		if corrupt(err) {
			r.task.Err = err
			err = visited(r)
		}
		if err != nil {
			return err
		}
		*after = r.seq
	}
	return nil
}

// places returns the places and the ids of the records of a page.
func (o *session) places(ctx context.Context, after int64) (list []row, err error) {
	rows, err := o.store.pool.Query(ctx, o.store.sql.place, o.store.queue.Name, after, page)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (found row, err error) {
		var id []byte
		err = r.Scan(&found.seq, &id)
		found.task.ID = string(id)
		return found, err
	})
}

// reportDamaged sets damaged records aside, and visits them.
func (o *session) reportDamaged(ctx context.Context, damaged []row, visit func(gozmqstore.Task) error) error {
	for _, r := range damaged {
		text := fmt.Sprintf("record %d of table %s is damaged: %v", r.seq, o.store.queue.table("tasks"), r.task.Err)
		err := o.retry(ctx, readLimit, func(ctx context.Context, fence int64) error {
			_, err := o.store.pool.Exec(ctx, o.store.sql.setAside, o.store.queue.Name, fence, r.seq, escape(r.task.Err.Error()))
			return err
		})
		switch {
		case errors.Is(err, gozmqstore.ErrLost):
			return err
		case err != nil:
			r.task.Err = o.store.wrap(fmt.Errorf("%s. It could not be set aside: %w", text, err))
		default:
			r.task.Err = o.store.wrap(fmt.Errorf("%s. It is set aside with the state %q: push it again, if it is known", text, damagedName))
		}
		if err := visit(r.task); err != nil {
			return err
		}
	}
	return nil
}

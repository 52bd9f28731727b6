package gozmqpostgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// EnqueueTx inserts tasks in a transaction of the caller: the queue's ventilator
// gets them when it commits, and not at all when it is rolled back. Generated
// functions, such as NewThumbnailsRenderTask, make tasks. A caller that does not
// know whether its transaction was committed can repeat it with the same tasks
// while they are not done, because EnqueueTx inserts a task with the same id once.
//
// The tables must exist (Open, Migrate). The user of the transaction needs the
// rights USAGE of the schema, INSERT into tasks and arrivals, and SELECT from
// tasks.
func (q Queue) EnqueueTx(ctx context.Context, tx pgx.Tx, tasks ...gozmqstore.Task) error {
	if len(tasks) == 0 {
		return nil
	}
	if err := q.checkNew(tasks); err != nil {
		return err
	}
	sql := newStatements(q)
	var statement string
	var columns []any
	if list := uniquePut(tasks, nil); allPlain(list) {
		statement, columns = sql.enqueuePlain, newPlainArrays(list).args()
	} else {
		statement, columns = sql.enqueue, newPutArrays(list).args()
	}
	if _, err := tx.Exec(ctx, statement, append([]any{q.Name, q.channel()}, columns...)...); err != nil {
		return q.enqueueError(err)
	}
	return nil
}

// EnqueueSQLTx is EnqueueTx for a transaction of package database/sql, with any
// driver for PostgreSQL.
func (q Queue) EnqueueSQLTx(ctx context.Context, tx *sql.Tx, tasks ...gozmqstore.Task) error {
	if len(tasks) == 0 {
		return nil
	}
	if err := q.checkNew(tasks); err != nil {
		return err
	}
	s := newStatements(q)
	for i := range tasks {
		if _, err := tx.ExecContext(ctx, s.enqueueOne, q.enqueueArgs(&tasks[i])...); err != nil {
			return q.enqueueError(err)
		}
	}
	return nil
}

// enqueueArgs returns the arguments of enqueueOneSQL.
func (q Queue) enqueueArgs(t *gozmqstore.Task) []any {
	return []any{
		q.Name, q.channel(), []byte(t.ID), stateName(t.State), escape(t.Procedure), int64(t.Attempts), int64(t.MaxAttempts), int64(t.Priority),
		optional(t.Batch), escape(t.Key), escape(t.UniqueKey), stamp(t.UniqueUntil), t.Lease.Microseconds(), t.Retain.Microseconds(),
		stamp(t.Enqueued), stamp(t.NotBefore), stamp(t.Expires), stamp(t.Ended), int64(t.Code), escape(t.Reason), t.Header, t.Body, t.Result,
	}
}

func (q Queue) enqueueError(err error) error {
	return fmt.Errorf("enqueue into task queue %q: %w", q.Name, err)
}

// checkNew checks the queue and the tasks to insert.
func (q Queue) checkNew(tasks []gozmqstore.Task) error {
	errs := []error{q.check()}
	for i := range tasks {
		if err := checkTask(&tasks[i]); err != nil {
			errs = append(errs, fmt.Errorf("task %d: %w", i, err))
		}
		if tasks[i].State != gozmqstore.StateWaiting {
			errs = append(errs, fmt.Errorf("task %d has the state %v, want waiting", i, tasks[i].State))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return q.enqueueError(err)
	}
	return nil
}

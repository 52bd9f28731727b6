package gozmqpostgres

import (
	"context"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

const (
	// feedPage is how many tasks are handed out at a time.
	feedPage = 256
	// feedLimit is how long a statement of Feed may take.
	feedLimit = 10 * time.Second
)

// Feed hands out tasks that arrive by Queue.EnqueueTx (gozmqstore.Feeder). What
// take has taken stays in the database as any other task does.
func (o *session) Feed(ctx context.Context, take func(context.Context, []gozmqstore.Task) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(o.ctx, func() { cancel(context.Cause(o.ctx)) })()
	taken := []int64{} // whose marks are still there; nil would be NULL
	for {
		arrived := o.store.arrived.next()
		rows, err := o.arrivals(ctx, taken)
		if err == nil && len(rows) > 0 {
			err = o.hand(ctx, rows, &taken, take)
		}
		if len(taken) > 0 && o.unmark(ctx, taken) == nil {
			taken = taken[:0]
		}
		if ctx.Err() != nil {
			return o.store.wrap(context.Cause(ctx))
		}
		if err == nil && len(rows) == feedPage {
			continue // there may be more
		}
		o.pause(ctx, arrived)
	}
}

// pause waits until tasks may have arrived.
func (o *session) pause(ctx context.Context, arrived <-chan struct{}) {
	timer := time.NewTimer(o.store.config.poll)
	defer timer.Stop()
	select {
	case <-arrived:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// arrivals returns tasks that have arrived, except those in taken.
func (o *session) arrivals(ctx context.Context, taken []int64) (rows []row, err error) {
	err = o.retry(ctx, feedLimit, func(ctx context.Context, _ int64) error {
		rows = rows[:0]
		_, err := o.store.read(ctx, func(r row) error {
			rows = append(rows, r)
			return nil
		}, o.store.sql.arrivals, o.store.queue.Name, taken, feedPage)
		return err
	})
	return rows, err
}

// hand has tasks taken, and notes their places. Damaged ones are set aside.
func (o *session) hand(ctx context.Context, rows []row, taken *[]int64, take func(context.Context, []gozmqstore.Task) error) error {
	tasks, places := make([]gozmqstore.Task, 0, len(rows)), make([]int64, 0, len(rows))
	var damaged []row
	for _, r := range rows {
		places = append(places, r.seq)
		if r.task.Err != nil {
			damaged = append(damaged, r)
			continue
		}
		tasks = append(tasks, r.task)
	}
	err := o.reportDamaged(ctx, damaged, func(t gozmqstore.Task) error {
		tasks = append(tasks, t)
		return nil
	})
	if err == nil && len(tasks) > 0 {
		err = take(ctx, tasks)
	}
	if err == nil {
		*taken = append(*taken, places...)
	}
	return err
}

// unmark notes in the database that tasks were taken. Until it does, they are
// handed out again by the next session; so it does, if it can, when ctx has ended.
func (o *session) unmark(ctx context.Context, places []int64) error {
	return o.retry(context.WithoutCancel(ctx), feedLimit, func(ctx context.Context, fence int64) error {
		return o.fenced(ctx, o.store.sql.taken, []any{o.store.queue.Name, fence, places})
	})
}

var _ gozmqstore.Feeder = (*session)(nil)

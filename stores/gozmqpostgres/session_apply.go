package gozmqpostgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// errFence says that a change had a fence that is not the queue's.
var errFence = errors.New("the fence has moved")

const (
	// slowest is how fast a change is sent at least, in bytes per second; a
	// connection that is slower is given up.
	slowest = 1 << 20
	// retryPause is the pause before a change is made again.
	retryPause = 50 * time.Millisecond
)

// Apply makes a change in one statement and one round trip, together with the check
// that the session owns the queue (gozmqstore.Session). When the connection is lost
// or stalls, it makes the change again, under another fence, until it knows that it
// was made, the session is lost, or ctx ends.
func (o *session) Apply(ctx context.Context, change *gozmqstore.Change) error {
	sql, args, size := o.store.sql.change(change)
	if sql == "" {
		return nil
	}
	args[0] = o.store.queue.Name
	limit := max(2*o.store.config.lease, 5*time.Second) + time.Duration(size/slowest)*time.Second
	return o.retry(ctx, limit, func(ctx context.Context, fence int64) error {
		args[1] = fence
		return o.fenced(ctx, sql, args)
	})
}

// fenced runs a statement that returns 1 if its fence is the queue's.
func (o *session) fenced(ctx context.Context, sql string, args []any) error {
	var owned int
	if err := o.store.pool.QueryRow(ctx, sql, args...).Scan(&owned); err != nil {
		return err
	}
	if owned == 0 {
		return errFence
	}
	return nil
}

// retry calls f until it succeeds, fails with an error that is not a connection
// error, or nothing more can be written. Each call may take limit.
func (o *session) retry(ctx context.Context, limit time.Duration, f func(ctx context.Context, fence int64) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(o.ctx, func() { cancel(context.Cause(o.ctx)) })()
	for {
		fence := o.currentFence()
		err := limited(ctx, limit, func(ctx context.Context) error { return f(ctx, fence) })
		for err != nil {
			if ctx.Err() != nil {
				return o.store.wrap(fmt.Errorf("%w (%w)", context.Cause(ctx), err))
			}
			if !errors.Is(err, errFence) && !passing(err) {
				return o.store.wrap(err)
			}
			if !errors.Is(err, errFence) {
				sleep(ctx, retryPause)
			}
			again := limited(ctx, limit, func(ctx context.Context) error { return o.refence(ctx, fence) })
			if again == nil {
				break
			}
			err = again
		}
		if err == nil {
			return nil
		}
	}
}

func limited(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return f(ctx)
}

// passing reports whether an error is of the connection, or of the server's state:
// the same statement may succeed later, and may even have succeeded.
func passing(err error) bool {
	if errors.Is(err, gozmqstore.ErrLost) || errors.As(err, new(*visitError)) {
		return false
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch e.Code {
		case "40001", "40P01", "55P03", "53300", "25006": // serialization, deadlock, lock, too many connections, read-only
			return true
		}
		return strings.HasPrefix(e.Code, "08") || strings.HasPrefix(e.Code, "57") // connection, shutdown
	}
	var ofNet net.Error
	return errors.As(err, &ofNet) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded) || pgconn.SafeToRetry(err) || pgconn.Timeout(err)
}

// change returns the statement for a change ("" if the change is empty), its
// arguments, the first two of which the caller sets, and their size.
func (s *statements) change(c *gozmqstore.Change) (sql string, args []any, size int) {
	put, update := normalize(c)
	args = make([]any, 2, 33)
	parts := []string{"owner AS MATERIALIZED (" + s.fenced + ")"}
	switch {
	case len(put) == 0:
	case allPlain(put):
		a := newPlainArrays(put)
		args, size = append(args, a.args()...), size+a.size
		parts = append(parts, "put AS ("+s.putPlain+")")
	default:
		a := newPutArrays(put)
		args, size = append(args, a.args()...), size+a.size
		parts = append(parts, "put AS ("+s.put+")")
	}
	if len(update) > 0 {
		var a updateArrays
		for id, status := range update {
			a.add(id, status)
		}
		parts = append(parts, "updated AS ("+numbered(s.update, len(args), 9)+")")
		args, size = append(args, a.args()...), size+a.size
	}
	if len(c.Delete) > 0 {
		ids := make([][]byte, len(c.Delete))
		for i, id := range c.Delete {
			ids[i] = []byte(id)
		}
		parts = append(parts, "deleted AS ("+numbered(s.delete, len(args), 1)+")")
		args, size = append(args, ids), size+64*len(ids)
	}
	if len(parts) == 1 {
		return "", nil, 0
	}
	return "WITH " + strings.Join(parts, ", ") + " SELECT count(*) FROM owner", args, size
}

// numbered replaces $a, $b and so on by the numbers after have.
func numbered(sql string, have, n int) string {
	pairs := make([]string, 0, 2*n)
	for i := range n {
		pairs = append(pairs, fmt.Sprintf("$%c:", 'a'+i), fmt.Sprintf("$%d:", have+1+i))
	}
	return strings.NewReplacer(pairs...).Replace(sql)
}

// normalize returns a change's Put and Update so that no record is in more than one
// part: the parts of a statement do not see each other's changes.
func normalize(c *gozmqstore.Change) (put []*gozmqstore.Task, update map[string]gozmqstore.Status) {
	if len(c.Delete) == 0 && len(c.Update) == 0 {
		return uniquePut(c.Put, nil), nil
	}
	deleted := make(map[string]bool, len(c.Delete))
	for _, id := range c.Delete {
		deleted[id] = true
	}
	put = uniquePut(c.Put, deleted)
	update = make(map[string]gozmqstore.Status, len(c.Update))
	for id, status := range c.Update {
		if !deleted[id] {
			update[id] = status
		}
	}
	for i, t := range put {
		// An existing record, which the repeated change has already made, is
		// updated as well.
		if status, both := update[t.ID]; both {
			changed := *t
			changed.Status = status
			put[i] = &changed
		}
	}
	return put, update
}

func uniquePut(tasks []gozmqstore.Task, deleted map[string]bool) []*gozmqstore.Task {
	put := make([]*gozmqstore.Task, 0, len(tasks))
	for i := range tasks {
		if !deleted[tasks[i].ID] {
			put = append(put, &tasks[i])
		}
	}
	return put
}

package gozmqpostgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// Acquire waits until no other process owns the queue, and takes it
// (gozmqstore.Store). It also waits while the database cannot be reached.
func (s *Store) Acquire(ctx context.Context, standby func()) (gozmqstore.Session, error) {
	token := ownerName()
	for waiting := false; ; {
		freed := s.freed.next()
		session, pause, err := s.tryAcquire(ctx, token)
		switch {
		case err == nil && session != nil:
			return session, nil
		case ctx.Err() != nil:
			return nil, s.wrap(errors.Join(ctx.Err(), err))
		case err != nil && !passing(err):
			return nil, s.wrap(err)
		}
		if !waiting {
			waiting = true
			standby()
		}
		timer := time.NewTimer(pause)
		select {
		case <-freed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// ownerName returns a name for an owner that no other one has, and by which people
// know the process.
func ownerName() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s process %d %s", escape(host), os.Getpid(), rand.Text())
}

// takeLimit is how long to wait for a change of the last owner that is being made.
const takeLimit = time.Second

// tryAcquire returns a session, or how long to wait before the next try.
func (s *Store) tryAcquire(ctx context.Context, token string) (*session, time.Duration, error) {
	pause := min(s.config.poll, s.config.lease)
	ctx, cancel := context.WithTimeout(ctx, max(s.config.lease, time.Second))
	defer cancel()
	var free bool
	var left int64
	err := s.pool.QueryRow(ctx, s.sql.look, s.queue.Name, token).Scan(&free, &left)
	if errors.Is(err, pgx.ErrNoRows) {
		free = true
		_, err = s.pool.Exec(ctx, s.sql.introduce, s.queue.Name)
	}
	if err != nil {
		return nil, pause, err
	}
	if !free {
		return nil, min(pause, time.Duration(left)*time.Microsecond+time.Millisecond), nil
	}
	begun := time.Now()
	var fence int64
	ctx, cancelTake := context.WithTimeout(ctx, takeLimit)
	defer cancelTake()
	err = s.pool.QueryRow(ctx, s.sql.acquire, s.queue.Name, token, s.config.lease.Microseconds()).Scan(&fence)
	switch {
	case errors.Is(err, pgx.ErrNoRows): // another one was faster
		return nil, pause, nil
	case err != nil:
		s.endHung()
		return nil, pause, err
	case time.Since(begun) >= s.config.lease:
		return nil, 0, nil // the lease has ended already
	}
	return s.newSession(token, fence, begun), 0, nil
}

// endHung has the server end what keeps a queue from being taken although its lease
// has ended. It is no matter if that fails: the next try does it again.
func (s *Store) endHung() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = s.pool.Exec(ctx, s.sql.hung, s.queue.Name, s.pool.Config().ConnConfig.RuntimeParams["application_name"])
}

// A session is the ownership of a queue (gozmqstore.Session).
type session struct {
	store *Store
	token string // names the owner in the database
	ctx   context.Context
	lose  context.CancelCauseFunc // ends ctx, and with it all calls
	renew sync.WaitGroup

	mu    sync.Mutex
	fence int64
	until time.Time // end of the lease, as far as it was renewed
}

// newSession returns a session whose lease began at a time, or somewhat later.
func (s *Store) newSession(token string, fence int64, begun time.Time) *session {
	o := &session{store: s, token: token, fence: fence, until: begun.Add(s.config.lease)}
	o.ctx, o.lose = context.WithCancelCause(context.Background())
	o.renew.Go(func() { o.keepLease(begun) })
	return o
}

// Lost returns a channel that is closed when the lease has ended, or the queue has
// another owner. It looks at the clock, because keepLease may be late in a process
// that was stopped (gozmqstore.Session).
func (o *session) Lost() <-chan struct{} {
	o.mu.Lock()
	ended := !time.Now().Before(o.until)
	o.mu.Unlock()
	if ended {
		o.lose(fmt.Errorf("%w, or may have: the lease of %v has ended", gozmqstore.ErrLost, o.store.config.lease))
	}
	return o.ctx.Done()
}

// keepLease renews the lease, three times as often as it has to, until the session
// ends. It ends the session when it cannot.
func (o *session) keepLease(begun time.Time) {
	lease := o.store.config.lease
	for {
		left := time.Until(begun.Add(lease))
		if left <= 0 {
			o.lose(fmt.Errorf("%w, or may have: the lease of %v could not be renewed", gozmqstore.ErrLost, lease))
			return
		}
		sleep(o.ctx, min(left, lease/3))
		if o.ctx.Err() != nil {
			return
		}
		try := time.Now()
		if try.Sub(begun) >= lease {
			continue
		}
		owned, err := o.renewOnce(min(lease/3, begun.Add(lease).Sub(try)))
		switch {
		case err == nil && !owned:
			o.lose(gozmqstore.ErrLost)
			return
		case err == nil:
			begun = try
			o.mu.Lock()
			o.until = begun.Add(lease)
			o.mu.Unlock()
		}
	}
}

// renewOnce reports whether the session still owns the queue.
func (o *session) renewOnce(limit time.Duration) (owned bool, err error) {
	ctx, cancel := context.WithTimeout(o.ctx, limit)
	defer cancel()
	tag, err := o.store.pool.Exec(ctx, o.store.sql.renew, o.store.queue.Name, o.token, o.store.config.lease.Microseconds())
	return tag.RowsAffected() == 1, err
}

// currentFence returns the number that the session's changes must name.
func (o *session) currentFence() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fence
}

// refence gives the session a new fence, different from old, the fence of a change
// with unknown outcome, so that the change can no longer be made later. It returns
// an error when the queue is lost.
func (o *session) refence(ctx context.Context, old int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fence != old {
		return nil
	}
	var fence int64
	err := o.store.pool.QueryRow(ctx, o.store.sql.refence, o.store.queue.Name, o.token).Scan(&fence)
	if errors.Is(err, pgx.ErrNoRows) {
		o.lose(gozmqstore.ErrLost)
		return gozmqstore.ErrLost
	}
	if err == nil {
		o.fence = fence
	}
	return err
}

// releaseLimit is how long Release tries to reach the database. If it cannot, the
// lease ends by itself.
const releaseLimit = 2 * time.Second

// Release gives the queue to the next session, also if ctx has ended
// (gozmqstore.Session).
func (o *session) Release(ctx context.Context) error {
	o.lose(fmt.Errorf("the session was released"))
	o.renew.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(releaseLimit, o.store.config.lease))
	defer cancel()
	_, err := o.store.pool.Exec(ctx, o.store.sql.release, o.store.queue.Name, o.token, o.store.queue.channel(), noticeFreed)
	return o.store.wrap(err)
}

// wrap adds the queue to an error of the database.
func (s *Store) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("task queue %q: %w", s.queue.Name, err)
}

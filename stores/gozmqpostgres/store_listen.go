package gozmqpostgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// relisten is the pause after a connection that listened was lost.
	relisten = 500 * time.Millisecond
	// listenCheck is how often a connection without notifications is tried.
	listenCheck = 15 * time.Second
	// listenAnswer is how long it may take to answer.
	listenAnswer = 5 * time.Second
)

// listen wakes those who wait when the database notifies it, until ctx ends. While
// it has no connection, they have to look for themselves.
func (s *Store) listen(ctx context.Context) {
	for ctx.Err() == nil {
		s.listenOnce(ctx)
		sleep(ctx, relisten)
	}
}

// listenOnce listens with one connection until that fails.
func (s *Store) listenOnce(ctx context.Context) {
	c, err := s.pool.Acquire(ctx)
	if err != nil {
		return
	}
	defer c.Release()
	conn := c.Conn()
	defer func() { // what listens must not go back to the pool
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if execute(ctx, conn, "LISTEN "+pgx.Identifier{s.queue.channel()}.Sanitize()) != nil {
		return
	}
	s.arrived.wake() // for what came before LISTEN
	s.freed.wake()
	for {
		switch notice, err := waitNotice(ctx, conn); {
		case err == nil && notice == noticeFreed:
			s.freed.wake()
		case err == nil:
			s.arrived.wake()
		case ctx.Err() != nil || conn.IsClosed() || execute(ctx, conn, "SELECT 1") != nil:
			return
		}
	}
}

func execute(ctx context.Context, c *pgx.Conn, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, listenAnswer)
	defer cancel()
	_, err := c.Exec(ctx, sql)
	return err
}

func waitNotice(ctx context.Context, c *pgx.Conn) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, listenCheck)
	defer cancel()
	n, err := c.WaitForNotification(ctx)
	if err != nil {
		return "", err
	}
	return n.Payload, nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// A broadcast wakes all who wait. Its zero value is ready for use.
type broadcast struct {
	mu sync.Mutex
	c  chan struct{}
}

// next returns a channel that the next wake closes.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c == nil {
		b.c = make(chan struct{})
	}
	return b.c
}

func (b *broadcast) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c != nil {
		close(b.c)
		b.c = nil
	}
}

package gozmq

import (
	"context"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// guardedStore is a user's store. A panic of it is the error of what was asked of
// it.
type guardedStore struct {
	store    gozmqstore.Store
	observer *observer
}

// Acquire waits for the ownership of the queue (gozmqstore.Store).
func (s guardedStore) Acquire(ctx context.Context, standby func()) (session gozmqstore.Session, err error) {
	err = s.guard("Acquire", func() (err error) {
		session, err = s.store.Acquire(ctx, standby)
		return err
	})
	if err != nil {
		return nil, err
	}
	guarded := guardedSession{session, s}
	if f, ok := session.(gozmqstore.Feeder); ok {
		return guardedFeeder{guarded, f}, nil
	}
	return guarded, nil
}

// guard runs f, and returns its error or its panic.
func (s guardedStore) guard(name string, f func() error) (err error) {
	if panicked := s.observer.guardApart(zmtp.Router, "the store's "+name, "", func() { err = f() }); panicked != nil {
		return panicked
	}
	return err
}

// A guardedSession is a session of a guardedStore.
type guardedSession struct {
	session gozmqstore.Session
	guardedStore
}

// Load calls visit with each record (gozmqstore.Session).
func (s guardedSession) Load(ctx context.Context, visit func(gozmqstore.Task) error) error {
	return s.guard("Load", func() error { return s.session.Load(ctx, visit) })
}

// Apply makes a change durable (gozmqstore.Session).
func (s guardedSession) Apply(ctx context.Context, change *gozmqstore.Change) error {
	return s.guard("Apply", func() error { return s.session.Apply(ctx, change) })
}

// Lost returns what is closed when the queue has another owner
// (gozmqstore.Session).
func (s guardedSession) Lost() <-chan struct{} { return s.session.Lost() }

// Release gives the queue back (gozmqstore.Session).
func (s guardedSession) Release(ctx context.Context) error {
	return s.guard("Release", func() error { return s.session.Release(ctx) })
}

// A guardedFeeder is a guardedSession that gets tasks from elsewhere.
type guardedFeeder struct {
	guardedSession
	feeder gozmqstore.Feeder
}

// Feed calls take with tasks that come from elsewhere (gozmqstore.Feeder).
func (s guardedFeeder) Feed(ctx context.Context, take func(context.Context, []gozmqstore.Task) error) error {
	return s.guard("Feed", func() error { return s.feeder.Feed(ctx, take) })
}

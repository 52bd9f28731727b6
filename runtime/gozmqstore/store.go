// Package gozmqstore defines what keeps the tasks of ventilators with
// DeliveryAtLeastOnce: a Store, which gozmq.WithTaskStore takes. Memory is one in
// memory. Separate modules have others: gozmqbolt in a file, gozmqpostgres in a
// database. Package gozmqstoretest tests them all, and yours.
package gozmqstore

import "context"

// A Store is a queue of tasks that outlives its ventilators. One session owns it
// at a time; the ventilators of other sessions stand by. Its methods may be
// called from any goroutine.
type Store interface {
	// Acquire waits until this process owns the queue, or ctx ends. It calls
	// standby once before it waits for another owner, and not when nobody owns the
	// queue. It returns another error when the queue cannot be used. The caller
	// must Release the session.
	Acquire(ctx context.Context, standby func()) (Session, error)
}

// A Session is the ownership of a queue. Its caller makes one call of Load or
// Apply at a time; Lost and Release may be called meanwhile.
type Session interface {
	// Load calls visit with each record, in the order of their Put, and ends with
	// the first error that visit returns. A ventilator calls it once, before Apply;
	// it may be called again. visit may keep the task. A record that cannot be read
	// is set aside, so that the next Load does not find it; visit is called with
	// its Err, and with what is known of it.
	Load(ctx context.Context, visit func(Task) error) error
	// Apply makes a change durable, all of it or nothing. When it returns an
	// error, the change may have been made, and the caller may make it again. It
	// fails, and has written nothing, when another session has owned the queue
	// since Acquire. The change belongs to the caller again when Apply returns.
	Apply(ctx context.Context, change *Change) error
	// Lost returns a channel that is closed when the session no longer owns the
	// queue, or cannot tell, so that another one may. nil: that never
	// happens before Release. A ventilator calls it before it hands tasks out, so a
	// session that has a lease looks at the clock: a process may have been stopped.
	Lost() <-chan struct{}
	// Release gives the queue to the next session, at once. It is called once,
	// after the last call of Load or Apply has returned, also if Lost is closed.
	Release(ctx context.Context) error
}

// A Feeder is a Session of a queue that gets tasks from elsewhere, too: from
// transactions of a database, for example.
type Feeder interface {
	// Feed calls take with tasks that are durable and that neither Load has
	// visited nor Apply has put, in order, until ctx ends or the session is lost.
	// When take returns an error, Feed calls it later with the same tasks. Feed
	// runs beside Apply.
	Feed(ctx context.Context, take func(context.Context, []Task) error) error
}

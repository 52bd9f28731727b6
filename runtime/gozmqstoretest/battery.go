// Package gozmqstoretest tests implementations of gozmqstore.Store: all of them
// pass the same battery.
//
//	func TestStore(t *testing.T) {
//		gozmqstoretest.Run(t, func(t *testing.T) gozmqstoretest.Queue {
//			path := filepath.Join(t.TempDir(), "tasks.db")
//			return gozmqstoretest.Queue{Open: func(t testing.TB) gozmqstore.Store { ... }}
//		})
//	}
package gozmqstoretest

import (
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// A Queue is a queue under test. Functions that are nil skip their tests.
type Queue struct {
	// Open opens the queue as a process of its own would. The stores that it
	// returns are used side by side. It must not be nil.
	Open func(t testing.TB) gozmqstore.Store
	// Close closes a store that Open has returned, after its session is released.
	// nil: nothing is to be closed.
	Close func(t testing.TB, s gozmqstore.Store)
	// Crash ends a store that has a session as the death of its process does: it
	// releases nothing in order.
	Crash func(t testing.TB, s gozmqstore.Store)
	// Lose takes the ownership from the session of a store that goes on, as a
	// lease that ends does.
	Lose func(t testing.TB, s gozmqstore.Store)
	// Damage makes the record with an id unreadable, while nobody owns the queue.
	Damage func(t testing.TB, id string)
	// TakeOver is how long the next owner may take after a crash or a loss.
	// Default: 5 s.
	TakeOver time.Duration
	// Patience is how long anything else may take. Default: 30 s.
	Patience time.Duration
}

// Run runs the battery. fresh returns an empty queue for each test.
func Run(t *testing.T, fresh func(t *testing.T) Queue) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*kit)
	}{
		{"Fields", testFields},
		{"Order", testOrder},
		{"Again", testAgain},
		{"Unknown", testUnknown},
		{"VisitError", testVisitError},
		{"Big", testBig},
		{"Many", testMany},
		{"Random", testRandom},
		{"Deadlines", testDeadlines},
		{"Standby", testStandby},
		{"OneOwner", testOneOwner},
		{"Stale", testStale},
		{"Crash", testCrash},
		{"Lose", testLose},
		{"Damage", testDamage},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := fresh(t)
			if q.TakeOver == 0 {
				q.TakeOver = 5 * time.Second
			}
			if q.Patience == 0 {
				q.Patience = 30 * time.Second
			}
			test.run(&kit{T: t, queue: q})
		})
	}
}

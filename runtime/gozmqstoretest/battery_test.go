package gozmqstoretest

import (
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// The store in memory passes its battery.
func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) Queue {
		m := new(gozmqstore.Memory)
		return Queue{
			Open:  func(testing.TB) gozmqstore.Store { return m },
			Crash: func(testing.TB, gozmqstore.Store) { m.Revoke() },
			Lose:  func(testing.TB, gozmqstore.Store) { m.Revoke() },
		}
	})
}

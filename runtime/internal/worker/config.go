package worker

import (
	"context"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Config is the configuration of a Worker. Every function must be set.
type Config struct {
	Name        string // in errors
	Socket      link.Config
	AtLeastOnce bool          // the guarantee
	Methods     []*Method     // a bare one is the only one
	Concurrency int           // how many tasks run at once
	Prefetch    int           // how many of a connection are read ahead; -1: the default
	RemoteStop  bool          // ventilators that have dialed may end the worker, too
	Timeout     time.Duration // of a handler; 0: none
	Drain       time.Duration // how long handlers may take when the worker ends
	LingerTime  time.Duration // how long sending the remaining messages may take after that

	// Linger calls a function with a context that ends after that time.
	Linger func(time.Duration, func(context.Context) error) error
	// Observe returns the function to which the connections of a socket of that
	// type report.
	Observe func(zmtp.SocketType) func(link.Event)
	// Closed is called when the connections are, before Run and Close return.
	Closed func()
	// Describe returns the value of Task.Peer for a connection.
	Describe func(*link.Conn) any
	// Unknown returns the error for a task of a method that is none of Methods.
	Unknown func(procedure []byte) error
	// Status encodes the error with which a task failed.
	Status func(error) []byte
	// Unsent returns the error of a task whose result could not be sent. refused
	// says that no sink will take it.
	Unsent func(m *Method, err error, refused bool) error
	// NotRun is the error of a task that was received and not run.
	NotRun error
	// Canceled is the cause with which the context of a task ends that its
	// ventilator cancels.
	Canceled error
}

// results reports whether some method has one.
func (c *Config) results() bool {
	for _, m := range c.Methods {
		if m.Result {
			return true
		}
	}
	return false
}

// ahead returns how many tasks of a connection are read ahead.
func (c *Config) ahead(otherwise int) int {
	if c.Prefetch < 0 {
		return otherwise
	}
	return c.Prefetch
}

package gozmq

import (
	"errors"
	"fmt"
	"time"
)

// Delivery is what a PUSH/PULL pipeline promises of a task. It is an option of
// NewVentilator and NewSink; generated code passes it. Workers, and every
// Method, must have the same.
type Delivery uint8

const (
	// AtMostOnce loses a task that has left for a worker which then dies. On the
	// wire: PUSH and PULL.
	AtMostOnce Delivery = iota
	// AtLeastOnce hands a task out again until a worker has done it and the sink
	// has its result, so that it may be done twice. On the wire: ROUTER and
	// DEALER.
	AtLeastOnce
)

// String returns the guarantee in words.
func (d Delivery) String() string {
	switch d {
	case AtMostOnce:
		return "at most once"
	case AtLeastOnce:
		return "at least once"
	default:
		return fmt.Sprintf("delivery %d", uint8(d))
	}
}

func (d Delivery) applyVentilator(c *ventilatorConfig) { c.delivery = d }
func (d Delivery) applySink(c *sinkConfig)             { c.delivery = d }

func (d Delivery) check() error {
	if d > AtLeastOnce {
		return fmt.Errorf("%v is neither AtMostOnce nor AtLeastOnce", d)
	}
	return nil
}

// onlyAtLeastOnce is the error for an option that has no meaning at most once.
func onlyAtLeastOnce(option string) error {
	return fmt.Errorf("%s is for pipelines with delivery at least once: set delivery: DELIVERY_AT_LEAST_ONCE in the .proto, or leave the option out", option)
}

// VentilatorOptions is several options as one.
type VentilatorOptions []VentilatorOption

func (o VentilatorOptions) applyVentilator(c *ventilatorConfig) {
	for _, opt := range o {
		opt.applyVentilator(c)
	}
}

// SinkOptions is several options as one.
type SinkOptions []SinkOption

func (o SinkOptions) applySink(c *sinkConfig) {
	for _, opt := range o {
		opt.applySink(c)
	}
}

const (
	// DefaultMaxAttempts is how often a task is handed out at most, at least
	// once, unless its annotation says otherwise.
	DefaultMaxAttempts = 20
	// DefaultLease is how long a worker may hold a task without extending its
	// lease, unless the task's annotation says otherwise.
	DefaultLease = time.Minute
)

// checkDelivery holds a method to the guarantee of its pipeline.
func (m *Method) checkDelivery(d Delivery) error {
	if m.Delivery != d {
		return Errorf(CodeFailedPrecondition, "%s is delivered %v, and this end was opened %v: open both ends with the generated constructors", m.Procedure, m.Delivery, d)
	}
	return nil
}

// attempts and lease are the method's, or their defaults.
func (m *Method) attempts() int {
	if m.MaxAttempts == 0 {
		return DefaultMaxAttempts
	}
	return m.MaxAttempts
}

func (m *Method) lease() time.Duration {
	if m.Lease == 0 {
		return DefaultLease
	}
	return m.Lease
}

// GiveUp returns an error that says that a task must not be tried again: with
// delivery at least once a worker's handler returns it to make the task a dead
// letter at once. Any other error, and a panic, is tried again. It wraps err;
// nil stays nil.
func GiveUp(err error) error {
	if err == nil {
		return nil
	}
	return &givenUp{err}
}

type givenUp struct{ err error }

func (g *givenUp) Error() string { return g.err.Error() }
func (g *givenUp) Unwrap() error { return g.err }

func isGivenUp(err error) bool { return errors.As(err, new(*givenUp)) }

package gozmq

import (
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/worker"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// Delivery is the guarantee that a PUSH/PULL pipeline gives for its tasks. It
// is an option of NewVentilator, NewSink and NewPuller. Ventilators, workers,
// sinks and every Method of a pipeline must have the same.
type Delivery uint8

const (
	// DeliveryAtMostOnce never delivers a task again: a task that was sent to a
	// worker is lost if that worker dies. On the wire: PUSH and PULL.
	DeliveryAtMostOnce Delivery = iota
	// DeliveryAtLeastOnce delivers a task again until a worker has done it and
	// the sink has its result. A task may be done more than once. On the wire:
	// ROUTER and DEALER.
	DeliveryAtLeastOnce
)

// String returns the guarantee in words.
func (d Delivery) String() string {
	switch d {
	case DeliveryAtMostOnce:
		return "at most once"
	case DeliveryAtLeastOnce:
		return "at least once"
	default:
		return fmt.Sprintf("delivery %d", uint8(d))
	}
}

// socketType returns the type of a socket that has one with DeliveryAtMostOnce and
// another one with DeliveryAtLeastOnce.
func (d Delivery) socketType(mostOnce, leastOnce zmtp.SocketType) zmtp.SocketType {
	if d == DeliveryAtLeastOnce {
		return leastOnce
	}
	return mostOnce
}

func (d Delivery) check() error {
	if d > DeliveryAtLeastOnce {
		return fmt.Errorf("%v is neither DeliveryAtMostOnce nor DeliveryAtLeastOnce", d)
	}
	return nil
}

// onlyAtLeastOnce is the error for an option that has no meaning with
// DeliveryAtMostOnce.
func onlyAtLeastOnce(option string) error {
	return fmt.Errorf("%s needs DeliveryAtLeastOnce: set delivery: DELIVERY_AT_LEAST_ONCE in the .proto, or leave the option out", option)
}

const (
	// defaultMaxAttempts is the largest number of attempts for a task with
	// DeliveryAtLeastOnce, unless its annotation says otherwise.
	defaultMaxAttempts = 20
	// defaultLease is how long a worker may hold a task without extending its
	// lease, unless the task's annotation says otherwise.
	defaultLease = time.Minute
)

// checkDelivery holds a method to the guarantee of its pipeline.
func (m *Method) checkDelivery(d Delivery) error {
	if m.Delivery != d {
		return Errorf(CodeFailedPrecondition, "%s has delivery %v, and this end was opened with delivery %v: open it with the delivery of the .proto", m.Procedure, m.Delivery, d)
	}
	return nil
}

// attempts and lease are the method's, or their defaults.
func (m *Method) attempts() int {
	if m.MaxAttempts == 0 {
		return defaultMaxAttempts
	}
	return m.MaxAttempts
}

func (m *Method) lease() time.Duration {
	if m.Lease == 0 {
		return defaultLease
	}
	return m.Lease
}

// policy is what the method says of the attempts of its tasks.
func (m *Method) policy() pipeline.Policy {
	return pipeline.Policy{
		Backoff: taskqueue.Backoff{First: m.Backoff, Limit: max(m.Backoff, m.MaxBackoff), Factor: m.BackoffFactor},
		Limits:  taskqueue.MethodLimit{All: taskqueue.Limit(m.Limit), PerKey: taskqueue.Limit(m.KeyLimit)},
	}
}

// Permanent wraps err so that the task that failed with it is not tried again:
// the handler of a worker with DeliveryAtLeastOnce returns it to make the task
// a dead letter at once. After any other error, and after a panic, the task is
// tried again. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &worker.PermanentError{Err: err}
}

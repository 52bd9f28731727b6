package gozmqimpl

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
)

// A Role is what every role of gozmq has beside its own work.
type Role = bridge.Role[gozmq.Event]

// RoleOf returns that of a *gozmq.Conn, Server, Publisher, Subscriber, Ventilator,
// Worker, Sink or Proxy.
func RoleOf[T bridge.Roled[gozmq.Event]](role bridge.Holder[T]) Role { return bridge.Open(role).Role() }

// DescribeWorker describes a worker, unless err, which it returns, is not nil. w
// and err are the results of NewWorker.
func DescribeWorker(w *gozmq.Worker, err error, d protoreflect.Descriptor) (*gozmq.Worker, error) {
	if err == nil {
		Describe(w, d)
	}
	return w, err
}

// Describe notes that a program uses role for a service, or for a message that has
// a topic or is a task. It costs a look-up where the name was noted before.
func Describe[T bridge.Roled[gozmq.Event]](role bridge.Holder[T], d protoreflect.Descriptor) {
	RoleOf(role).Describe(d)
}

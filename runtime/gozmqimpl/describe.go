package gozmqimpl

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
)

// A Role has the methods that all roles of gozmq share.
type Role = bridge.Role[gozmq.Event]

// RoleOf returns the Role of a *gozmq.Conn, Server, Publisher, Subscriber,
// Ventilator, Worker, Sink or Proxy.
func RoleOf[T bridge.Roled[gozmq.Event]](role bridge.Holder[T]) Role { return bridge.Open(role).Role() }

// DescribeWorker describes a worker, unless err, which it returns, is not nil. w
// and err are the results of NewWorker.
func DescribeWorker(w *gozmq.Worker, err error, d protoreflect.Descriptor) (*gozmq.Worker, error) {
	if err == nil {
		Describe(w, d)
	}
	return w, err
}

// Describe records that a program uses role for a service, or for a message that
// has a topic or is a task. For a name that was already recorded it costs one
// look-up.
func Describe[T bridge.Roled[gozmq.Event]](role bridge.Holder[T], d protoreflect.Descriptor) {
	RoleOf(role).Describe(d)
}

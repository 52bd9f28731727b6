package bridge

import "google.golang.org/protobuf/reflect/protoreflect"

// A Role has the methods that all roles of gozmq share. Its methods may be called
// from any goroutine. E is gozmq.Event.
type Role[E any] interface {
	// Describe records that generated code uses the role for a service, or for a
	// message that has a topic or is a task. Each name is recorded once.
	Describe(d protoreflect.Descriptor)
	// Described returns the recorded descriptors, sorted by name.
	Described() []protoreflect.Descriptor
	// Watch calls f with each event of the role from now on, until stop is called.
	// f runs in the goroutine in which the event happens: it must not block, and
	// must not call the role.
	Watch(f func(E)) (stop func())
}

// A Roled gives access to a role's Role.
type Roled[E any] interface{ Role() Role[E] }

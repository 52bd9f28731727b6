package bridge

import "google.golang.org/protobuf/reflect/protoreflect"

// A Role is what every role of gozmq has beside its own work. Its methods may be
// called from any goroutine. E is gozmq.Event.
type Role[E any] interface {
	// Describe notes that generated code uses the role for a service, or for a
	// message that has a topic or is a task. A name is noted once.
	Describe(d protoreflect.Descriptor)
	// Described returns what was noted, sorted by name.
	Described() []protoreflect.Descriptor
	// Watch calls f with each event of the role from now on, until stop is called.
	// f runs where the event happens: it must not block, and must not call the
	// role.
	Watch(f func(E)) (stop func())
}

// A Roled is a part of what every role holds.
type Roled[E any] interface{ Role() Role[E] }

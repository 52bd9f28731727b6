package gozmq

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// A roleState is what each role has beside its sockets (bridge.Role).
type roleState struct {
	mu        sync.Mutex
	described map[protoreflect.FullName]protoreflect.Descriptor

	watchers atomic.Pointer[[]*watcher] // mu is held by those that change it
}

// Describe notes a descriptor under its name. The one that comes first stays.
func (r *roleState) Describe(d protoreflect.Descriptor) {
	if d == nil {
		return
	}
	name := d.FullName()
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.described[name]; known {
		return
	}
	if r.described == nil {
		r.described = make(map[protoreflect.FullName]protoreflect.Descriptor)
	}
	r.described[name] = d
}

// Described returns the descriptors, sorted by name.
func (r *roleState) Described() []protoreflect.Descriptor {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]protoreflect.Descriptor, 0, len(r.described))
	for _, d := range r.described {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b protoreflect.Descriptor) int {
		return strings.Compare(string(a.FullName()), string(b.FullName()))
	})
	return list
}

// A watcher gets the events of a role.
type watcher struct{ call func(Event) }

// Watch adds a watcher. The list is replaced and never changed, because watch
// reads it without a lock.
func (r *roleState) Watch(f func(Event)) (stop func()) {
	w := &watcher{f}
	r.change(func(list []*watcher) []*watcher { return append(list, w) })
	return func() {
		r.change(func(list []*watcher) []*watcher {
			return slices.DeleteFunc(list, func(other *watcher) bool { return other == w })
		})
	}
}

func (r *roleState) change(f func([]*watcher) []*watcher) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := f(slices.Clone(r.watching()))
	r.watchers.Store(&list)
}

// watching returns those that watch now. It may be called on nil.
func (r *roleState) watching() []*watcher {
	if r == nil {
		return nil
	}
	if list := r.watchers.Load(); list != nil {
		return *list
	}
	return nil
}

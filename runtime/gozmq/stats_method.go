package gozmq

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/status"
)

// MethodStats count what a socket has done for one method, or one topic, since it
// was opened.
//
//   - At a client, calls and streams; however many attempts one takes, it counts
//     once. At a server, those that have come, refused ones included.
//   - At a publisher, publications, also those that nobody has subscribed to. At a
//     subscriber, those that a loop was given or a handler has handled.
//   - At a ventilator, tasks that were pushed. At a worker, attempts, as
//     Progress counts them. At a sink, results that a loop was given.
type MethodStats struct {
	Procedure     string // "package.Service/Method"; of a topic, its message's full name; "" for all beyond 1000 methods
	TopicTemplate string // of a topic, such as "weather/{station}"
	Handled       uint64 // without an error
	// Failed are those that ended with an error, by its code; nil: none. What
	// cannot be decoded is one of these.
	Failed map[Code]uint64
}

// A methodCounter counts the operations of one method.
type methodCounter struct {
	method *Method
	status.Outcomes
}

// end counts an operation that has ended with err, nil for success.
func (c *methodCounter) end(err error) {
	if err == nil {
		c.Count(0)
		return
	}
	c.Count(status.Code(CodeOf(err)))
}

// maxCountedMethods is how many methods one socket counts one by one: a program may
// make them up, such as one that calls what others name.
const maxCountedMethods = 1000

// methodCounters are the counters of a socket's methods. The methods may be called
// from any goroutine. The zero value has none.
type methodCounters struct {
	// Those of the first methods, which are found without a look at their names.
	first [2]atomic.Pointer[methodCounter]
	all   atomic.Pointer[map[string]*methodCounter] // by procedure; replaced, never changed

	mu sync.Mutex // of whoever replaces all
}

// of returns the counter of a method. It allocates for a new one only.
func (s *methodCounters) of(m *Method) *methodCounter {
	for i := range s.first {
		switch c := s.first[i].Load(); {
		case c == nil:
			return s.find(m)
		case c.method == m:
			return c
		}
	}
	return s.find(m)
}

// find returns the counter of a method that is not one of the first.
func (s *methodCounters) find(m *Method) *methodCounter {
	if all := s.all.Load(); all != nil {
		if c := (*all)[m.Procedure]; c != nil {
			return c
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]*methodCounter)
	if old := s.all.Load(); old != nil {
		all = maps.Clone(*old)
	}
	if len(all) >= maxCountedMethods {
		m = new(Method)
	}
	if c := all[m.Procedure]; c != nil {
		return c // another goroutine was faster, or there are too many
	}
	c := &methodCounter{method: m}
	if n := len(all); n < len(s.first) {
		s.first[n].Store(c)
	}
	all[m.Procedure] = c
	s.all.Store(&all)
	return c
}

// stats returns what was counted, by procedure.
func (s *methodCounters) stats() []MethodStats {
	var list []MethodStats
	if all := s.all.Load(); all != nil {
		for _, c := range *all {
			list = append(list, c.stats())
		}
	}
	return sortMethods(list)
}

func sortMethods(list []MethodStats) []MethodStats {
	slices.SortFunc(list, func(a, b MethodStats) int { return cmp.Compare(a.Procedure, b.Procedure) })
	return list
}

func (c *methodCounter) stats() MethodStats {
	return outcomesOf(c.method, &c.Outcomes)
}

// outcomesOf returns what was counted of a method.
func outcomesOf(m *Method, o *status.Outcomes) MethodStats {
	s := MethodStats{Procedure: m.Procedure, TopicTemplate: m.TopicTemplate}
	o.Each(func(c status.Code, n uint64) {
		if c == 0 {
			s.Handled = n
			return
		}
		if s.Failed == nil {
			s.Failed = make(map[Code]uint64)
		}
		s.Failed[Code(c)] = n
	})
	return s
}

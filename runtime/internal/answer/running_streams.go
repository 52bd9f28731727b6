package answer

import "sync"

// runningStreams are the open streams of a server. The zero value is ready.
type runningStreams struct {
	mu       sync.Mutex
	list     map[*Stream]struct{}
	draining bool
}

// add returns false when the server is stopping.
func (r *runningStreams) add(s *Stream) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return false
	}
	if r.list == nil {
		r.list = make(map[*Stream]struct{})
	}
	r.list[s] = struct{}{}
	return true
}

func (r *runningStreams) remove(s *Stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.list, s)
}

func (r *runningStreams) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.list)
}

// drain notifies every handler that its stream must end, and lets no stream begin.
func (r *runningStreams) drain() {
	r.mu.Lock()
	r.draining = true
	list := make([]*Stream, 0, len(r.list))
	for s := range r.list {
		list = append(list, s)
	}
	r.mu.Unlock()
	for _, s := range list {
		s.drain()
	}
}

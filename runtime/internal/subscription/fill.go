package subscription

// A Fill is how full a receive queue is.
type Fill struct {
	Name                  string // the first pattern of its subscription
	Messages, Bytes       int    // waiting ones
	MaxMessages, MaxBytes int    // the limits at which it is full
	Dropped               uint64
}

// Fill returns how full the queue is.
func (q *Queue) Fill() Fill {
	q.mu.Lock()
	defer q.mu.Unlock()
	f := Fill{MaxMessages: q.cfg.Messages, MaxBytes: q.cfg.Bytes, Dropped: q.drops.total.Load()}
	f.Messages, f.Bytes = q.in.len()+q.conflated.len(), q.in.bytes()
	for _, b := range q.front {
		f.Messages += b.len()
		f.Bytes += b.bytes()
	}
	return f
}

// Fills returns how full the queues of the open subscriptions are.
func (h *Hub) Fills() []Fill {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]Fill, 0, len(h.subscriptions))
	for s := range h.subscriptions {
		f := s.queue.Fill()
		f.Name = s.name
		list = append(list, f)
	}
	return list
}

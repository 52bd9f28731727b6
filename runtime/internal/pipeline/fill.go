package pipeline

import (
	"time"

	"github.com/gozmq/gozmq/runtime/internal/subscription"
)

// Fills returns how full the queues of the procedures are, and when the result came
// that has been here for the longest time without an acknowledgement; the zero time
// when there is none. Its cost grows with the number of results.
func (r *ResultReceiver) Fills() (list []subscription.Fill, oldest time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for procedure, q := range r.queues {
		list = append(list, subscription.Fill{
			Name: procedure, Messages: len(q.list), Bytes: q.bytes, MaxMessages: r.cfg.MaxResults, MaxBytes: r.cfg.MaxBytes,
		})
	}
	for _, d := range r.unacked {
		oldest = earlier(oldest, d.came)
	}
	return list, oldest
}

// Fills is the Fill of the consumer (ResultReceiver.Fills).
func (p *Puller) Fills() ([]subscription.Fill, time.Time) {
	f, oldest := p.consumer.Fill()
	return []subscription.Fill{f}, oldest
}

// Fill returns the tasks that are here, which wait or run, against the credit that
// ventilators have, and when the one came that has been here for the longest time;
// the zero time when there is none.
func (c *Consumer) Fill() (f subscription.Fill, oldest time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f = subscription.Fill{Name: "tasks", Messages: c.ledger.held.Len()}
	for _, v := range c.ventilators {
		f.MaxMessages += v.limit
	}
	c.ledger.each(func(d *Delivery) {
		f.Bytes += len(d.task.Body)
		oldest = earlier(oldest, c.made.Add(time.Duration(d.received)))
	})
	return f, oldest
}

// Fill returns the results that no sink has acknowledged.
func (s *ResultSender) Fill() subscription.Fill {
	s.mu.Lock()
	defer s.mu.Unlock()
	return subscription.Fill{Name: "results", Messages: s.count, Bytes: s.bytes, MaxMessages: maxUnacked, MaxBytes: maxUnackedBytes}
}

// earlier returns the earlier of two times; the zero time counts as none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

package pipeline

import (
	"math"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// reportedProgress is how far a handler says that its task is. Of several reports
// within progressEvery the last one is sent.
type reportedProgress struct {
	mu     sync.Mutex
	latest wire.Progress
	news   bool // latest was not sent

	// The consumer's lock guards the following fields.
	sending wire.Progress
	sent    moment
	due     moment // when to send latest
}

// progressEvery is how often the progress of a task is sent at most.
const progressEvery = 200 * time.Millisecond

// ReportProgress records the task's progress, from 0 to 1, and a text. It soon
// sends both to the ventilator with an EXTEND, unless the task has ended. It does
// not wait for that, and frequent calls cost almost nothing.
func (h *handling) ReportProgress(done float64, text string) {
	p := h.progress.Load()
	if p == nil {
		h.progress.CompareAndSwap(nil, new(reportedProgress))
		p = h.progress.Load()
	}
	if math.IsNaN(done) {
		done = 0
	}
	p.mu.Lock()
	p.latest = wire.Progress{Done: max(0, min(done, 1)), Text: text}
	first := !p.news
	p.news = true
	p.mu.Unlock()
	if !first {
		return
	}
	h.consumer.mu.Lock()
	defer h.consumer.mu.Unlock()
	p.due = 1 // long ago
	if p.sent != 0 {
		p.due = p.sent.add(progressEvery)
	}
	h.consumer.wakeAt(p.due)
}

// reported returns the progress that the handler has reported; nil: none, or no
// handler runs.
func (d *Delivery) reported() *reportedProgress {
	if d.handler == nil {
		return nil
	}
	return d.handler.progress.Load()
}

// unsent reports whether there is something to send. nil has nothing.
func (p *reportedProgress) unsent() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.news
}

// takeProgress returns the progress to send, which is valid until the next call;
// nil if none was reported. The consumer's lock is held.
func (d *Delivery) takeProgress() *wire.Progress {
	p := d.reported()
	if p == nil {
		return nil
	}
	p.mu.Lock()
	p.sending, p.news = p.latest, false
	p.mu.Unlock()
	const parts = 1e6
	p.sending.Done = math.Round(p.sending.Done*parts) / parts
	p.sending.Text = wire.ProgressText(p.sending.Text)
	p.sent, p.due = d.consumer.now(), 0
	return &p.sending
}

// progressDue sends the progress of the task if it is due, and returns how long to
// wait for the next; the consumer's lock is held. What cannot be sent goes with the
// next EXTEND.
func (d *Delivery) progressDue(now moment) (next time.Duration) {
	p := d.reported()
	switch {
	case p == nil || p.due == 0 || !d.held:
		return time.Hour
	case p.due > now:
		return p.due.sub(now)
	}
	p.due = 0
	if d.to != nil && (d.last == 0 || now <= d.last) {
		_ = socket.SendTo(d.to.conn, d.extension())
	}
	return time.Hour
}

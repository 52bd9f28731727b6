package pipeline

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// BatchStatus is a batch's status at a sink.
type BatchStatus struct {
	ID, Name string
	Tasks    uint64 // that the batch has
	Results  uint64 // that this sink has dealt with
	Complete bool
	Failed   uint64 // tasks that were given up
	Failures []wire.BatchFailure
	Error    *wire.BatchError // why it is over without being complete; nil: it is not
	Silence  time.Duration    // for how long nothing came from its ventilator, if that is too long
}

const (
	// maxBatches is how many batches a sink counts at once; the oldest are
	// forgotten.
	maxBatches = 1024
	// maxVentilators is how many ventilators a sink remembers for a batch, which
	// has several one after the other if they restart.
	maxVentilators = 4
	// maxAlive is how many ventilators a sink tracks; it forgets the one that has
	// been silent for longest.
	maxAlive = 1024
)

// A BatchCounter counts the results of batches and reports how far these are,
// each thing once. Its methods may be called from any goroutine.
type BatchCounter struct {
	report func(BatchStatus)
	leases bool // batches have leases

	reporting sync.Mutex // held while report runs; locked before mu

	mu      sync.Mutex
	known   map[string]*batchCount
	order   []string          // oldest first
	over    *taskqueue.Window // batches that are over, even if another sink was notified
	alive   map[string]ventilatorState
	timer   *time.Timer // until due; nil: no lease ends
	due     time.Time   // when the first lease ends
	ticking sync.WaitGroup
	closed  bool
}

type batchCount struct {
	results uint64
	tasks   uint64
	ended   bool
	name    string

	ventilators []string  // that its tasks came from
	since       time.Time // when the last of these was new
	silent      bool      // was reported
}

// A ventilatorState is when a ventilator last sent a sign of life, and for how long
// a sink waits for the next one.
type ventilatorState struct {
	received time.Time
	lease    time.Duration
}

// NewBatchCounter returns a counter that calls report, for one batch at a time.
// A nil report counts nothing. With leases, silence of a ventilator is reported,
// and Close must be called.
func NewBatchCounter(report func(BatchStatus), leases bool) *BatchCounter {
	return &BatchCounter{
		report: report, leases: leases, known: make(map[string]*batchCount), over: taskqueue.NewWindow(maxBatches, 0),
		alive: make(map[string]ventilatorState),
	}
}

// get returns a batch's numbers, nil if it is over; b.mu is held.
func (b *BatchCounter) get(of *wire.Batch) *batchCount {
	id := string(of.ID)
	c := b.known[id]
	if c == nil {
		if b.over.Has(taskqueue.ID(id), time.Time{}) {
			return nil
		}
		if len(b.order) == maxBatches {
			delete(b.known, b.order[0])
			b.order = b.order[1:]
		}
		c = &batchCount{name: of.Name}
		b.known[id] = c
		b.order = append(b.order, id)
	}
	if len(of.Ventilator) > 0 && b.leases {
		b.from(c, string(of.Ventilator))
	}
	return c
}

// from notes where tasks of the batch come from; b.mu is held.
func (b *BatchCounter) from(c *batchCount, ventilator string) {
	if slices.Contains(c.ventilators, ventilator) {
		return
	}
	if len(c.ventilators) == maxVentilators {
		c.ventilators = c.ventilators[1:]
	}
	c.ventilators = append(c.ventilators, ventilator)
	c.since, c.silent = time.Now(), false
	b.setTimer(c)
}

// end returns when a batch was silent for too long, and the lease that has ended
// then; 0 if nobody has said that there is one. b.mu is held.
func (b *BatchCounter) end(c *batchCount) (end time.Time, lease time.Duration) {
	for _, v := range c.ventilators {
		state := b.alive[v]
		if state.lease == 0 {
			continue
		}
		since := state.received
		if c.since.After(since) {
			since = c.since
		}
		if e := since.Add(state.lease); lease == 0 || e.After(end) {
			end, lease = e, state.lease
		}
	}
	return end, lease
}

// forget drops a batch that is over; b.mu is held.
func (b *BatchCounter) forget(id string) {
	if b.known[id] != nil {
		delete(b.known, id)
		b.order = slices.Delete(b.order, slices.Index(b.order, id), slices.Index(b.order, id)+1)
	}
	if !b.over.Has(taskqueue.ID(id), time.Time{}) {
		b.over.Add(taskqueue.ID(id), time.Time{})
	}
}

// count counts a result of a batch; nil is none.
func (b *BatchCounter) count(of *wire.Batch) {
	if of == nil || b.report == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.get(of); c != nil {
		c.results++
	}
}

// Notice handles a notice about a batch. It reports each state once, and returns
// when the state has been reported.
func (b *BatchCounter) Notice(of *wire.Batch) {
	if b.report == nil {
		return
	}
	b.reporting.Lock()
	defer b.reporting.Unlock()
	if s, ok := b.note(of); ok {
		b.report(s)
	}
}

// note records the content of a notice. It returns false when it is already known.
func (b *BatchCounter) note(of *wire.Batch) (s BatchStatus, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.get(of)
	if c == nil {
		return s, false
	}
	last := of.Complete || of.Error != nil
	if !last && c.ended && c.tasks == of.Tasks {
		return s, false
	}
	c.tasks, c.name, c.ended = of.Tasks, of.Name, true
	if last {
		b.forget(string(of.ID))
	}
	return BatchStatus{
		ID: string(of.ID), Name: of.Name, Tasks: of.Tasks, Results: c.results, Complete: of.Complete, Failed: of.Failed,
		Failures: of.Failures, Error: of.Error,
	}, true
}

// CountPlain counts a result with at-most-once delivery, whose ventilator does
// not know when the batch is complete: the counter reports it. A nil batch is
// none.
func (b *BatchCounter) CountPlain(of *wire.Batch) {
	if of == nil || b.report == nil {
		return
	}
	b.count(of)
	b.completePlain(string(of.ID))
}

// NoticePlain is Notice with at-most-once delivery.
func (b *BatchCounter) NoticePlain(of *wire.Batch) {
	if b.report == nil {
		return
	}
	b.Notice(of)
	b.completePlain(string(of.ID))
}

// completePlain reports a batch as complete if all its results have come.
func (b *BatchCounter) completePlain(id string) {
	b.mu.Lock()
	c := b.known[id]
	complete := c != nil && c.ended && c.results >= c.tasks
	if complete {
		b.forget(id)
	}
	b.mu.Unlock()
	if complete {
		b.call(BatchStatus{ID: id, Name: c.name, Tasks: c.tasks, Results: c.results, Complete: true})
	}
}

func (b *BatchCounter) call(s BatchStatus) {
	b.reporting.Lock()
	defer b.reporting.Unlock()
	b.report(s)
}

// Alive handles an ALIVE of a ventilator.
func (b *BatchCounter) Alive(v wire.VentilatorState) {
	if b.report == nil || !b.leases || len(v.Ventilator) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range v.Over {
		if b.known[string(id)] != nil {
			b.forget(string(id))
		}
	}
	if name := string(v.Ventilator); !b.repeated(name, v.Lease) {
		b.noteAlive(name, v.Lease)
	}
}

// repeated handles an ALIVE whose lease is shorter than the last one's: a worker
// received it earlier, and passes on the remaining lease. It only extends the wait,
// and does not withdraw the report of a batch. It returns false for a new ALIVE;
// b.mu is held.
func (b *BatchCounter) repeated(name string, left time.Duration) bool {
	state, known := b.alive[name]
	if !known || left >= state.lease {
		return false
	}
	if received := time.Now().Add(left - state.lease); received.After(state.received) {
		b.alive[name] = ventilatorState{received, state.lease}
	}
	return true
}

// noteAlive notes a new sign of life of a ventilator; b.mu is held.
func (b *BatchCounter) noteAlive(name string, lease time.Duration) {
	if _, known := b.alive[name]; !known && len(b.alive) >= maxAlive {
		b.dropSilent()
	}
	b.alive[name] = ventilatorState{time.Now(), lease}
	for _, c := range b.known {
		if slices.Contains(c.ventilators, name) {
			c.silent = false
			b.setTimer(c)
		}
	}
}

// dropSilent forgets the ventilator that was silent for longest; b.mu is held.
func (b *BatchCounter) dropSilent() {
	var oldest string
	for name, state := range b.alive {
		if oldest == "" || state.received.Before(b.alive[oldest].received) {
			oldest = name
		}
	}
	delete(b.alive, oldest)
}

// setTimer has tick called when a batch was silent for too long; b.mu is held.
func (b *BatchCounter) setTimer(c *batchCount) {
	end, lease := b.end(c)
	if lease == 0 || c.silent || b.closed || b.timer != nil && !end.Before(b.due) {
		return
	}
	if b.timer != nil {
		b.timer.Stop()
	}
	b.due = end
	b.timer = time.AfterFunc(time.Until(end), b.tick)
}

// tick reports the batches whose lease has ended.
func (b *BatchCounter) tick() {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.ticking.Add(1)
	b.mu.Unlock()
	defer b.ticking.Done()
	b.reporting.Lock()
	defer b.reporting.Unlock()
	for _, s := range b.silent() {
		b.report(s)
	}
}

// silent returns the batches whose lease has ended, and sets the timer for the
// next one.
func (b *BatchCounter) silent() (list []BatchStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.timer = nil
	for id, c := range b.known {
		end, lease := b.end(c)
		switch {
		case lease == 0, c.silent:
		case end.After(now):
			b.setTimer(c)
		default:
			c.silent = true
			list = append(list, BatchStatus{ID: id, Name: c.name, Tasks: c.tasks, Results: c.results, Silence: lease})
		}
	}
	return list
}

// Close ends the waiting for ventilators, when a report that it has caused has
// returned or ctx has ended.
func (b *BatchCounter) Close(ctx context.Context) {
	b.mu.Lock()
	b.closed = true
	if b.timer != nil {
		b.timer.Stop()
	}
	b.mu.Unlock()
	waitGroup(ctx, &b.ticking)
}

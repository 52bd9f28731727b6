package pipeline

import (
	"slices"
	"sync"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// BatchStatus is what a sink knows of a batch.
type BatchStatus struct {
	ID, Name string
	Tasks    uint64 // that the batch has
	Results  uint64 // that this sink has dealt with
	Complete bool
	Failed   uint64 // tasks that were given up
	Failures []wire.BatchFailure
}

// maxBatches is how many batches a sink counts at once; the oldest are
// forgotten.
const maxBatches = 1024

// A BatchCounter counts the results of batches and reports how far these are.
// Its methods may be called from any goroutine.
type BatchCounter struct {
	report func(BatchStatus)

	reporting sync.Mutex // held while report runs; locked without mu

	mu    sync.Mutex
	known map[string]*batchCount
	order []string // oldest first
}

type batchCount struct {
	results uint64
	tasks   uint64
	ended   bool
	name    string
}

// NewBatchCounter returns a counter that calls report, for one batch at a time.
// A nil report counts nothing.
func NewBatchCounter(report func(BatchStatus)) *BatchCounter {
	return &BatchCounter{report: report, known: make(map[string]*batchCount)}
}

// get returns a batch's numbers; b.mu is held.
func (b *BatchCounter) get(id string) *batchCount {
	c := b.known[id]
	if c == nil {
		if len(b.order) == maxBatches {
			delete(b.known, b.order[0])
			b.order = b.order[1:]
		}
		c = new(batchCount)
		b.known[id] = c
		b.order = append(b.order, id)
	}
	return c
}

// forget drops a batch that is complete; b.mu is held.
func (b *BatchCounter) forget(id string) {
	delete(b.known, id)
	if i := slices.Index(b.order, id); i >= 0 {
		b.order = slices.Delete(b.order, i, i+1)
	}
}

// count counts a result of a batch; nil is none.
func (b *BatchCounter) count(of *wire.Batch) {
	if of == nil || b.report == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.get(string(of.ID)).results++
}

// Notice handles a message that says how far a batch is.
func (b *BatchCounter) Notice(of *wire.Batch) {
	if b.report == nil {
		return
	}
	s := BatchStatus{
		ID: string(of.ID), Name: of.Name, Tasks: of.Tasks, Complete: of.Complete, Failed: of.Failed, Failures: of.Failures,
	}
	b.mu.Lock()
	c := b.get(s.ID)
	c.tasks, c.name, c.ended = s.Tasks, s.Name, true
	s.Results = c.results
	if s.Complete {
		b.forget(s.ID)
	}
	b.mu.Unlock()
	b.call(s)
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

// completePlain reports a batch as complete if all its results are there.
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

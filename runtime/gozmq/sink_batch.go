package gozmq

import (
	"sync"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
)

// BatchStatus is what a sink knows of a batch.
type BatchStatus struct {
	// ID names the batch among those of all ventilators; not printable. Name is
	// what its ventilator calls it.
	ID, Name string
	// Tasks is how many tasks the batch has.
	Tasks uint64
	// Results is how many results of the batch this sink has dealt with.
	Results uint64
	// Complete says that nothing more will come. At least once every task has
	// been done or given up then, and every result was acknowledged by one of
	// the sinks. At most once as many results have come here as there are tasks;
	// when one is lost, the batch is never complete.
	Complete bool
	// Failed is how many tasks were given up, and Failures the first of them.
	Failed   uint64
	Failures []BatchFailure
}

// A BatchFailure is a task of a batch that was given up.
type BatchFailure struct {
	ID        string // the task's
	Procedure string
	Attempts  int
	Reason    error // an *Error
}

// WithBatchStatus has f called when a sink learns how many tasks a batch has,
// and when it is complete. f runs in the goroutine of a connection, which is
// not read meanwhile, for one batch at a time; it must neither wait for results
// nor close the sink.
func WithBatchStatus(f func(BatchStatus)) SinkOption {
	return sinkOption(func(c *sinkConfig) { c.batchStatus = f })
}

// maxBatches is how many batches a sink counts at once; those that began first
// are forgotten.
const maxBatches = 1024

// A batchTally counts the results of batches.
type batchTally struct {
	call func(BatchStatus)

	calls sync.Mutex // held while call runs

	mu    sync.Mutex
	known map[string]*tally
	order []string // oldest first
}

type tally struct {
	results uint64
	tasks   uint64
	ended   bool
	name    string
}

func newBatchTally(call func(BatchStatus)) *batchTally {
	return &batchTally{call: call, known: make(map[string]*tally)}
}

// of returns a batch's numbers; b.mu is held.
func (b *batchTally) of(id string) *tally {
	t := b.known[id]
	if t == nil {
		if len(b.order) == maxBatches {
			delete(b.known, b.order[0])
			b.order = b.order[1:]
		}
		t = new(tally)
		b.known[id] = t
		b.order = append(b.order, id)
	}
	return t
}

// forget drops a batch that is complete; b.mu is held.
func (b *batchTally) forget(id string) {
	delete(b.known, id)
	for i, other := range b.order {
		if other == id {
			b.order = append(b.order[:i:i], b.order[i+1:]...)
			return
		}
	}
}

// count counts a result of a batch; nil is of none.
func (b *batchTally) count(of *gozmqv1.Batch) *tally {
	if of == nil || b.call == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.of(string(of.GetId()))
	t.results++
	return t
}

// countAlone counts a result of a batch whose ventilator does not know when it
// is complete, and tells when it is.
func (b *batchTally) countAlone(of *gozmqv1.Batch) {
	if t := b.count(of); t != nil {
		b.settleAlone(string(of.GetId()))
	}
}

// hear takes in word of a batch.
func (b *batchTally) hear(of *gozmqv1.Batch) {
	if b.call == nil {
		return
	}
	s := BatchStatus{ID: string(of.GetId()), Name: of.GetName(), Tasks: of.GetTasks(), Complete: of.GetComplete(), Failed: of.GetFailed()}
	for _, f := range of.GetFailures() {
		reason := &Error{Code: Code(f.GetReason().GetCode()), Message: f.GetReason().GetMessage()}
		s.Failures = append(s.Failures, BatchFailure{string(f.GetTask()), f.GetMethod(), int(f.GetAttempts()), reason})
	}
	b.mu.Lock()
	t := b.of(s.ID)
	t.tasks, t.name, t.ended = s.Tasks, s.Name, true
	s.Results = t.results
	if s.Complete {
		b.forget(s.ID)
	}
	b.mu.Unlock()
	b.tell(s)
}

// hearAlone is hear at most once.
func (b *batchTally) hearAlone(of *gozmqv1.Batch) {
	if b.call == nil {
		return
	}
	b.hear(of)
	b.settleAlone(string(of.GetId()))
}

// settleAlone tells that a batch is complete if all its results are there.
func (b *batchTally) settleAlone(id string) {
	b.mu.Lock()
	t := b.known[id]
	complete := t != nil && t.ended && t.results >= t.tasks
	if complete {
		b.forget(id)
	}
	b.mu.Unlock()
	if complete {
		b.tell(BatchStatus{ID: id, Name: t.name, Tasks: t.tasks, Results: t.results, Complete: true})
	}
}

func (b *batchTally) tell(s BatchStatus) {
	b.calls.Lock()
	defer b.calls.Unlock()
	b.call(s)
}

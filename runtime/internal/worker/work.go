package worker

import (
	"context"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A Method is one method whose tasks a Worker runs. It belongs to one Worker.
type Method struct {
	Procedure string
	Bare      bool
	Result    bool // its handler returns one
	// NewWork returns the Work for a task. ctx is the context of the Worker. It is
	// called by the goroutine that runs the task.
	NewWork func(ctx context.Context, t Task) Work

	Outcomes status.Outcomes // Work.Failed counts the failed ones

	begun  atomic.Int64 // handlers that run
	notRun atomic.Int64 // tasks that were received and not run
}

// A Task describes a task, without its body.
type Task struct {
	ID       string // empty with at-most-once delivery
	Attempt  int    // 0: not known
	Batch    string // its name, or empty
	Metadata wire.Metadata
	Peer     any      // what Config.Describe returned for its connection
	Reporter Reporter // nil: nobody wants to know how far it is
}

// A Reporter takes how far a task is, from 0 to 1, and a text on that. It may be
// called from any goroutine, also when the task is over.
type Reporter interface {
	ReportProgress(done float64, text string)
}

// A Work is a task from the view of the engine's user: its message, its handler and
// its result. It is also the handler's context. One goroutine at a time calls its
// methods, except the methods of context.Context.
type Work interface {
	context.Context
	// Decode decodes the task. body is valid during the call only.
	Decode(body []byte) error
	// Run calls the handler with ctx, which is the Work or a context below it. It
	// may panic, or end its goroutine.
	Run(ctx context.Context) error
	// Panicked reports that Run has panicked, or ended its goroutine, and returns
	// the error with which the attempt fails.
	Panicked(p *guarded.PanicError) error
	// ResultMetadata returns the metadata that the handler has added to its result,
	// nil for none, or an error if it is invalid.
	ResultMetadata() (wire.Metadata, error)
	// EncodeResult returns the result as a body, which the engine owns.
	EncodeResult() ([]byte, error)
	// AppendBody appends the result to a message (wire.Body).
	wire.Body
	Ending
	// Reusable reports whether the next task of the same connection and method may
	// have the same Work, if neither has a batch or metadata.
	Reusable() bool
	// Free drops the messages, which the context may outlive.
	Free()
}

// An Ending is notified of a task's end.
type Ending interface {
	// Failed reports an attempt that failed. After the handler has returned it may
	// be called in any goroutine.
	Failed(err error)
	// Settled reports the verb that the ventilator got at the end of the task, or
	// "" if none was left to get it, with the reason unless the task is done. It is
	// the last call for a task that was decoded, in any goroutine, and comes with
	// at-least-once delivery only.
	Settled(verb wire.Verb, reason error)
}

// A PermanentError is an error of a handler whose task is not tried again.
type PermanentError struct{ Err error }

// Error returns the text of the error within.
func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap returns the error within.
func (e *PermanentError) Unwrap() error { return e.Err }

// resultHeader returns the header of the result of a task with that header, nil for
// none: the task's header with the handler's metadata added. It never changes the
// bytes of header.
func resultHeader(w Work, header []byte) ([]byte, error) {
	m, err := w.ResultMetadata()
	if m == nil || err != nil {
		return header, err
	}
	return wire.AppendTaskHeader(header[:len(header):len(header)], wire.TaskHeader{ResultMetadata: m}), nil
}

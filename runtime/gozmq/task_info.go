package gozmq

import "context"

// TaskInfo describes a task to the worker that runs it, and a result or a task to
// the loop of a sink (StoreInfo). It must not be changed.
type TaskInfo struct {
	// Method describes the task.
	Method *Method
	// ID identifies the task in all of its attempts, also after a restart of
	// its ventilator. With DeliveryAtMostOnce it is empty.
	ID string
	// Attempt is the number of this attempt, 1 for the first; 0 when it is not
	// known.
	Attempt int
	// Batch is the name of the batch that the task belongs to, or empty.
	Batch string
	// Metadata is what the ventilator's program sent with the task
	// (AppendMetadata). It comes with the result, too.
	Metadata Metadata
	// ResultMetadata is, at a sink, what the worker has added to the result
	// (AddResultMetadata).
	ResultMetadata Metadata
	// Peer is where the message came from: the ventilator or, at a sink behind
	// workers, the worker. Behind a Proxy it is the proxy.
	Peer *Peer

	worker *workerTask     // takes what AddResultMetadata adds; nil: no worker runs the task
	ctx    context.Context // nil: none
}

// AddResultMetadata adds metadata to the result of the task, for the sink. A
// worker's handler, or interceptor, calls it before it returns, from any goroutine.
// It has no effect when the method has no result or the handler fails. The limits
// are those of Metadata: beyond them the task fails, and is not tried again.
func (i *TaskInfo) AddResultMetadata(key, value string) {
	if i.worker != nil {
		i.worker.addResult(key, value)
	}
}

// ReportProgress says how far a worker's handler is, from 0 to 1, and what it is
// at, in up to 255 bytes. With DeliveryAtLeastOnce the ventilator learns of the
// last report at most 200 ms later, and before it learns that the task is done
// (TaskStatus.Progress). It restarts the worker's lease, for at most
// WithTaskTimeout. It may be called from any goroutine, does not block, and costs
// little when it is called often. Elsewhere it has no effect.
func (i *TaskInfo) ReportProgress(done float64, text string) {
	if i.worker != nil && i.worker.reporter != nil {
		i.worker.reporter.ReportProgress(done, text)
	}
}

// Context returns the context of the message, as a sink's interceptors have
// changed it; at a worker, that which its interceptors were given.
func (i *TaskInfo) Context() context.Context {
	if i.ctx == nil {
		return context.Background()
	}
	return i.ctx
}

type taskInfoKey struct{}

// TaskInfoFromContext returns the description of a task, given the context of
// its handler, of an interceptor or of WithTaskErrorHandler; nil for any other
// context.
func TaskInfoFromContext(ctx context.Context) *TaskInfo {
	info, _ := ctx.Value(taskInfoKey{}).(*TaskInfo)
	return info
}

// A taskContext is the context of a worker's handler, and of a sink's
// interceptors. It has the task's TaskInfo, and the Peer that the message came
// from.
type taskContext struct {
	context.Context
	info TaskInfo
}

// newTaskContext returns a context below ctx, for a sink.
func newTaskContext(ctx context.Context, info TaskInfo) *taskContext {
	c := &taskContext{ctx, info}
	c.info.ctx = c //nolint:fatcontext // the description of a task leads back to its own context
	return c
}

// Value returns the task's TaskInfo and its Peer, else what the context above
// holds (context.Context).
func (c *taskContext) Value(key any) any {
	switch key {
	case taskInfoKey{}:
		return &c.info
	case peerKey{}:
		return c.info.Peer
	}
	return c.Context.Value(key)
}

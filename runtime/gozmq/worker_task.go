package gozmq

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/worker"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A taskHandler runs the tasks of one method of a worker.
type taskHandler struct {
	bridge.TaskHandler[Method]
	tasks  *taskConfig
	method *worker.Method
}

// taskConfig is what all handlers of a worker share.
type taskConfig struct {
	bodies      bodies
	onError     func(ctx context.Context, m *Method, task proto.Message, err error)
	observer    *observer
	interceptor Interceptor     // nil: none
	socket      zmtp.SocketType // that tasks come from
}

// engine returns the handler as the engine of workers sees it.
func (h *taskHandler) engine() *worker.Method {
	h.method = &worker.Method{
		Procedure: h.Method.Procedure, Bare: h.Method.Bare, Result: h.Result,
		NewWork: func(ctx context.Context, t worker.Task) worker.Work {
			c := &workerTask{handler: h, reporter: t.Reporter}
			c.taskContext = taskContext{ctx, TaskInfo{
				Method: h.Method, ID: t.ID, Attempt: t.Attempt, Batch: t.Batch, Metadata: Metadata(t.Metadata), Peer: t.Peer.(*Peer),
				worker: c, ctx: c,
			}}
			return c
		},
	}
	return h.method
}

// A workerTask is a task that a worker runs: the context of its handler, with its
// messages (worker.Work).
type workerTask struct {
	taskContext
	handler  *taskHandler
	reporter worker.Reporter // nil: none
	task     proto.Message
	result   proto.Message
	call     *CallInfo                     // of the interceptors; nil: there are none
	added    atomic.Pointer[addedMetadata] // to the result; nil: none
}

// addedMetadata is what a handler has added to its task's result.
type addedMetadata struct {
	mu       sync.Mutex
	metadata Metadata
}

func (c *workerTask) addResult(key, value string) {
	added := c.added.Load()
	if added == nil {
		c.added.CompareAndSwap(nil, &addedMetadata{metadata: make(Metadata)})
		added = c.added.Load()
	}
	added.mu.Lock()
	defer added.mu.Unlock()
	added.metadata.Add(key, value)
}

// ResultMetadata returns what addResult has added (worker.Work).
func (c *workerTask) ResultMetadata() (wire.Metadata, error) {
	added := c.added.Load()
	if added == nil {
		return nil, nil
	}
	added.mu.Lock()
	m := wire.Metadata(maps.Clone(added.metadata))
	added.mu.Unlock()
	if err := m.Check(); err != nil {
		return nil, inputError(fmt.Errorf("result: %w", err))
	}
	if c.info.Method.Bare {
		return nil, bareMetadata(c.info.Method)
	}
	return m, nil
}

// Reusable reports whether nothing was added (worker.Work).
func (c *workerTask) Reusable() bool { return c.added.Load() == nil }

// Decode decodes the task (worker.Work).
func (c *workerTask) Decode(body []byte) error {
	c.task = c.handler.New()
	return c.handler.tasks.bodies.decodeInput(body, c.task)
}

// Run calls the handler within the interceptors (worker.Work).
func (c *workerTask) Run(ctx context.Context) (err error) {
	h := c.handler
	if h.tasks.interceptor == nil {
		c.result, err = h.Run(ctx, c.task)
		return err
	}
	c.call = &CallInfo{Operation: OperationRun, Method: h.Method, Peer: c.info.Peer, Metadata: c.info.Metadata, Task: &c.info}
	c.result, err = h.tasks.interceptor(ctx, c.call, c.task, func(ctx context.Context, task proto.Message) (proto.Message, error) {
		if err := sameType(h.Method, c.task, task); err != nil {
			return nil, err
		}
		return h.Run(ctx, task)
	})
	if err == nil && c.result == nil && h.Result {
		err = errors.New("the interceptors returned neither a result nor an error")
	}
	return err
}

// Panicked reports that the handler panicked, or ended its goroutine (worker.Work).
func (c *workerTask) Panicked(p *guarded.PanicError) error {
	err, stack := fmt.Errorf("handler panicked: %v", p.Value), p.Stack
	if p.Goexit() {
		stack = debug.Stack()
	}
	t := c.handler.tasks
	t.observer.observe(Event{Kind: EventPanic, SocketType: string(t.socket), Procedure: c.info.Method.Procedure, Err: err, Stack: stack})
	return err
}

// Failed reports an attempt that failed (worker.Work).
func (c *workerTask) Failed(err error) {
	t, m := c.handler.tasks, c.info.Method
	c.handler.method.Outcomes.Count(status.Code(CodeOf(err)))
	t.observer.observe(Event{Kind: EventTaskFailed, SocketType: string(t.socket), Procedure: m.Procedure, Err: err})
	if t.onError != nil {
		_ = t.observer.guard(t.socket, "the task error handler", m.Procedure, func() { t.onError(c, m, c.task, err) })
	}
}

// Settled reports how the task ended to the interceptors that have asked for it
// (worker.Work).
func (c *workerTask) Settled(verb wire.Verb, reason error) {
	if c.call != nil {
		c.call.settled(c.handler.tasks.observer, c.handler.tasks.socket, outcomeOf(verb), reason)
	}
}

// EncodeResult returns the result as a body, and forgets it (worker.Work).
func (c *workerTask) EncodeResult() ([]byte, error) {
	result := c.result
	c.result = nil
	return c.handler.tasks.bodies.encode(result)
}

// AppendBody appends the result (wire.Body).
func (c *workerTask) AppendBody(b []byte, flags byte) ([]byte, error) {
	return c.handler.tasks.bodies.append(b, flags, c.result)
}

// Free drops the messages, which the context may outlive (worker.Work).
func (c *workerTask) Free() { c.task, c.result = nil, nil }

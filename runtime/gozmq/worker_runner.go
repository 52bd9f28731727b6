package gozmq

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A taskRunner decodes tasks and runs their handlers, and counts how they end.
// Its methods may be called from any goroutine.
type taskRunner struct {
	delivery    Delivery
	handlers    map[string]*taskHandler
	bare        *taskHandler // handles every task; nil unless the framing is bare
	results     bool         // some method has one
	bodies      bodies
	timeout     time.Duration
	onError     func(ctx context.Context, m *Method, task proto.Message, err error)
	observer    *observer
	interceptor Interceptor // nil: none

	running      atomic.Int64
	done, failed counter
	notRun       methodCounts // tasks that were received and not run
	begun        methodCounts // handlers that run
}

// methodCounts are numbers of tasks by method. The methods may be called from any
// goroutine. The zero value has none.
type methodCounts struct{ counts sync.Map } // *Method to *atomic.Int64

func (c *methodCounts) of(m *Method) *atomic.Int64 {
	n, ok := c.counts.Load(m)
	if !ok {
		n, _ = c.counts.LoadOrStore(m, new(atomic.Int64))
	}
	return n.(*atomic.Int64)
}

func (c *methodCounts) add(m *Method) { c.of(m).Add(1) }

// String returns the methods with a number, in order; "" for none.
func (c *methodCounts) String() string {
	var parts []string
	c.counts.Range(func(m, n any) bool {
		if n := n.(*atomic.Int64).Load(); n > 0 {
			parts = append(parts, fmt.Sprintf("%d of %s", n, m.(*Method).Procedure))
		}
		return true
	})
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// newTaskRunner returns a runner for handlers of one guarantee, without an
// observer.
func newTaskRunner(list []bridge.TaskHandler[Method], cfg *workerConfig) (*taskRunner, error) {
	r := &taskRunner{handlers: make(map[string]*taskHandler), bodies: cfg.bodies(nil), timeout: cfg.timeout, onError: cfg.onError}
	r.interceptor = cfg.interceptors.chain()
	for _, of := range list {
		h, first := newTaskHandler(of), list[0].Method
		if h.method.Delivery != first.Delivery {
			return nil, fmt.Errorf("%s has delivery %v and %s has delivery %v: run a worker for each", first.Procedure, first.Delivery, h.method.Procedure, h.method.Delivery)
		}
		r.delivery = h.method.Delivery
		r.handlers[h.method.Procedure] = h
		r.results = r.results || h.result
		if h.method.Bare {
			r.bare = h
		}
	}
	return r, nil
}

// handler returns the handler of a task, nil if there is none.
func (r *taskRunner) handler(procedure []byte) *taskHandler {
	if r.bare != nil {
		return r.bare
	}
	return r.handlers[string(procedure)]
}

// decode decodes a task's body for its handler.
func (r *taskRunner) decode(h *taskHandler, body []byte) (proto.Message, error) {
	task := h.new()
	return task, r.bodies.decodeInput(body, task)
}

// call runs a handler. A panic becomes an error; if the handler ends its
// goroutine with runtime.Goexit, call reports the failure itself.
func (r *taskRunner) call(ctx context.Context, h *taskHandler, task proto.Message) (result proto.Message, err error) {
	if r.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.timeout)
		defer cancel()
	}
	r.running.Add(1)
	begun := r.begun.of(h.method)
	begun.Add(1)
	guarded.Call(func() { result, err = r.handle(ctx, h, task) }, func(p *guarded.PanicError) {
		r.running.Add(-1)
		begun.Add(-1)
		if p != nil {
			err = r.panicked(ctx, h, task, p)
		}
	})
	return result, err
}

// handle runs a handler within the interceptors.
func (r *taskRunner) handle(ctx context.Context, h *taskHandler, task proto.Message) (proto.Message, error) {
	if r.interceptor == nil {
		return h.run(ctx, task)
	}
	info := TaskInfoFromContext(ctx)
	call := &CallInfo{Operation: OperationRun, Method: h.method, Peer: info.Peer, Metadata: info.Metadata, Task: info}
	result, err := r.interceptor(ctx, call, task, func(ctx context.Context, req proto.Message) (proto.Message, error) {
		if err := sameType(h.method, task, req); err != nil {
			return nil, err
		}
		return h.run(ctx, req)
	})
	if err == nil && result == nil && h.result {
		err = errors.New("the interceptors returned neither a result nor an error")
	}
	return result, err
}

func (r *taskRunner) panicked(ctx context.Context, h *taskHandler, task proto.Message, p *guarded.PanicError) error {
	err, stack := fmt.Errorf("handler panicked: %v", p.Value), p.Stack
	if p.Goexit() {
		stack = debug.Stack()
	}
	r.observer.observe(Event{Kind: EventPanic, SocketType: string(r.socketType()), Procedure: h.method.Procedure, Err: err, Stack: stack})
	if p.Goexit() {
		r.fail(ctx, h, task, errGoexit)
	}
	return err
}

// socketType is the type of the socket that tasks come from.
func (r *taskRunner) socketType() zmtp.SocketType {
	return r.delivery.socketType(zmtp.Pull, zmtp.Dealer)
}

// succeed counts a task that was done.
func (r *taskRunner) succeed(h *taskHandler) {
	r.done.Add(1)
	h.outcomes.Count(0)
}

// stats returns how the tasks of each method have ended.
func (r *taskRunner) stats() []MethodStats {
	var list []MethodStats
	for _, h := range r.handlers {
		list = append(list, outcomesOf(h.method, &h.outcomes))
	}
	return sortMethods(list)
}

// fail counts and reports an attempt that failed.
func (r *taskRunner) fail(ctx context.Context, h *taskHandler, task proto.Message, err error) {
	r.failed.Add(1)
	h.outcomes.Count(status.Code(CodeOf(err)))
	r.observer.observe(Event{Kind: EventTaskFailed, SocketType: string(r.socketType()), Procedure: h.method.Procedure, Err: err})
	if r.onError != nil {
		_ = r.observer.guard(r.socketType(), "the task error handler", h.method.Procedure, func() { r.onError(ctx, h.method, task, err) })
	}
}

// errGoexit is why a task failed whose handler called runtime.Goexit.
var errGoexit = errors.New("handler ended its goroutine")

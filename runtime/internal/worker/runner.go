package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/gozmq/gozmq/runtime/internal/guarded"
)

// A runner runs the handlers of tasks, and counts how they end. Its methods may be
// called from any goroutine.
type runner struct {
	cfg     Config
	methods map[string]*Method // by procedure
	bare    *Method            // has every task; nil unless the framing is bare
	results bool               // some method has one

	running      atomic.Int64
	done, failed atomic.Uint64
}

func newRunner(cfg Config) *runner {
	r := &runner{cfg: cfg, methods: make(map[string]*Method), results: cfg.results()}
	for _, m := range cfg.Methods {
		r.methods[m.Procedure] = m
		if m.Bare {
			r.bare = m
		}
	}
	return r
}

// method returns the method of a task, nil if there is none.
func (r *runner) method(procedure []byte) *Method {
	if r.bare != nil {
		return r.bare
	}
	return r.methods[string(procedure)]
}

// errGoexit is why a task failed whose handler called runtime.Goexit.
var errGoexit = errors.New("handler ended its goroutine")

// call runs a handler. A panic becomes an error; if the handler ends its goroutine
// with runtime.Goexit, call reports the failure itself.
func (r *runner) call(m *Method, w Work) (err error) {
	ctx := context.Context(w)
	if r.cfg.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.cfg.Timeout)
		defer cancel()
	}
	r.running.Add(1)
	m.begun.Add(1)
	guarded.Call(func() { err = w.Run(ctx) }, func(p *guarded.PanicError) {
		r.running.Add(-1)
		m.begun.Add(-1)
		if p == nil {
			return
		}
		if err = w.Panicked(p); p.Goexit() {
			r.fail(w, errGoexit)
		}
	})
	return err
}

// succeed counts a task that was done.
func (r *runner) succeed(m *Method) {
	r.done.Add(1)
	m.Outcomes.Count(0)
}

// fail counts and reports an attempt that failed.
func (r *runner) fail(w Work, err error) {
	r.failed.Add(1)
	w.Failed(err)
}

// begun and notRun name the methods whose handlers run, and those with tasks that
// were received and not run, with their numbers; "" for none.
func (r *runner) begun() string  { return r.list(func(m *Method) int64 { return m.begun.Load() }) }
func (r *runner) notRun() string { return r.list(func(m *Method) int64 { return m.notRun.Load() }) }

func (r *runner) list(count func(*Method) int64) string {
	var parts []string
	for _, m := range r.methods {
		if n := count(m); n > 0 {
			parts = append(parts, fmt.Sprintf("%d of %s", n, m.Procedure))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

package gozmqops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// Run runs the servers, workers and proxies of the group until ctx ends or one of
// them does, and then stops the program in this order:
//
//  1. Snapshot says that it is stopping and not ready, each AddHealth is shut down,
//     and systemd gets STOPPING=1.
//  2. It waits for the time of WithGrace, so that load balancers and clients can
//     notice.
//  3. Servers, workers and proxies drain, all at once, each in its drain timeout.
//  4. The other roles are closed, the last one added first, each within its linger
//     time.
//
// It returns the errors of what failed, and nil after a clean stop. systemd gets
// READY=1 when every server listens. Roles that are added later are not run. A
// Group runs once.
func (g *Group) Run(ctx context.Context, opts ...RunOption) error {
	o := runOptions{sleep: time.Sleep}
	for _, opt := range opts {
		opt(&o)
	}
	members, err := g.begin()
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	failed, err := g.start(running, members)
	if err == nil {
		err = Notify("READY=1")
		select {
		case <-ctx.Done():
		case <-failed.first:
		}
	}
	return errors.Join(err, g.stop(cancel, members, failed, o))
}

// A RunOption is an option of Group.Run.
type RunOption func(*runOptions)

type runOptions struct {
	grace time.Duration
	sleep func(time.Duration) // tests have another one
}

// WithGrace sets how long Run goes on serving after it has said that it stops.
// Default: 0.
func WithGrace(d time.Duration) RunOption { return func(o *runOptions) { o.grace = d } }

var errRanBefore = errors.New("the group has been run before")

func (g *Group) begin() ([]member, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ran {
		return nil, errRanBefore
	}
	g.ran = true
	return slices.Clone(g.members), nil
}

// outcomes are the results of the running roles.
type outcomes struct {
	first chan struct{} // closed when one has returned

	wg   sync.WaitGroup
	once sync.Once
	mu   sync.Mutex
	errs []error
}

func (o *outcomes) run(name string, f func() error) {
	o.wg.Go(func() {
		if err := f(); err != nil {
			o.mu.Lock()
			o.errs = append(o.errs, fmt.Errorf("%s: %w", name, err))
			o.mu.Unlock()
		}
		o.once.Do(func() { close(o.first) })
	})
}

func (o *outcomes) failed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.errs) > 0
}

// start runs the roles that have a Run method. It opens all servers first, and runs
// no role if one of them cannot be opened.
func (g *Group) start(ctx context.Context, members []member) (*outcomes, error) {
	o := &outcomes{first: make(chan struct{})}
	for _, m := range members {
		if srv, ok := m.role.(*gozmq.Server); ok {
			if err := srv.Listen(); err != nil {
				return o, fmt.Errorf("%s: %w", m.name, err)
			}
		}
	}
	for _, m := range members {
		switch r := m.role.(type) {
		case *gozmq.Server:
			o.run(m.name, func() error { return r.Serve(ctx) })
		case interface{ Run(context.Context) error }:
			o.run(m.name, func() error { return r.Run(ctx) })
		}
	}
	return o, nil
}

// stop stops the program.
func (g *Group) stop(cancel func(), members []member, running *outcomes, o runOptions) error {
	g.mu.Lock()
	g.stopping = true
	health := slices.Clone(g.health)
	g.mu.Unlock()
	for _, h := range health {
		h.Shutdown()
	}
	errs := []error{Notify("STOPPING=1")}
	if !running.failed() {
		o.sleep(o.grace)
	}
	cancel()
	running.wg.Wait()
	errs = append(errs, running.errs...)
	for _, m := range slices.Backward(members) {
		if err := m.role.(io.Closer).Close(); err != nil && !ran(m.role) {
			errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
		}
	}
	return errors.Join(errs...)
}

// ran reports whether start has run the role, so that its error is known.
func ran(role any) bool {
	switch role.(type) {
	case *gozmq.Server, *gozmq.Worker, *gozmq.Proxy:
		return true
	}
	return false
}

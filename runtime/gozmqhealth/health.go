// Package gozmqhealth serves gozmq.v1.Health, which reports whether a server,
// or one of its services, is ready to be called. Clients in Go use
// gozmqv1gozmq.NewHealthClient or Watch; other clients use
// gozmq/v1/health.proto.
package gozmqhealth

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqv1gozmq"
)

const (
	// maxWait is how long a check waits for a change, whatever the caller asks.
	maxWait = time.Minute
	// maxWaiting is how many checks and streams wait at once. A further check is
	// answered, and a further stream refused.
	maxWaiting = 1024
)

// Health is the health that a server reports. Its methods may be called from
// any goroutine.
type Health struct {
	mu       sync.Mutex
	states   map[string]state
	unknown  state // of every other service
	version  uint64
	waiting  int
	shutdown bool
	change   chan struct{} // closed and replaced when a state changes
}

// A state is the health of one service since the last change.
type state struct {
	status  gozmqv1.HealthStatus
	version uint64
}

// Register serves gozmq.v1.Health through srv. The server as a whole, whose
// name is "", is serving from the start; its services are unknown until Set is
// called for them. It fails when srv has this service already, is running, or
// has a service with bare framing.
func Register(srv gozmq.Registrar) (*Health, error) {
	// Versions begin at random, so that one of another server, or of this one
	// before it was restarted, is not taken for one of these.
	h := &Health{states: make(map[string]state), version: rand.Uint64() | 1<<63, change: make(chan struct{})}
	h.unknown = state{gozmqv1.HealthStatus_HEALTH_STATUS_SERVICE_UNKNOWN, h.version}
	h.Set("", true)
	if err := gozmqv1gozmq.RegisterHealthServer(srv, &server{health: h}); err != nil {
		return nil, err
	}
	return h, nil
}

// Set sets whether a service is ready to be called. service is its full name,
// such as "greet.v1.Greeter"; "" is the server as a whole, which is independent
// of its services. After Shutdown it has no effect.
func (h *Health) Set(service string, serving bool) {
	status := gozmqv1.HealthStatus_HEALTH_STATUS_NOT_SERVING
	if serving {
		status = gozmqv1.HealthStatus_HEALTH_STATUS_SERVING
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.shutdown && h.set(service, status) {
		h.changed()
	}
}

// Shutdown reports from now on that nothing is serving, and answers every check
// that waits; streams go on until the server stops. Call it before a graceful
// stop, so that clients go elsewhere and the server does not wait for those that
// watch.
func (h *Health) Shutdown() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shutdown = true
	for service := range h.states {
		h.set(service, gozmqv1.HealthStatus_HEALTH_STATUS_NOT_SERVING)
	}
	h.changed()
}

// set returns whether there was a change; h.mu is held.
func (h *Health) set(service string, status gozmqv1.HealthStatus) bool {
	if h.states[service].status == status {
		return false
	}
	h.version++
	h.states[service] = state{status, h.version}
	return true
}

// changed lets those who wait look again; h.mu is held.
func (h *Health) changed() {
	close(h.change)
	h.change = make(chan struct{})
}

// wait returns the state of a service, once it is not of that version, or
// timeout is closed, or ctx ends.
func (h *Health) wait(ctx context.Context, service string, version uint64, timeout <-chan time.Time) (state, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting >= maxWaiting {
		return h.state(service), nil
	}
	h.waiting++
	defer func() { h.waiting-- }()
	for {
		s, change := h.state(service), h.change
		if s.version != version || h.shutdown {
			return s, nil
		}
		h.mu.Unlock()
		var err error
		late := false
		select {
		case <-change:
		case <-timeout:
			late = true
		case <-ctx.Done():
			err = ctx.Err()
		}
		h.mu.Lock()
		if late || err != nil {
			return h.state(service), err
		}
	}
}

// enter counts a stream that waits for changes, until leave; it returns false
// when there are too many.
func (h *Health) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting >= maxWaiting {
		return false
	}
	h.waiting++
	return true
}

func (h *Health) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting--
}

// look returns the health of a service, and a channel that is closed when that
// of any service changes.
func (h *Health) look(service string) (state, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state(service), h.change
}

// state returns the health of a service; h.mu is held.
func (h *Health) state(service string) state {
	if s, ok := h.states[service]; ok {
		return s
	}
	return h.unknown
}

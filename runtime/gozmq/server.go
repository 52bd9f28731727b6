package gozmq

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/answer"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/link"
)

// A serverState is how far a Server is. It only goes forward.
type serverState uint8

const (
	serverRegistering serverState = iota // services may be registered
	serverListening                      // the socket is there, and its endpoints are open or being opened
	serverStopping                       // no new calls; those that run are waited for
	serverStopped                        // everything is closed, and Server.left is set
)

// A Server serves REQ/REP services: make one, register the services, call
// Serve. On the wire it is a ROUTER socket, to which any REQ, DEALER or ROUTER
// may connect. Its methods may be called from any goroutine.
type Server struct {
	holdsServer
	cfg      serverConfig
	bodies   bodies
	observer *observer
	engine   *answer.Server
	role     roleState

	hurry   func()        // closes closing
	closing chan struct{} // closed: drain no longer
	stopped chan struct{} // closed when state becomes serverStopped
	left    error         // what the server left undone, once stopped is closed

	mu       sync.Mutex
	state    serverState
	opened   bool // Listen has succeeded
	served   bool // Serve was called
	services map[string]bridge.Service[Method]
	bare     bool        // the only service has bare framing
	failures []error     // of RegisterService
	links    *link.Group // nil before serverListening
	addrs    []string
}

// NewServer returns a server without services. Serve opens its endpoints (Bind,
// Connect), unless Listen has opened them before. It fails when an option or an
// endpoint is malformed. The server must be served or closed.
func NewServer(opts ...ServerOption) (*Server, error) {
	s := &Server{
		cfg:      newServerConfig(),
		services: make(map[string]bridge.Service[Method]),
		closing:  make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	for _, o := range opts {
		o.applyServer(&s.cfg)
	}
	if err := s.cfg.check(); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s.hurry = sync.OnceFunc(func() { close(s.closing) })
	s.holdsServer = bridge.Hold[bridge.Roled[Event]]((*serving)(s))
	s.bodies = s.cfg.bodies(nil)
	s.cfg.interceptor = s.cfg.interceptors.chain()
	s.engine = answer.New(answer.Config{
		Concurrency: s.cfg.concurrency, MaxWaiting: s.cfg.queue, MaxMessage: s.cfg.MaxMessageSize,
		Drain: s.cfg.drain, Idle: s.cfg.idle, MaxAge: s.cfg.maxAge, Draining: ErrDraining, Public: fromStatus,
	})
	return s, nil
}

// holdsServer is what gozmqops finds in a Server.
type holdsServer = bridge.Held[bridge.Roled[Event]]

// serving is a Server as gozmqops sees it (bridge.Roled).
type serving Server

func (s *serving) Role() bridge.Role[Event] { return &s.role }

// RegisterService adds a service (Registrar). Generated code calls it. Serve
// returns its error, too.
func (s *Server) RegisterService(svc bridge.Service[Method]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.register(svc)
	if err != nil {
		err = fmt.Errorf("register %s: %w", svc.Name, err)
		s.failures = append(s.failures, err)
	}
	return err
}

func (s *Server) register(svc bridge.Service[Method]) error {
	if s.state != serverRegistering {
		return errors.New("the server is running; register before Listen and Serve")
	}
	if _, ok := s.services[svc.Name]; ok {
		return errors.New("the service is registered already")
	}
	if s.bare {
		return errors.New("a service with bare framing, which must be alone on its server, is registered already")
	}
	for _, h := range svc.Handlers {
		if s.engine.Method(h.Method.Procedure) != nil {
			return fmt.Errorf("procedure %s is registered already", h.Method.Procedure)
		}
	}
	for _, of := range svc.Handlers {
		h := s.newHandler(of)
		if err := h.check(); err != nil {
			return err
		}
		if h.method.Bare {
			if len(s.services) > 0 {
				return errors.New("a service with bare framing must be alone on its server")
			}
			s.bare = true
		}
		s.engine.AddMethod(h.engine())
	}
	s.services[svc.Name] = svc
	return nil
}

// Services returns the services that are registered, sorted by name.
func (s *Server) Services() []bridge.Service[Method] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.services), func(a, b bridge.Service[Method]) int { return strings.Compare(a.Name, b.Name) })
}

// Listen opens the server's endpoints before Serve does, so that Addrs returns
// them. The server answers from then on. Without a service Listen fails, and
// may be called again. When an endpoint cannot be opened, it closes the server.
// On a server that listens already it does nothing.
func (s *Server) Listen() error {
	s.mu.Lock()
	began, err := s.listen()
	s.mu.Unlock()
	if err == nil {
		return nil
	}
	if began {
		_ = s.stop(0)
	}
	return fmt.Errorf("serve: %w", err)
}

// listen makes the socket and opens the endpoints; began says that there is
// something to stop after an error. s.mu is held.
func (s *Server) listen() (began bool, err error) {
	switch {
	case s.state >= serverStopping:
		return false, errors.New("the server has been stopped, or could not start: make another one with NewServer")
	case len(s.failures) > 0:
		return false, errors.Join(s.failures...)
	case s.state == serverListening:
		return false, nil
	case len(s.services) == 0:
		return false, errors.New("no service is registered: call the generated Register… functions first")
	}
	s.observer = newObserver(s.cfg.observer, &s.role)
	s.bodies.observer = s.observer
	s.cfg.Observe = s.observer.link(s.cfg.SocketType)
	s.links = s.engine.Start(s.cfg.Config)
	s.state = serverListening
	s.addrs, err = s.cfg.endpoints.open(s.links)
	s.opened = err == nil
	return true, err
}

// Addrs returns the endpoints that were bound, with ports filled in.
func (s *Server) Addrs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.addrs...)
}

// Close stops the server at once: it cancels the contexts of running calls and
// sends the replies that are ready. Use it for a server that is not served; to
// stop a served one gracefully, end the context of Serve. Close and Serve
// return the same error when the server has stopped.
func (s *Server) Close() error {
	s.hurry()
	return s.stop(0)
}

// Serve opens the endpoints, unless Listen has, and serves until ctx ends or
// Close is called. Then it stops accepting and reading, lets running calls
// finish, cancels their contexts when that takes longer than WithDrainTimeout,
// sends the last replies, and returns nil. It returns an error when it could
// not serve, for example because an endpoint is in use, or when calls or
// replies were left. A server serves once; if Close comes between Listen and
// Serve, Serve returns what Close does.
func (s *Server) Serve(ctx context.Context) error {
	if s.closedFirst() {
		return s.stop(0)
	}
	if err := s.Listen(); err != nil {
		_ = s.stop(0)
		return err
	}
	select {
	case <-ctx.Done():
	case <-s.closing:
	}
	return s.stop(s.cfg.drain)
}

// closedFirst reports whether Close came between Listen and the first Serve.
func (s *Server) closedFirst() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.served
	s.served = true
	return first && s.opened && s.state >= serverStopping
}

// stop stops the server, once; later callers wait for the first one. Calls that run
// may finish for that long, or until Close is called.
func (s *Server) stop(drain time.Duration) error {
	if listening, first := s.beginStop(); !first {
		<-s.stopped
	} else {
		if listening {
			s.left = s.engine.Stop(drain, s.closing, func(end func(context.Context) error) error { return lingering(s.cfg.linger, end) })
			s.observer.close()
		}
		s.setState(serverStopped)
		close(s.stopped)
	}
	return s.left
}

// beginStop reports whether the caller is the first to stop the server, and whether
// there is a socket to close.
func (s *Server) beginStop() (listening, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state >= serverStopping {
		return false, false
	}
	s.state = serverStopping
	return s.links != nil, true
}

func (s *Server) setState(state serverState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
}

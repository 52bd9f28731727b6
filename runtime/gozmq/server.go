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

	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

type serverConfig struct {
	socketConfig
	interceptors interceptorOption
	interceptor  Interceptor // all of them
	concurrency  int
	queue        int
	drain        time.Duration
	onPanic      func(ctx context.Context, m *Method, value any, stack []byte)
}

// A Server serves REQ/REP services. Register them, then call Serve. On the
// wire it is a ROUTER socket, which any REQ, DEALER or ROUTER may talk to.
type Server struct {
	cfg      serverConfig
	bodies   bodies
	observer *observer
	limiter  limiter
	calls    runningCalls

	closing   chan struct{} // closed by Close
	closeOnce sync.Once
	stopped   chan struct{} // closed when stop has come to its end
	left      error         // what stop has left undone, once stopped is closed

	mu       sync.Mutex
	entries  map[string]*Handler // by procedure
	services map[string]Service
	bare     *Handler // the only method of a bare service
	failures []error  // of RegisterService
	router   *socket.Router
	cancel   context.CancelCauseFunc // of the handlers' contexts
	addrs    []string
	open     bool // Listen has opened something
	done     bool
}

// NewServer returns a server without services. What is wrong with an option is
// reported by Listen or Serve.
func NewServer(opts ...ServerOption) *Server {
	s := &Server{
		cfg: serverConfig{
			socketConfig: newSocketConfig(zmtp.Router),
			concurrency:  10000,
			drain:        10 * time.Second,
		},
		entries:  make(map[string]*Handler),
		services: make(map[string]Service),
		closing:  make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	for _, o := range opts {
		o.applyServer(&s.cfg)
	}
	return s
}

type serverOption func(*serverConfig)

func (o serverOption) applyServer(c *serverConfig) { o(c) }

// WithMaxWaiting sets how many calls may wait, first come first served, while
// as many run as WithConcurrency allows. Default: 0.
func WithMaxWaiting(n int) ServerOption {
	return serverOption(func(c *serverConfig) { c.queue = n })
}

// WithPanicHandler has f called when a handler panics, in the handler's
// goroutine. The caller is told no more than that there was an internal error.
func WithPanicHandler(f func(ctx context.Context, m *Method, value any, stack []byte)) ServerOption {
	return serverOption(func(c *serverConfig) { c.onPanic = f })
}

// RegisterService adds a service (Registrar). Generated code calls it. An
// error here is returned by Serve, too.
func (s *Server) RegisterService(svc Service) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.register(svc)
	if err != nil {
		err = fmt.Errorf("register %s: %w", svc.Name, err)
		s.failures = append(s.failures, err)
	}
	return err
}

func (s *Server) register(svc Service) error {
	if s.router != nil || s.done {
		return errors.New("the server is running; register before Listen and Serve")
	}
	if _, ok := s.services[svc.Name]; ok {
		return errors.New("the service is registered already")
	}
	if s.bare != nil {
		return errors.New("a service with bare framing, which must be alone on its server, is registered already")
	}
	for _, h := range svc.Handlers {
		if _, ok := s.entries[h.method.Procedure]; ok {
			return fmt.Errorf("procedure %s is registered already", h.method.Procedure)
		}
	}
	for i := range svc.Handlers {
		h := &svc.Handlers[i]
		if h.method.Bare {
			if len(s.services) > 0 {
				return errors.New("a service with bare framing must be alone on its server")
			}
			s.bare = h
		}
		s.entries[h.method.Procedure] = h
	}
	s.services[svc.Name] = svc
	return nil
}

// Services returns the services that are registered, sorted by name.
func (s *Server) Services() []Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.services), func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
}

// Listen opens endpoints ahead of Serve, so that Addrs is known. The server
// answers from then on.
func (s *Server) Listen(endpoints ...Endpoints) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return errors.New("serve: the server has been stopped, or could not start: make another one with NewServer")
	}
	if err := s.start(); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	var all Endpoints
	for _, e := range endpoints {
		e.add(&all)
	}
	addrs, err := all.open(s.router.Links())
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	s.addrs = append(s.addrs, addrs...)
	s.open = true
	return nil
}

// start checks what was given and makes the socket, once; s.mu is held.
func (s *Server) start() error {
	if s.router != nil {
		return nil
	}
	errs := append([]error{s.cfg.check(), s.cfg.interceptors.check()}, s.failures...)
	if s.cfg.concurrency < 1 {
		errs = append(errs, fmt.Errorf("WithConcurrency: %d, want at least 1", s.cfg.concurrency))
	}
	if s.cfg.queue < 0 {
		errs = append(errs, fmt.Errorf("WithMaxWaiting: %d, want 0 or more", s.cfg.queue))
	}
	if s.cfg.drain < 0 {
		errs = append(errs, fmt.Errorf("WithDrainTimeout: %v, want 0 or more", s.cfg.drain))
	}
	if len(s.services) == 0 && len(s.failures) == 0 {
		errs = append(errs, errors.New("no service is registered: call the generated Register… functions first"))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.bodies = s.cfg.bodies()
	s.limiter.limit, s.limiter.queue = s.cfg.concurrency, s.cfg.queue
	s.cfg.interceptor = s.cfg.interceptors.chain()
	s.observer = newObserver(s.cfg.observer)
	s.cfg.Observe = s.observer.link(s.cfg.SocketType)
	base, cancel := context.WithCancelCause(context.Background())
	s.cancel = cancel
	s.router = socket.NewRouter(base, s.cfg.Config, requestReceiver{s})
	return nil
}

// Addrs returns the endpoints that were bound, with ports filled in.
func (s *Server) Addrs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.addrs...)
}

// Close stops the server at once, also one whose Serve is waiting for calls that
// run: their contexts are cancelled, replies that are ready are sent. It is for
// servers that are not, or no longer, to be served; the usual end is that of
// Serve's context. Close and Serve return when the server has stopped, with the
// same error.
func (s *Server) Close() error {
	s.closeOnce.Do(func() { close(s.closing) })
	return s.stop(0)
}

var errStopped = errors.New("the server is stopping")

// Serve opens endpoints, if any are given, and serves until ctx ends or Close is
// called. Then it stops accepting and reading, lets the calls that run finish,
// cancels their contexts when that takes longer than WithDrainTimeout, sends the
// last replies, and returns nil. An error says what kept it from serving, as
// that no service is registered, or that something was left undone. A server
// serves once.
func (s *Server) Serve(ctx context.Context, endpoints ...Endpoints) error {
	open, err := s.isOpen()
	if err == nil && (len(endpoints) > 0 || !open) {
		err = s.Listen(endpoints...)
	}
	if err != nil {
		s.stop(0)
		return err
	}
	select {
	case <-ctx.Done():
	case <-s.closing:
	}
	return s.stop(s.cfg.drain)
}

func (s *Server) isOpen() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, errors.Join(s.failures...)
}

// stop stops the server, once; whoever comes later waits for that.
func (s *Server) stop(drain time.Duration) error {
	s.mu.Lock()
	router, done := s.router, s.done
	s.done = true
	s.mu.Unlock()
	if done {
		<-s.stopped
		return s.left
	}
	if router != nil {
		s.left = s.drain(router, drain)
	}
	close(s.stopped)
	return s.left
}

// drain lets the calls that run finish, for that long or until Close is called,
// and closes the socket.
func (s *Server) drain(router *socket.Router, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	go func() {
		select {
		case <-s.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	_ = router.Drain(ctx) // what does not finish is cancelled now
	s.cancel(errStopped)
	_ = lingering(s.cfg.linger, router.Wait)
	err := lingering(s.cfg.linger, router.Shutdown)
	s.observer.close()
	return err
}

// reply sends an answer; a peer that is gone does not get it.
func reply(p *socket.RouterPeer, envelope []byte, appendFrames func(b []byte) ([]byte, error)) error {
	b, err := p.BeginForced()
	if err != nil {
		return nil
	}
	done := false
	defer func() {
		if !done {
			p.Abort()
		}
	}()
	b = append(b, envelope...)
	if b, err = appendFrames(b); err != nil {
		return err
	}
	done = true
	p.Commit(b)
	return nil
}

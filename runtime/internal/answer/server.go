package answer

import (
	"context"
	"errors"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
)

// Config is the configuration of a Server. Draining and Public must be set.
type Config struct {
	Concurrency int           // how many calls may run at once
	MaxWaiting  int           // how many others may wait
	MaxMessage  int           // bytes of one body
	Drain       time.Duration // how long a stream may go on after MaxAge
	Idle        time.Duration // how long a stream may have no message; 0: without limit
	MaxAge      time.Duration // of a stream; 0: without limit
	// Draining is the cause with which a handler's context ends when its stream
	// must end.
	Draining error
	// Public converts an error of this package for users, in an event or as the
	// cause of a handler's context.
	Public func(error) error
}

// A Server carries out the requests of a Router. Its methods may be called from any
// goroutine, except that AddMethod may only be called before Start.
type Server struct {
	cfg     Config
	limiter limiter
	calls   runningCalls
	streams runningStreams
	methods map[string]*Method // by procedure
	bare    *Method            // the only method, if it has bare framing

	router *socket.Router
	cancel context.CancelCauseFunc // of the handlers' contexts
}

// New returns a Server without methods.
func New(cfg Config) *Server {
	return &Server{cfg: cfg, limiter: limiter{limit: cfg.Concurrency, queue: cfg.MaxWaiting}, methods: make(map[string]*Method)}
}

// A Method is one method that a Server carries out.
type Method struct {
	Procedure     string
	Bare          bool
	ClientStreams bool
	ServerStreams bool
	// NewWork returns the Work for a request on that connection with that metadata.
	// The connection's reader calls it.
	NewWork func(p *socket.RouterPeer, metadata map[string][]string) Work

	pace     socket.Pace
	outcomes status.Outcomes
}

// Outcomes returns how the method's calls have ended, including calls that were
// refused or could not be decoded.
func (m *Method) Outcomes() *status.Outcomes { return &m.outcomes }

// ended counts a call that has ended with err, nil for success.
func (m *Method) ended(err error) { m.outcomes.Count(status.CodeOf(err)) }

func (m *Method) streams() bool { return m.ClientStreams || m.ServerStreams }

// Method returns the method of that name; nil if there is none.
func (s *Server) Method(procedure string) *Method { return s.methods[procedure] }

// AddMethod adds a method. A method with bare framing must be the only one.
func (s *Server) AddMethod(m *Method) {
	s.methods[m.Procedure] = m
	if m.Bare {
		s.bare = m
	}
}

// Start makes the socket, and returns its connections. Stop must be called.
func (s *Server) Start(cfg link.Config) *link.Group {
	base, cancel := context.WithCancelCause(context.Background())
	s.cancel = cancel
	s.router = socket.NewRouter(base, cfg, receiver{s})
	return s.router.Links()
}

var errStopped = errors.New("the server is stopping")

// Stop waits for running calls, at most for limit or until hurry is closed, cancels
// the others, and closes the socket. linger calls a function with the context in
// which it must send the queued replies.
func (s *Server) Stop(limit time.Duration, hurry <-chan struct{}, linger func(func(context.Context) error) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	go func() {
		select {
		case <-hurry:
			cancel()
		case <-ctx.Done():
		}
	}()
	s.streams.drain()
	_ = s.router.Drain(ctx) // calls that have not finished are canceled next
	s.cancel(errStopped)
	_ = linger(s.router.Wait)
	return linger(s.router.Shutdown)
}

// Counts returns how many calls run and wait, and how many were refused.
func (s *Server) Counts() Counts { return s.limiter.counts() }

// Streams returns how many streams are open.
func (s *Server) Streams() int { return s.streams.count() }

// statusLimit returns how large a failure's status may be for a client.
func (s *Server) statusLimit(p *socket.RouterPeer) int {
	limit := s.cfg.MaxMessage
	if n := p.MaxMessage; n > 0 && n < int64(limit) {
		limit = int(n)
	}
	return limit
}

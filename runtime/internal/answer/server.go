package answer

import (
	"context"
	"errors"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
)

// Config is what a Server is set to. Draining and Public must be there.
type Config struct {
	Concurrency int           // how many calls may run
	MaxWaiting  int           // how many others may wait
	MaxMessage  int           // bytes of one body
	Drain       time.Duration // how long a stream that is too old may go on
	Idle        time.Duration // of a stream without a message; 0: any time
	MaxAge      time.Duration // of a stream; 0: any
	// Draining is the cause with which a handler's context ends when its stream is
	// to end.
	Draining error
	// Public returns an error of this package as users see it, in an event or as
	// the cause of a handler's context.
	Public func(error) error
}

// A Server carries out the requests of a Router. Its methods may be called from any
// goroutine, but AddMethod only before Start.
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
	// NewWork returns the Work for a request of that connection with that metadata.
	// The connection's reader calls it.
	NewWork func(p *socket.RouterPeer, metadata map[string][]string) Work

	pace     socket.Pace
	outcomes status.Outcomes
}

// Outcomes returns how the method's calls have ended, those included that were
// refused or could not be decoded.
func (m *Method) Outcomes() *status.Outcomes { return &m.outcomes }

// ended counts a call that has ended with err, nil for success.
func (m *Method) ended(err error) { m.outcomes.Count(status.CodeOf(err)) }

func (m *Method) streams() bool { return m.ClientStreams || m.ServerStreams }

// Method returns the method of that name; nil if there is none.
func (s *Server) Method(procedure string) *Method { return s.methods[procedure] }

// AddMethod adds a method. One with bare framing has to be the only one.
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

// Stop lets the calls that run finish, for that long or until hurry is closed, and
// closes the socket. linger calls a function with the context in which it has to
// send what is left.
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
	_ = s.router.Drain(ctx) // what does not finish is canceled now
	s.cancel(errStopped)
	_ = linger(s.router.Wait)
	return linger(s.router.Shutdown)
}

// Counts returns how many calls run and wait, and how many were refused.
func (s *Server) Counts() Counts { return s.limiter.counts() }

// Streams returns how many streams are open.
func (s *Server) Streams() int { return s.streams.count() }

// statusLimit returns how large the status of a failure may be for a client.
func (s *Server) statusLimit(p *socket.RouterPeer) int {
	limit := s.cfg.MaxMessage
	if n := p.MaxMessage; n > 0 && n < int64(limit) {
		limit = int(n)
	}
	return limit
}

package socket

import (
	"context"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// An echoServer is a receiver whose jobs send each request back. before, where
// set, runs in the job; a request for which it returns false is not answered.
type echoServer struct {
	before func(p *RouterPeer, frames [][]byte) bool
	pace   Pace
}

type echoJob struct {
	server *echoServer
	peer   *RouterPeer
	frames [][]byte
}

func (s *echoServer) Receive(p *RouterPeer, frames [][]byte) Job {
	var kept [][]byte
	for _, f := range frames {
		kept = append(kept, append([]byte(nil), f...))
	}
	return &echoJob{s, p, kept}
}

// TooLarge answers with what was read, and "too large".
func (s *echoServer) TooLarge(p *RouterPeer, frames [][]byte, err *zmtp.SizeError) bool {
	if _, _, ok := wire.SplitCallID(frames); !ok {
		return false
	}
	if b, err := p.BeginForced(); err == nil {
		p.Commit(zmtptest.AppendMessage(b, append(frames, []byte("too large"))...))
	}
	return true
}

// Refuse answers with one frame more than was asked.
func (j *echoJob) Refuse() {
	if b, err := j.peer.BeginForced(); err == nil {
		j.peer.Commit(zmtptest.AppendMessage(b, append(j.frames, []byte("refused"))...))
	}
}

func (j *echoJob) Pace() *Pace { return &j.server.pace }

func (j *echoJob) Run() {
	if j.server.before != nil && !j.server.before(j.peer, j.frames) {
		return
	}
	if b, err := j.peer.BeginForced(); err == nil {
		j.peer.Commit(zmtptest.AppendMessage(b, j.frames...))
	}
}

// routing returns a bound router; it is drained and shut down at the end of
// the test, when every job must return.
func routing(t *testing.T, cfg link.Config, r Receiver, endpoint string) (*Router, transport.Endpoint) {
	t.Helper()
	base, cancel := context.WithCancel(context.Background())
	router := NewRouter(base, cfg, r)
	t.Cleanup(func() {
		ctx, stop := context.WithCancel(context.Background())
		stop()
		cancel()
		if !router.isDraining() {
			_ = router.Drain(ctx)
		}
		_ = router.Shutdown(ctx)
	})
	return router, bind(t, router.Links(), endpoint)
}

func routerConfig() link.Config { return testConfig(zmtp.Router, newRecorder()) }

func (r *Router) isDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draining
}

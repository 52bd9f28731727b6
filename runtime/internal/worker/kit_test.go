package worker

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

func testConfig(kind zmtp.SocketType) link.Config {
	return link.Config{
		SocketType: kind, MaxMessageSize: 1 << 20, SendQueue: 1000, SendQueueBytes: 1 << 20,
		ConnectTimeout: testkit.Patience(), HandshakeTimeout: testkit.Patience(), MaxHandshakes: 64, MaxPeers: 1000,
		ReconnectMin: time.Millisecond, ReconnectMax: 20 * time.Millisecond,
	}
}

func bind(t *testing.T, g *link.Group) transport.Endpoint {
	t.Helper()
	ep, err := transport.ParseBind("inproc://" + t.Name())
	if err != nil {
		t.Fatal(err)
	}
	if ep, err = g.Bind(ep); err != nil {
		t.Fatal(err)
	}
	return ep
}

// pushing returns a PUSH socket that is connected to ep.
func pushing(t *testing.T, ep transport.Endpoint) *socket.Push {
	t.Helper()
	p := socket.NewPush(testConfig(zmtp.Push))
	t.Cleanup(func() { _ = p.Shutdown(testkit.Within(t)) })
	if err := p.Links().Connect(ep); err != nil {
		t.Fatal(err)
	}
	return p
}

// push sends a task.
func push(t *testing.T, p *socket.Push, procedure, body string) {
	t.Helper()
	if err := p.Send(testkit.Within(t), wire.PlainTask{Procedure: []byte(procedure), Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
}

// A fakeWork is a Work whose handler is a function.
type fakeWork struct {
	context.Context
	task     Task
	body     string
	run      func(w *fakeWork) error
	metadata wire.Metadata
	failed   func(w *fakeWork, err error)
}

var errBody = errors.New("bad body")

func (w *fakeWork) Decode(body []byte) error {
	if w.body = string(body); w.body == "bad" {
		return errBody
	}
	return nil
}
func (w *fakeWork) Run(context.Context) error              { return w.run(w) }
func (w *fakeWork) Panicked(p *guarded.PanicError) error   { return p }
func (w *fakeWork) ResultMetadata() (wire.Metadata, error) { return w.metadata, nil }
func (w *fakeWork) EncodeResult() ([]byte, error)          { return []byte(w.body), nil }
func (w *fakeWork) Reusable() bool                         { return w.metadata == nil }
func (w *fakeWork) Free()                                  {}
func (w *fakeWork) Settled(wire.Verb, error)               {}

func (w *fakeWork) AppendBody(b []byte, flags byte) ([]byte, error) {
	return zmtp.AppendFrame(b, flags, []byte(w.body)), nil
}

func (w *fakeWork) Failed(err error) {
	if w.failed != nil {
		w.failed(w, err)
	}
}

// method returns a method whose tasks run handles.
func method(procedure string, run func(*fakeWork) error, failed func(*fakeWork, error)) *Method {
	return &Method{Procedure: procedure, NewWork: func(ctx context.Context, task Task) Work {
		return &fakeWork{Context: ctx, task: task, run: run, failed: failed}
	}}
}

// A failures keeps the errors of attempts by the body of their task.
type failures struct {
	mu   sync.Mutex
	errs map[string]error
}

func (f *failures) add(w *fakeWork, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.errs == nil {
		f.errs = make(map[string]error)
	}
	f.errs[w.body] = err
}

func (f *failures) of(body string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.errs[body]
}

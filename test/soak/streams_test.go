package soak

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// Methods with streams, as generated code has them. None is idempotent.
var (
	watchMethod  = &gozmq.Method{Procedure: "soak.Streams/Watch", ServerStreams: true}
	uploadMethod = &gozmq.Method{Procedure: "soak.Streams/Upload", ClientStreams: true}
	chatMethod   = &gozmq.Method{Procedure: "soak.Streams/Chat", ClientStreams: true, ServerStreams: true}
	floodMethod  = &gozmq.Method{Procedure: "soak.Streams/Flood", ServerStreams: true}
	stuckMethod  = &gozmq.Method{Procedure: "soak.Streams/Stuck", ClientStreams: true}
)

// streamLength is how many messages a stream of the soak has in each direction.
const streamLength = 30

// registerStreams registers handlers of streams, which note each message before
// they send it, or once they have received it.
func registerStreams(r gozmq.Registrar, note func(id string)) error {
	h := streamHandlers{note}
	return gozmqimpl.Register(r, "soak.Streams", nil, func() []gozmqimpl.Handler {
		return []gozmqimpl.Handler{
			gozmqimpl.HandleServerStream(watchMethod, h.watch),
			gozmqimpl.HandleClientStream(uploadMethod, h.upload),
			gozmqimpl.HandleBidiStream(chatMethod, h.chat),
			gozmqimpl.HandleServerStream(floodMethod, flood),
			gozmqimpl.HandleClientStream(stuckMethod, stuck),
		}
	})
}

type streamHandlers struct{ note func(id string) }

// watch sends messages that are named after the request.
func (h streamHandlers) watch(ctx context.Context, req *text, out gozmq.Sender[text]) error {
	for n := range streamLength {
		id := fmt.Sprint(req.GetValue(), "#", n)
		h.note(id)
		if err := out.Send(ctx, wrapperspb.String(id)); err != nil {
			return err
		}
		if !paced(ctx) {
			return ctx.Err()
		}
	}
	return nil
}

// upload answers with how many messages came.
func (h streamHandlers) upload(_ context.Context, in iter.Seq2[*text, error]) (*number, error) {
	count := int64(0)
	for m, err := range in {
		if err != nil {
			return nil, err
		}
		h.note(m.GetValue())
		count++
	}
	return wrapperspb.Int64(count), nil
}

// chat sends back what it receives.
func (h streamHandlers) chat(ctx context.Context, in iter.Seq2[*text, error], out gozmq.Sender[text]) error {
	for m, err := range in {
		if err != nil {
			return err
		}
		h.note(m.GetValue())
		if err := out.Send(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// flood sends until it cannot.
func flood(ctx context.Context, _ *text, out gozmq.Sender[text]) error {
	m := wrapperspb.String(strings.Repeat("x", 1000))
	for {
		if err := out.Send(ctx, m); err != nil {
			return err
		}
	}
}

// stuck receives nothing.
func stuck(ctx context.Context, _ iter.Seq2[*text, error]) (*number, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A streamLedger counts the messages that the handlers have noted.
type streamLedger struct {
	mu    sync.Mutex
	noted map[string]int
}

func newStreamLedger() *streamLedger { return &streamLedger{noted: make(map[string]int)} }

func (l *streamLedger) note(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noted[id]++
}

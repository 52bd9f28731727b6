package gozmq

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// A brokenCodec panics where it says.
type brokenCodec struct {
	*countingCodec
	size, marshal, unmarshal bool
}

func (c brokenCodec) Size(m proto.Message) int {
	if c.size {
		panic("secret")
	}
	return c.countingCodec.Size(m)
}

func (c brokenCodec) MarshalAppend(b []byte, m proto.Message, size int) ([]byte, error) {
	if c.marshal {
		panic("secret")
	}
	return c.countingCodec.MarshalAppend(b, m, size)
}

func (c brokenCodec) Unmarshal(b []byte, m proto.Message) error {
	if c.unmarshal {
		panic("secret")
	}
	return c.countingCodec.Unmarshal(b, m)
}

// TestCodecPanic checks that a codec's panic fails the one message, on either side,
// and that the other side does not learn its value.
func TestCodecPanic(t *testing.T) {
	for name, codec := range map[string]brokenCodec{"Size": {size: true}, "MarshalAppend": {marshal: true}, "Unmarshal": {unmarshal: true}} {
		codec.countingCodec = new(countingCodec)
		t.Run(name, func(t *testing.T) {
			events := newRecorder()
			_, c := inproc().pair(t, echoHandlers(), []ServerOption{WithCodec(codec), events.option()}, nil)
			for i := range 3 {
				err := callEcho(testkit.Within(t), c, "x")
				wantCode(t, err, CodeInternal, "the codec panicked")
				wantText(t, events.wait(t, EventPanic, i+1).Err, "the codec's "+name+" of google.protobuf.BytesValue", "secret")
			}
			events = newRecorder()
			_, c = inproc().pair(t, echoHandlers(), nil, []DialOption{WithCodec(codec), events.option()})
			for i := range 3 {
				wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeInternal, "the codec panicked")
				events.wait(t, EventPanic, i+1)
			}
			p := publisher(t, Bind(endpoints()["inproc"]), WithCodec(codec))
			sub := subscriber(t, Connect(p.Addrs()[0]), WithCodec(codec))
			messages := listen(t, p, sub)
			err := Publish(testkit.Within(t), p, &temperature, at("ams", "x"))
			if codec.unmarshal {
				err = messages.nextError(t)
			}
			wantText(t, err, "the codec panicked")
		})
	}
}

// TestEventHandlerPanic checks that the event handler is told of its panic, and of
// what happens later.
func TestEventHandlerPanic(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			events := newRecorder()
			p := publisher(t, Bind("tcp://127.0.0.1:*"), WithEventHandler(func(e Event) {
				events.Record(e)
				end()
			}))
			wantText(t, events.wait(t, EventPanic, 1).Err, "the event handler")
			subscriber(t, Connect(p.Addrs()[0]))
			events.wait(t, EventConnected, 1)
		})
	}
}

// TestClientInterceptorPanic makes it the error of the call, and leaves nothing
// behind.
func TestClientInterceptorPanic(t *testing.T) {
	events := newRecorder()
	_, c := inproc().pair(t, echoHandlers(), nil, []DialOption{events.option(), WithInterceptors(
		func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
			if string(req.(*bytez).GetValue()) == "bad" {
				panic("boom")
			}
			return next(ctx, req)
		})})
	wantCode(t, callEcho(testkit.Within(t), c, "bad"), CodeInternal, echoMethod.Procedure, "an interceptor: panic: boom")
	if e := events.wait(t, EventPanic, 1); e.Procedure != echoMethod.Procedure || len(e.Stack) == 0 {
		t.Errorf("the event is %v", e)
	}
	mustEcho(t, c)
}

// TestPanicHandlerPanic checks that the handler of panics may panic.
func TestPanicHandlerPanic(t *testing.T) {
	events := newRecorder()
	crash := &Method{Procedure: "test.Service/Crash"}
	_, c := inproc().pair(t, append(echoHandlers(), Handle(crash, func(context.Context, *bytez) (*bytez, error) { panic("one") })),
		[]ServerOption{events.option(), WithPanicHandler(func(context.Context, *Method, any, []byte) { panic("two") })}, nil)
	_, err := Call[bytez](testkit.Within(t), c, crash, &bytez{})
	wantCode(t, err, CodeInternal, "internal error")
	events.wait(t, EventPanic, 2)
	mustEcho(t, c)
}

type brokenResolver struct{}

func (brokenResolver) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	panic("boom")
}

// TestResolverPanic makes it a failed attempt, for one address and for all of a
// host.
func TestResolverPanic(t *testing.T) {
	for _, endpoint := range []string{"tcp://example.invalid:1", "dns://example.invalid:1"} {
		events := newRecorder()
		dial(t, Connect(endpoint), WithResolver(brokenResolver{}), events.option(), WithReconnectBackoff(time.Millisecond, time.Millisecond))
		wantText(t, events.wait(t, EventDialFailed, 3).Err, "the resolver ended with a panic: boom")
	}
}

// TestCaptureHandlerPanic checks that the message passes all the same.
func TestCaptureHandlerPanic(t *testing.T) {
	events := newRecorder()
	p, err := NewProxy(PatternReqRep, Front(Bind(endpoints()["inproc"])), Back(Bind(endpoints()["inproc"])),
		WithCaptureHandler(func(ProxyMessage) { panic("boom") }), events.option())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	serve(t, Connect(p.BackAddrs()[0]), echoHandlers())
	mustEcho(t, dial(t, Connect(p.FrontAddrs()[0])))
	wantText(t, events.wait(t, EventPanic, 2).Err, "the capture handler: panic: boom")
}

// A brokenStore panics in every method, or only in the second one.
type brokenStore struct {
	gozmqstore.Memory
	load bool
}

func (s *brokenStore) Acquire(ctx context.Context, standby func()) (gozmqstore.Session, error) {
	session, err := s.Memory.Acquire(ctx, standby)
	return &brokenSession{session, s.load}, err
}

type brokenSession struct {
	gozmqstore.Session
	load bool
}

func (s *brokenSession) Load(ctx context.Context, visit func(gozmqstore.Task) error) error {
	if s.load {
		panic("boom")
	}
	return s.Session.Load(ctx, visit)
}

func (s *brokenSession) Apply(context.Context, *gozmqstore.Change) error { panic("boom") }

// TestTaskStorePanic makes it the error of what was asked of the store.
func TestTaskStorePanic(t *testing.T) {
	if _, err := NewVentilator(DeliveryAtLeastOnce, Bind(endpoints()["inproc"]), WithTaskStore(&brokenStore{load: true})); err == nil {
		t.Error("a ventilator was made although its store panicked")
	} else {
		wantText(t, err, "the store's Load: panic: boom")
	}
	events := newRecorder()
	v := ventilator(t, DeliveryAtLeastOnce, Bind(endpoints()["inproc"]), WithTaskStore(&brokenStore{}), events.option())
	for range 2 {
		wantCode(t, v.Push(testkit.Within(t), sureMethod, wrapperspb.Int64(1)), CodeUnavailable, "the store's Apply: panic: boom")
	}
	events.wait(t, EventPanic, 2)
	events.wait(t, EventStoreFailed, 2)
}

// TestPipelineCallbackPanics has the handlers of dead letters, batches and failed
// tasks panic, and call runtime.Goexit, and the pipeline goes on.
func TestPipelineCallbackPanics(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			vEvents, kEvents, wEvents := newRecorder(), newRecorder(), newRecorder()
			dead := make(chan struct{}, 10)
			var ended atomic.Bool
			p := inproc().surePipeline(t,
				[]VentilatorOption{vEvents.option(), WithDeadLetterHandler(func(context.Context, DeadLetter) error {
					if !ended.Load() {
						dead <- struct{}{}
						end()
					}
					return nil
				})},
				[]SinkOption{kEvents.option(), WithBatchHandler(func(BatchStatus) { end() })})
			work(t, surely(func(ctx context.Context, task *number) (*number, error) {
				if task.GetValue() < 0 {
					return nil, Permanent(errors.New("negative"))
				}
				return squares(ctx, task)
			}), From(Connect(p.Ventilator.Addrs()[0])), To(Connect(p.Sink.Addrs()[0])), wEvents.option(),
				WithTaskErrorHandler(func(context.Context, *Method, proto.Message, error) { panic("boom") }))
			batch := p.Ventilator.StartBatch("b")
			for _, n := range []int64{-1, -2} {
				if err := p.Ventilator.Push(batch.Context(testkit.Within(t)), sureMethod, wrapperspb.Int64(n)); err != nil {
					t.Fatal(err)
				}
				testkit.Receive(t, dead, "the dead letter")
			}
			if err := batch.End(testkit.Within(t)); err != nil {
				t.Fatal(err)
			}
			wantText(t, vEvents.wait(t, EventPanic, 2).Err, "the dead letter handler")
			ended.Store(true) // now the letters, which were kept, are handled
			wantText(t, wEvents.wait(t, EventPanic, 2).Err, "the task error handler")
			wantText(t, kEvents.wait(t, EventPanic, 1).Err, "the batch handler")
			p.pushSure(t, sureMethod, 3)
			p.wantSureSquares(t, 3)
			waitDone(t, p.Ventilator)
		})
	}
}

// TestTopicCallbackPanics has the handlers of errors and of the subscription panic.
func TestTopicCallbackPanics(t *testing.T) {
	p := publisher(t, Bind(endpoints()["inproc"]))
	events := newRecorder()
	sub := subscriber(t, Connect(p.Addrs()[0]), events.option())
	ctx, cancel := context.WithCancel(testkit.Within(t))
	got, done := make(chan string, 1), make(chan error, 1)
	handlers := func() []TopicHandler {
		return []TopicHandler{HandleTopic(&temperature, stationFilter{}, func(_ context.Context, r *reading) error {
			if r.GetNote() == "bad" {
				return errors.New("bad")
			}
			got <- r.GetNote()
			return nil
		})}
	}
	go func() {
		done <- HandleTopics(ctx, sub, "test.Feed", handlers, []TopicHandlerOption{
			WithSubscribedHandler(func() { panic("boom") }),
			WithTopicErrorHandler(func(context.Context, string, error) { panic("boom") }),
		})
	}()
	if err := p.WaitForSubscribers(testkit.Within(t), "weather/any/temperature", 1); err != nil {
		t.Fatal(err)
	}
	wantText(t, events.wait(t, EventPanic, 1).Err, "the subscribed handler: panic: boom")
	publish(t, p, at("ams", "bad"), at("ams", "good"))
	if note := testkit.Receive(t, got, "the message behind"); note != "good" {
		t.Errorf("got %q", note)
	}
	events.wait(t, EventPanic, 2)
	cancel()
	if err := testkit.Receive(t, done, "the end"); err != nil {
		t.Error(err)
	}
}

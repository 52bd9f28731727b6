package gozmq

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/bridge"
)

// onDeadLetter is gozmqimpl.OnDeadLetter for tasks that are numbers.
func onDeadLetter(m *Method, f func(context.Context, *number, DeadLetter) error) VentilatorOption {
	return bridge.Open(new(DeadLetter)).Handle(m, func() proto.Message { return new(number) }, func(ctx context.Context, task proto.Message, d DeadLetter) error {
		return f(ctx, task.(*number), d)
	})
}

// giveUp runs a worker that gives up every task of the methods.
func giveUp(t *testing.T, v *Ventilator, methods ...*Method) *runningWorker {
	var handlers []TaskHandler
	for _, m := range methods {
		handlers = append(handlers, HandleTaskOnly(m, func(context.Context, *number) error { return Permanent(errors.New("no")) }))
	}
	return work(t, handlers, From(Connect(v.Addrs()...)))
}

// A letter that its handler fails is kept and comes again, while others come; what
// has a typed handler does not go to the other one.
func TestDeadLetterComesAgain(t *testing.T) {
	events := newRecorder()
	typed, other := make(chan int64, 10), make(chan DeadLetter, 10)
	failures := 2
	v := ventilator(t, DeliveryAtLeastOnce, Bind("inproc://"+t.Name()), events.option(), WithRetryBackoff(time.Millisecond, time.Millisecond),
		onDeadLetter(sureMethod, func(_ context.Context, task *number, d DeadLetter) error {
			if task.GetValue() == 1 && failures > 0 {
				failures--
				if failures == 0 {
					panic("not yet")
				}
				return errors.New("not now")
			}
			wantCode(t, d.Reason, CodeUnknown, "no")
			typed <- task.GetValue()
			return nil
		}),
		WithDeadLetterHandler(func(_ context.Context, d DeadLetter) error { other <- d; return nil }))
	for _, m := range []*Method{sureMethod, sureLog} {
		pushNumbers(t, v, m, 1)
	}
	giveUp(t, v, sureMethod, sureLog)
	wantLetter(t, other, 1, 1, CodeUnknown, "no")
	if got := testkit.Receive(t, typed, "the letter"); got != 1 {
		t.Errorf("got task %d", got)
	}
	waitDone(t, v)
	if e := events.wait(t, EventLetterFailed, 2); e.Procedure != sureMethod.Procedure || !strings.Contains(e.Err.Error(), "not ") {
		t.Errorf("the event is %v", e)
	}
	wantText(t, events.wait(t, EventPanic, 1).Err, "the dead letter handler: panic: not yet")
	events.wait(t, EventTaskDead, 2)
}

// A task that the typed handler cannot decode goes to the other one.
func TestDeadLetterOfAnotherType(t *testing.T) {
	dead, option := letters()
	v := ventilator(t, DeliveryAtLeastOnce, Bind("inproc://"+t.Name()), option, bridge.Open(new(DeadLetter)).Handle(sureMethod,
		func() proto.Message { return new(wrapperspb.StringValue) },
		func(context.Context, proto.Message, DeadLetter) error { t.Error("it was decoded"); return nil }))
	if err := v.Push(testkit.Within(t), sureMethod, wrapperspb.Bytes([]byte{0xff})); err != nil {
		t.Fatal(err)
	}
	giveUp(t, v, sureMethod)
	if d := testkit.Receive(t, dead, "the letter"); string(d.Body()) != "\n\x01\xff" {
		t.Errorf("the body is %q", d.Body())
	}
}

// Close gives handlers of letters the linger time. Then a store still has the
// letter, which the next ventilator offers again.
func TestDeadLetterSurvives(t *testing.T) {
	for name, store := range map[string]gozmqstore.Store{"memory": nil, "store": new(memoryStore)} {
		t.Run(name, func(t *testing.T) {
			opts := []VentilatorOption{DeliveryAtLeastOnce, Bind("ipc://" + t.TempDir() + "/v")}
			if store != nil {
				opts = append(opts, WithTaskStore(store))
			}
			offered := make(chan struct{}, 1)
			v, err := NewVentilator(append(opts, WithLinger(50*time.Millisecond), WithDeadLetterHandler(func(ctx context.Context, _ DeadLetter) error {
				offered <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			}))...)
			if err != nil {
				t.Fatal(err)
			}
			pushNumbers(t, v, sureMethod, 1)
			w := giveUp(t, v, sureMethod)
			testkit.Receive(t, offered, "the letter")
			_ = w.stop()
			want := "dead letters that were not handled, and are lost: 1"
			if store != nil {
				want = "dead letters that were not handled: 1 (they are stored"
			}
			if err := v.Close(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Close: %v, want %q", err, want)
			}
			if store == nil {
				return
			}
			dead, option := letters()
			v = ventilator(t, append(opts, option)...)
			wantLetter(t, dead, 1, 1, CodeUnknown, "no")
			waitDone(t, v)
		})
	}
}

func TestDeadLetterOptions(t *testing.T) {
	some := func(context.Context, *number, DeadLetter) error { return nil }
	at := Bind("inproc://" + t.Name())
	for want, opts := range map[string][]VentilatorOption{
		"test.Sure/Square has two dead letter handlers":                         {DeliveryAtLeastOnce, onDeadLetter(sureMethod, some), onDeadLetter(sureMethod, some)},
		"the dead letter handler of test.Sure/Square needs DeliveryAtLeastOnce": {onDeadLetter(sureMethod, some)},
		"the dead letter handler of test.Sure/Square is nil":                    {DeliveryAtLeastOnce, bridge.Open(new(DeadLetter)).Handle(sureMethod, nil, nil)},
	} {
		if _, err := NewVentilator(append(opts, at)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

package gozmq

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// recvAnswering is recv for a peer that answers PINGs on the way, as a proper
// one does.
func (p *rawPeer) recvAnswering() (frames []string, err error) {
	p.t.Helper()
	for {
		token, command, message, err := p.Token()
		if err != nil {
			return nil, err
		}
		if token == zmtp.Message {
			for _, f := range message {
				frames = append(frames, string(f))
			}
			return frames, nil
		}
		if name, body, err := zmtp.ParseCommand(command); err == nil && string(name) == zmtp.CommandPing {
			p.Send(zmtp.AppendCommand(nil, zmtp.CommandPong, body[2:]))
		}
	}
}

// wantWord reads one message, which is to begin with these frames.
func (p *rawPeer) wantWord(want ...string) {
	p.t.Helper()
	got, err := p.recvAnswering()
	if err != nil {
		p.t.Fatalf("%v, want %q", err, want)
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			p.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// A task that left for a worker before its ventilator knew that it ends goes
// back, so that the attempt does not count.
func TestSureTaskOnItsWayIsReturned(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, vent string) (end func()){
		"worker": func(t *testing.T, vent string) func() {
			w := work(t, []TaskHandler{HandleTaskOnly(sureLog, func(context.Context, *number) error { return nil })}, From(Connect(vent)))
			return func() { _ = w.stop() }
		},
		"puller": func(t *testing.T, vent string) func() {
			s, err := NewPuller(DeliveryAtLeastOnce, Connect(vent))
			if err != nil {
				t.Fatal(err)
			}
			return func() { _ = s.Close() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			vent, accept := listenRaw(t, zmtp.Router)
			end := open(t, vent)
			raw := accept()
			got, err := raw.recvAnswering()
			if err != nil || len(got) != 2 || got[0] != string(wire.VerbCredit) || got[1] == strconv.Itoa(0) {
				t.Fatalf("got %q, %v, want credit", got, err)
			}
			ended := make(chan struct{})
			go func() { end(); close(ended) }()
			raw.wantWord(string(wire.VerbCredit), "0")
			raw.Send(zmtptest.Message(string(wire.VerbTask), "late", sureLog.Procedure, encode(t, wrapperspb.Int64(1))))
			raw.wantWord(string(wire.VerbReturn), "late")
			if _, err := raw.recvAnswering(); err == nil {
				t.Error("more than the task came back")
			}
			raw.Conn.Close()
			testkit.Receive(t, ended, "the end")
		})
	}
}

// Workers that end just when tasks come cost no attempt: each task may be handed
// out once only, and none is given up.
func TestSureHandOver(t *testing.T) {
	const rounds, n = 100, 4
	overEach(t, func(t *testing.T, s site) {
		once := leased(time.Hour, 1)
		v := ventilator(t, DeliveryAtLeastOnce, Bind(s.endpoint), WithDeadLetterHandler(func(_ context.Context, d DeadLetter) error {
			t.Errorf("dead letter after %d attempts: %v", d.Attempts, d.Reason)
			return nil
		}))
		start := func() *runningWorker {
			return work(t, []TaskHandler{HandleTaskOnly(sureMethod, func(context.Context, *number) error { return nil })},
				From(Connect(v.Addrs()...)), WithPrefetch(n))
		}
		for range rounds {
			w := start()
			if err := v.WaitForWorkers(testkit.Within(t), 1); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			wg.Go(func() { pushNumbers(t, v, once, n) })
			if err := w.stop(); err != nil {
				t.Errorf("RunWorker: %v", err)
			}
			wg.Wait()
		}
		start()
		waitDone(t, v)
		wantProgress(t, func() Progress { p := v.Progress(); return Progress{Done: p.Done, Failed: p.Failed} }, Progress{Done: rounds * n})
	})
}

// Close with a store ends as soon as no worker has a task any more, whatever
// became of the tasks, and tells when some still have.
func TestStoreCloseWaitsForWorkers(t *testing.T) {
	for _, word := range []string{string(wire.VerbDone), string(wire.VerbFail), string(wire.VerbReturn), "CLOSE"} {
		t.Run(word, func(t *testing.T) {
			v, err := NewVentilator(DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(new(memoryStore)), WithLinger(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			pushNumbers(t, v, sureMethod, 1)
			raw := rawWorker(t, v, 1)
			id, _ := raw.wantTask(sureMethod, 1)
			closed := make(chan error, 1)
			go func() { closed <- v.Close() }()
			testkit.Eventually(t, "that Close waits", v.sender.(*queuedSender).Closing)
			if word == "CLOSE" {
				raw.Conn.Close()
			} else {
				raw.send(word, id)
			}
			raw.wantClosed()
			raw.Conn.Close()
			if err := testkit.Receive(t, closed, "the end of Close"); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("in vain", func(t *testing.T) {
		store := new(memoryStore)
		v, err := NewVentilator(DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithTaskStore(store), WithLinger(10*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		pushNumbers(t, v, sureMethod, 2)
		rawWorker(t, v, 1).wantTask(sureMethod, 1)
		wantText(t, v.Close(), "tasks that workers still have: 1", "WithLinger")
		if n := store.len(); n != 2 {
			t.Errorf("the store has %d tasks, want 2", n)
		}
	})
}

// What has come to its end before Close is known afterwards, too.
func TestSureWaitAfterClose(t *testing.T) {
	p := site{endpoint: "inproc://" + t.Name()}.surePipeline(t, nil, nil)
	results2(t, p.Sink)
	work(t, surely(squares), p.from, p.to)
	ctx := testkit.Within(t)
	done, open := p.StartBatch("done"), p.StartBatch("open")
	if err := errors.Join(p.Push(done.Context(ctx), sureMethod, wrapperspb.Int64(1)), done.End(ctx), done.Wait(ctx), p.Ventilator.Close()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(done.Wait(ctx), p.Ventilator.Wait(ctx)); err != nil {
		t.Error(err)
	}
	wantCode(t, open.Wait(ctx), CodeCanceled, "closed")
}

// A sink that is closed while a loop's body runs lets it come to its end, and
// acknowledges what it has dealt with.
func TestSureSinkClosesInBody(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		for _, kind := range []string{"sink", "puller"} {
			t.Run(kind, func(t *testing.T) {
				var err error
				p := s.surePipeline(t, nil, nil)
				v, k := p.Ventilator, p.Sink
				if kind == "sink" {
					work(t, surely(squares), p.from, p.to)
				} else if k, err = NewPuller(DeliveryAtLeastOnce, Connect(v.Addrs()...)); err != nil {
					t.Fatal(err)
				}
				inBody, release, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
				go func() {
					defer close(left)
					for range Results[number](testkit.Within(t), k, sureMethod) {
						close(inBody)
						<-release
					}
				}()
				pushNumbers(t, v, sureMethod, 1)
				testkit.Receive(t, inBody, "the result")
				closed := make(chan error, 1)
				go func() { closed <- k.Close() }()
				ends(t, k)
				for range 100 { // what Close does not wait for had better happen now
					runtime.Gosched()
				}
				close(release)
				if err := testkit.Receive(t, closed, "the end of Close"); err != nil {
					t.Error(err)
				}
				testkit.Receive(t, left, "the end of the loop")
				waitDone(t, v)
				wantProgress(t, v.Progress, Progress{Done: 1})
			})
		}
	})
}

// ends waits until a sink with DeliveryAtLeastOnce has begun to close.
func ends(t *testing.T, k *Sink) {
	t.Helper()
	switch engine := k.source.(pipeline.AckedSource).Receiver.(type) {
	case *pipeline.ResultReceiver:
		testkit.Receive(t, engine.Ended(), "the beginning of Close")
	case *pipeline.Puller:
		testkit.Eventually(t, "the beginning of Close", engine.Ending)
	}
}

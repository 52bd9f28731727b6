package gozmq

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/publication"
)

// wantMethods waits until a socket's counts of methods are those, in order.
func wantMethods(t *testing.T, stats func() Stats, want ...MethodStats) {
	t.Helper()
	var got []MethodStats
	defer func() {
		if t.Failed() {
			t.Logf("methods %+v, want %+v", got, want)
		}
	}()
	testkit.Eventually(t, "the counts", func() bool { got = stats().Methods; return reflect.DeepEqual(got, want) })
}

// TestStatsOfCallMethods counts calls and streams by method and code, at both ends.
func TestStatsOfCallMethods(t *testing.T) {
	refuse := &Method{Procedure: "test.Service/Refuse"}
	quit := &Method{Procedure: "test.Service/Quit"}
	handlers := append(allMethods(), Handle(refuse, func(_ context.Context, req *bytez) (*bytez, error) {
		return nil, Errorf(Code(req.GetValue()[0]), "no")
	}), Handle(quit, func(context.Context, *bytez) (*bytez, error) { panic("quit") }))
	server, c := site{endpoint: "tcp://127.0.0.1:*"}.pair(t, handlers, nil, nil)
	mustEcho(t, c)
	mustEcho(t, c)
	for code, want := range map[byte]Code{5: CodeNotFound, 14: CodeUnavailable, 99: CodeUnknown} {
		for range 2 {
			_, err := Call[bytez](testkit.Within(t), c, refuse, wrapperspb.Bytes([]byte{code}))
			wantCode(t, err, want)
		}
	}
	_, err := Call[bytez](testkit.Within(t), c, quit, wrapperspb.Bytes(nil))
	wantCode(t, err, CodeInternal)
	w := watch(t, c, "3")
	for i := range 3 {
		wantMessage(t, w, strconv.Itoa(i))
	}
	wantEnd(t, w)
	wantFailure(t, watch(t, c, "x"), CodeInvalidArgument)
	if err := c.Call(testkit.Within(t), watchMethod, textOf("1"), new(bytez)); CodeOf(err) != CodeFailedPrecondition {
		t.Errorf("a call of a stream: %v", err)
	}
	used := []MethodStats{
		{Procedure: echoMethod.Procedure, Handled: 2},
		{Procedure: quit.Procedure, Failed: map[Code]uint64{CodeInternal: 1}},
		{Procedure: refuse.Procedure, Failed: map[Code]uint64{CodeNotFound: 2, CodeUnavailable: 2, CodeUnknown: 2}},
		{Procedure: watchMethod.Procedure, Handled: 1, Failed: map[Code]uint64{CodeInvalidArgument: 1, CodeFailedPrecondition: 1}},
	}
	wantMethods(t, c.Stats, used...)
	all := server.Stats().Methods
	if len(all) != len(handlers) {
		t.Errorf("%d methods, want all %d of the server", len(all), len(handlers))
	}
	for _, want := range used {
		testkit.Eventually(t, fmt.Sprintf("%+v at the server", want), func() bool { return hasMethod(server.Stats(), want) })
	}
}

func hasMethod(s Stats, want MethodStats) bool {
	for _, m := range s.Methods {
		if reflect.DeepEqual(m, want) {
			return true
		}
	}
	return false
}

// TestStatsOfRefusedCalls: calls that no handler has seen count, too.
func TestStatsOfRefusedCalls(t *testing.T) {
	h := newStuck(t)
	server := serve(t, Bind("inproc://"+t.Name()), h.handlers(), WithConcurrency(1), WithMaxWaiting(0))
	c := dial(t, Connect(server.addr()))
	done := make(chan error, 1)
	go func() { done <- callEcho(testkit.Within(t), c, "x") }()
	testkit.Receive(t, h.called, "the first call")
	wantCode(t, callEcho(testkit.Within(t), c, "x"), CodeResourceExhausted)
	h.free()
	if err := testkit.Receive(t, done, "the reply"); err != nil {
		t.Fatal(err)
	}
	want := MethodStats{Procedure: echoMethod.Procedure, Handled: 1, Failed: map[Code]uint64{CodeResourceExhausted: 1}}
	wantMethods(t, server.Stats, want)
	wantMethods(t, c.Stats, want)
}

// TestStatsOfTopics counts publications by topic: sent, heard, handled.
func TestStatsOfTopics(t *testing.T) {
	p, _, s := site{endpoint: "tcp://127.0.0.1:*"}.feed(t, nil, nil)
	publish(t, p, at("ams", "nobody hears this"))
	heard := listen(t, p, s)
	publish(t, p, at("ams", "1"), at("ber", "2"))
	heard.next(t)
	heard.next(t)
	if err := Publish(testkit.Within(t), p, &temperature, at(string(make([]byte, publication.MaxTopic)), "")); CodeOf(err) != CodeInvalidArgument {
		t.Errorf("a topic that is too long: %v", err)
	}
	wantMethods(t, p.Stats, MethodStats{Procedure: temperature.Name, Handled: 3, Failed: map[Code]uint64{CodeInvalidArgument: 1}})
	wantMethods(t, s.Stats, MethodStats{Procedure: subscribed.Procedure, Handled: 2})
	heard.stop()

	other := subscriber(t, Connect(p.Addrs()...))
	ctx, stop := context.WithCancel(t.Context())
	ended, begun := make(chan error, 1), make(chan struct{})
	go func() {
		ended <- HandleTopics(ctx, other, "test.Feed", func() []TopicHandler {
			return []TopicHandler{HandleTopic(&temperature, stationFilter{}, func(_ context.Context, m *reading) error {
				if m.GetNote() == "bad" {
					return Errorf(CodeOutOfRange, "bad")
				}
				return nil
			})}
		}, []TopicHandlerOption{WithSubscribedHandler(func() { close(begun) })})
	}()
	testkit.Receive(t, begun, "the subscription")
	ready(t, other)
	publish(t, p, at("ams", "good"), at("ams", "bad"))
	wantMethods(t, other.Stats, MethodStats{Procedure: temperature.Name, Handled: 1, Failed: map[Code]uint64{CodeOutOfRange: 1}})
	stop()
	testkit.Receive(t, ended, "the end of the handlers")
}

// TestStatsOfTaskMethods counts tasks by method at all three roles.
func TestStatsOfTaskMethods(t *testing.T) {
	for _, d := range []Delivery{DeliveryAtMostOnce, DeliveryAtLeastOnce} {
		t.Run(d.String(), func(t *testing.T) {
			m := &Method{Procedure: "test.Tasks/Square", Delivery: d, MaxAttempts: 1}
			p := site{endpoint: "tcp://127.0.0.1:*"}.pipeline(t, []VentilatorOption{d}, []SinkOption{d})
			w := work(t, []TaskHandler{HandleTask(m, func(ctx context.Context, n *number) (*number, error) {
				if n.GetValue() == 2 {
					return nil, errors.New("no")
				}
				return squares(ctx, n)
			})}, p.from, p.to)
			pushNumbers(t, p.Ventilator, m, 3)
			got := follow(t, func(ctx context.Context) seq[*number] { return Results[number](ctx, p.Sink, m) })
			got.next(t)
			got.next(t)
			failed := map[Code]uint64{CodeUnknown: 1}
			wantMethods(t, p.Ventilator.Stats, MethodStats{Procedure: m.Procedure, Handled: 3})
			wantMethods(t, func() Stats { tasks, _ := w.Stats(); return tasks }, MethodStats{Procedure: m.Procedure, Handled: 2, Failed: failed})
			wantMethods(t, p.Sink.Stats, MethodStats{Procedure: m.Procedure, Handled: 2})
		})
	}
}

// TestStatsOfHeldTasks: workers, their results, sinks and pullers say what they
// hold, and for how long.
func TestStatsOfHeldTasks(t *testing.T) {
	begun := time.Now()
	p := site{endpoint: "tcp://127.0.0.1:*"}.surePipeline(t, nil, []SinkOption{WithReceiveQueue(7, 1000)})
	w := work(t, surely(squares), p.from, p.to)
	got := make(chan int64)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := range Results[number](ctx, p.Sink, sureMethod) {
			got <- n.GetValue()
		}
	}()
	p.pushSure(t, sureMethod, 3)
	var s Stats
	testkit.Eventually(t, "two results in the sink's queue, and one in its loop", func() bool {
		s = p.Sink.Stats()
		return len(s.Queues) == 1 && s.Queues[0].Messages == 2 && w.Progress().Results == 3
	})
	if q := s.Queues; len(q) != 1 || q[0] != (QueueStats{Name: sureMethod.Procedure, Messages: 2, Bytes: q[0].Bytes, MaxMessages: 7, MaxBytes: 1000}) || q[0].Bytes == 0 {
		t.Errorf("the sink's queue is %+v", q)
	}
	tasks, results := w.Stats()
	if q := results.Queues; len(q) != 1 || q[0].Name != "results" || q[0].Messages != 3 || q[0].MaxMessages != 1024 {
		t.Errorf("the worker's results are %+v", q)
	}
	if q := tasks.Queues; len(q) != 1 || q[0].Name != "tasks" || q[0].Messages != 3 || q[0].Bytes == 0 || q[0].MaxMessages < 2 {
		t.Errorf("the worker's tasks are %+v", q)
	}
	for role, age := range map[string]time.Duration{"sink": s.OldestTask, "worker": tasks.OldestTask} {
		if age <= 0 || age > time.Since(begun) {
			t.Errorf("the oldest task of the %s has been there for %v", role, age)
		}
	}
	for range 3 {
		testkit.Receive(t, got, "a result")
	}
	waitDone(t, p.Ventilator)
	tasks, results = w.Stats()
	if s = p.Sink.Stats(); s.OldestTask != 0 || tasks.OldestTask != 0 || results.Queues[0].Messages+tasks.Queues[0].Messages+s.Queues[0].Messages != 0 {
		t.Errorf("after the last one: %+v, %+v, %+v", s, tasks, results)
	}
	stop()
	testkit.Receive(t, ended, "the end of the loop")
}

// TestMethodsAreBounded: a program that makes names up does not fill the memory,
// and the counts are right all the same. Nothing is allocated once a method is
// known.
func TestMethodsAreBounded(t *testing.T) {
	var s methodCounters
	const names = 3 * maxCountedMethods
	for range 2 {
		for i := range names {
			s.of(&Method{Procedure: fmt.Sprint("test.Service/", i)}).end(nil)
		}
	}
	list, sum := s.stats(), uint64(0)
	for _, m := range list {
		sum += m.Handled
	}
	if len(list) != maxCountedMethods+1 || list[0].Procedure != "" || list[0].Handled != 2*(names-maxCountedMethods) || sum != 2*names {
		t.Errorf("%d methods with %d in all, of the rest %+v", len(list), sum, list[0])
	}
	first, later := &Method{Procedure: "test.Service/0"}, &Method{Procedure: "test.Service/500"}
	if n := testing.AllocsPerRun(100, func() { s.of(first).end(nil); s.of(later).end(nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkMethodCounter measures what a count costs.
func BenchmarkMethodCounter(b *testing.B) {
	var s methodCounters
	methods := make([]*Method, 10)
	for i := range methods {
		methods[i] = &Method{Procedure: fmt.Sprint("test.Service/", i)}
		s.of(methods[i])
	}
	for _, tt := range []struct {
		name string
		m    *Method
	}{{"first", methods[0]}, {"third", methods[2]}, {"tenth", methods[9]}} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.of(tt.m).end(nil)
			}
		})
	}
}

package test

import (
	"context"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	interopv1 "github.com/gozmq/gozmq/test/interop/gen/interop/v1"
	"github.com/gozmq/gozmq/test/interop/gen/interop/v1/interopv1gozmq"
)

// A bareEcho serves calls and tasks whose messages have nothing but a body.
type bareEcho struct {
	interopv1gozmq.UnimplementedEchoServer
	interopv1gozmq.UnimplementedJobsWorker
}

func (bareEcho) Say(_ context.Context, m *interopv1.Text) (*interopv1.Text, error) { return m, nil }
func (bareEcho) Run(_ context.Context, m *interopv1.Text) (*interopv1.Text, error) { return m, nil }

// bareSpans checks that each side of a message has a span, and a trace of its own.
func bareSpans(t *testing.T, r *recorder, want ...string) {
	t.Helper()
	spans := r.wait(t, len(want))
	for _, s := range spans {
		if s.Parent.IsValid() || len(s.Links) != 0 {
			t.Errorf("%q is below %v", s.Name, s.Parent)
		}
	}
	for _, name := range want {
		found := false
		for _, s := range spans {
			found = found || s.Name == name
		}
		if !found {
			t.Errorf("there is no span %q:\n%s", name, tree(spans))
		}
	}
}

// With bare framing nothing can travel beside the body: the messages pass as ever.
func TestBareCall(t *testing.T) {
	r := newRecorder(t)
	addrs := gozmqtest.Serve(t, func(s gozmq.Registrar) error {
		return interopv1gozmq.RegisterEchoServer(s, bareEcho{})
	}, gozmq.Bind(gozmqtest.Endpoint()), r.option())
	conn := gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...), r.option())).For(t)
	if _, err := interopv1gozmq.NewEchoClient(conn).Say(t.Context(), &interopv1.Text{Text: "hello"}); err != nil {
		t.Fatal(err)
	}
	bareSpans(t, r, interopv1gozmq.EchoSayProcedure, interopv1gozmq.EchoSayProcedure)
}

func TestBarePublication(t *testing.T) {
	r := newRecorder(t)
	pub, sub := openFeed(t, r)
	s, err := interopv1gozmq.NewTickerSubscriber(sub).TickSubscription()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := sub.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := interopv1gozmq.NewTickerPublisher(pub).Tick(t.Context(), &interopv1.Text{Text: "tick"}); err != nil {
		t.Fatal(err)
	}
	for _, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	bareSpans(t, r, "publish interop.v1.Ticker/Tick", "process interop.v1.Ticker/Tick")
}

func TestBareTask(t *testing.T) {
	r := newRecorder(t)
	vent := gozmqtest.Open(gozmq.NewVentilator(gozmq.Bind(gozmqtest.Endpoint()), r.option())).For(t)
	sink := gozmqtest.Open(gozmq.NewSink(gozmq.Bind(gozmqtest.Endpoint()), r.option())).For(t)
	gozmqtest.Run(t, func(ctx context.Context) error {
		return interopv1gozmq.RunJobsWorker(ctx, bareEcho{}, gozmq.From(gozmq.Connect(vent.Addrs()...)), gozmq.To(gozmq.Connect(sink.Addrs()...)), r.option())
	})
	tasks, err := interopv1gozmq.NewJobsVentilator(vent)
	if err != nil {
		t.Fatal(err)
	}
	results, err := interopv1gozmq.NewJobsSink(sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := tasks.Run(t.Context(), &interopv1.Text{Text: "task"}); err != nil {
		t.Fatal(err)
	}
	for _, err := range results.Run(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	procedure := interopv1gozmq.JobsRunProcedure
	bareSpans(t, r, "push "+procedure, "run "+procedure, "collect "+procedure)
}

package interop

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	interopv1 "github.com/gozmq/gozmq/test/interop/gen/interop/v1"
	"github.com/gozmq/gozmq/test/interop/gen/interop/v1/interopv1gozmq"
)

// bare does what interop.proto says of its bare services.
type bare struct {
	interopv1gozmq.UnimplementedEchoServer
	interopv1gozmq.UnimplementedJobsWorker
}

func (bare) Say(_ context.Context, req *interopv1.Text) (*interopv1.Text, error) {
	if req.GetText() == "fail" {
		return nil, errors.New("this does not travel")
	}
	return req, nil
}

func (bare) Run(_ context.Context, task *interopv1.Text) (*interopv1.Text, error) {
	return &interopv1.Text{Text: strings.ToUpper(task.GetText())}, nil
}

func text(t *testing.T, s string) []byte {
	t.Helper()
	return encode(t, &interopv1.Text{Text: s})
}

func serveEcho(t *testing.T, at gozmq.Endpoints) []string {
	t.Helper()
	return serve(t, at, func(r gozmq.Registrar) error { return interopv1gozmq.RegisterEchoServer(r, bare{}) })
}

func TestBareServer(t *testing.T) {
	leakChecked(t)
	python(t)
	at := serveEcho(t, gozmq.Bind(anyPort))
	req := newProbe(t, "REQ", map[string]any{"REQ_CORRELATE": 1, "REQ_RELAXED": 1})
	req.connect(at[0])
	req.send(text(t, "World"))
	wantFrames(t, req.receive(), text(t, "World"))
	req.send(text(t, ""))
	wantFrames(t, req.receive(), nil)
	// Neither a failure nor rubbish is answered; the next request is.
	req.send(text(t, "fail"))
	req.send([]byte("\xff\xff"))
	req.send(text(t, "again"))
	wantFrames(t, req.receive(), text(t, "again"))

	dealer := newProbe(t, "DEALER", nil)
	dealer.connect(at[0])
	dealer.send([]byte("id"), nil, text(t, "World"))
	wantFrames(t, dealer.receive(), []byte("id"), nil, text(t, "World"))
}

func TestBareClient(t *testing.T) {
	leakChecked(t)
	python(t)
	rep := newProbe(t, "REP", nil)
	conn, err := gozmq.Dial(gozmq.Connect(rep.bind(anyPort)))
	if err != nil {
		t.Fatal(err)
	}
	closing(t, conn)
	client := interopv1gozmq.NewEchoClient(conn)
	for _, want := range []string{"World", ""} {
		said := make(chan string, 1)
		go func() {
			reply, err := client.Say(testkit.Within(t), &interopv1.Text{Text: want})
			if err != nil {
				t.Errorf("Say(%q): %v", want, err)
			}
			said <- reply.GetText()
		}()
		request := rep.receive()
		wantFrames(t, request, text(t, want))
		rep.send(request...)
		if got := get(t, said); got != want {
			t.Fatalf("Say(%q) = %q", want, got)
		}
	}
}

func TestBarePublisherAndSubscriber(t *testing.T) {
	leakChecked(t)
	python(t)
	xpub := newProbe(t, "XPUB", nil)
	sub := interopv1gozmq.NewTickerSubscriber(openSubscriber(t, gozmq.Connect(xpub.bind(anyPort))))
	ticks := follow(t, func(ctx context.Context) iter.Seq2[*interopv1.Text, error] { return sub.Tick(ctx) })
	wantFrames(t, xpub.receive(), []byte("\x01"))
	xpub.send(text(t, "tick"))
	if got := get(t, ticks).GetText(); got != "tick" {
		t.Errorf("got %q", got)
	}

	pub := openPublisher(t, gozmq.Bind(anyPort))
	foreign := newProbe(t, "SUB", map[string]any{"SUBSCRIBE": []byte("")})
	foreign.connect(pub.Addrs()[0])
	subscribed(t, pub, "", 1)
	if err := interopv1gozmq.NewTickerPublisher(pub).Tick(testkit.Within(t), &interopv1.Text{Text: "tock"}); err != nil {
		t.Fatal(err)
	}
	wantFrames(t, foreign.receive(), text(t, "tock"))
}

func TestBarePipeline(t *testing.T) {
	leakChecked(t)
	python(t)
	push, pull := newProbe(t, "PUSH", nil), newProbe(t, "PULL", nil)
	tasks, results := push.bind(anyPort), pull.bind(anyPort)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- interopv1gozmq.RunJobsWorker(ctx, bare{}, gozmq.From(gozmq.Connect(tasks)), gozmq.To(gozmq.Connect(results)))
	}()
	push.await("HANDSHAKE_SUCCEEDED")
	push.send(text(t, "loud"))
	wantFrames(t, pull.receive(), text(t, "LOUD"))
	cancel()
	if err := get(t, ended); err != nil {
		t.Errorf("worker: %v", err)
	}

	vent := view(t, openVentilator(t, gozmq.Connect(results)), interopv1gozmq.NewJobsVentilator)
	if err := vent.Run(testkit.Within(t), &interopv1.Text{Text: "task"}); err != nil {
		t.Fatal(err)
	}
	wantFrames(t, pull.receive(), text(t, "task"))

	sink := view(t, openSink(t, gozmq.Connect(tasks)), interopv1gozmq.NewJobsSink)
	got := follow(t, func(ctx context.Context) iter.Seq2[*interopv1.Text, error] { return sink.Run(ctx) })
	push.await("HANDSHAKE_SUCCEEDED")
	push.send(text(t, "result"))
	if s := get(t, got).GetText(); s != "result" {
		t.Errorf("got %q", s)
	}
}

// TestMessageWithTopic: a message's own topic travels as topic and body.
func TestMessageWithTopic(t *testing.T) {
	leakChecked(t)
	python(t)
	mark := &interopv1.Mark{Place: "K/2", Height: 8611}
	frames := [][]byte{[]byte("mark/K%2F2"), encode(t, mark)}

	xpub := newProbe(t, "XPUB", nil)
	sub := interopv1gozmq.NewMarkSubscriber(openSubscriber(t, gozmq.Connect(xpub.bind(anyPort))))
	marks := follow(t, func(ctx context.Context) iter.Seq2[*interopv1.Mark, error] {
		return sub.Subscribe(ctx, interopv1gozmq.MarkFilter{Place: gozmq.Eq("K/2")})
	})
	wantFrames(t, xpub.receive(), []byte("\x01mark/K%2F2"))
	xpub.send([]byte("mark/K%2F20"), nil)
	xpub.send(frames...)
	if got := get(t, marks).GetHeight(); got != 8611 {
		t.Errorf("got %d", got)
	}

	pub := openPublisher(t, gozmq.Bind(anyPort))
	foreign := newProbe(t, "SUB", map[string]any{"SUBSCRIBE": []byte("mark/")})
	foreign.connect(pub.Addrs()[0])
	subscribed(t, pub, "mark/", 1)
	if err := interopv1gozmq.NewMarkPublisher(pub).Publish(testkit.Within(t), mark); err != nil {
		t.Fatal(err)
	}
	wantFrames(t, foreign.receive(), frames...)
}

// TestMessageThatIsATask: a message's own task travels bare.
func TestMessageThatIsATask(t *testing.T) {
	leakChecked(t)
	python(t)
	chore := &interopv1.Chore{Name: "dishes"}
	pull := newProbe(t, "PULL", nil)
	pusher := view(t, openVentilator(t, gozmq.Connect(pull.bind(anyPort))), interopv1gozmq.NewChorePusher)
	if err := pusher.Push(testkit.Within(t), chore); err != nil {
		t.Fatal(err)
	}
	wantFrames(t, pull.receive(), encode(t, chore))

	push := newProbe(t, "PUSH", nil)
	socket, err := gozmq.NewPuller(gozmq.Connect(push.bind(anyPort)))
	puller := view(t, opened(t, socket, err), interopv1gozmq.NewChorePuller)
	chores := follow(t, func(ctx context.Context) iter.Seq2[*interopv1.Chore, error] { return puller.Pull(ctx) })
	push.await("HANDSHAKE_SUCCEEDED")
	push.send(encode(t, chore))
	if got := get(t, chores).GetName(); got != "dishes" {
		t.Errorf("got %q", got)
	}
}

package interop

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func TestClientCallsPython(t *testing.T) {
	meet(t, func(t *testing.T, m meeting) {
		var client greetv1gozmq.GreeterClient
		m.peer(t, script{"rep_server.py", nil}, func(at gozmq.Endpoints) (addrs []string) {
			client, addrs = dialGreeter(t, at)
			return addrs
		})
		greet(t, client, "World", "Hello, World!")
		err := refused(t, client, "", gozmq.CodeInvalidArgument, "name must not be empty")
		if gozmq.CodeOf(err) != gozmq.CodeInvalidArgument {
			t.Errorf("CodeOf = %v", gozmq.CodeOf(err))
		}
		greet(t, client, "Zoë", "Hello, Zoë!")
		big := strings.Repeat("x", 1<<20)
		greet(t, client, big, "Hello, "+big+"!")
	})
}

// clientOfProbe returns a client of ours that is connected to a libzmq socket.
func clientOfProbe(t *testing.T, kind string) (greetv1gozmq.GreeterClient, *probe) {
	t.Helper()
	leakChecked(t)
	python(t)
	p := newProbe(t, kind, nil)
	client, _ := dialGreeter(t, gozmq.Connect(p.bind(anyPort)))
	return client, p
}

// A call is one that is under way.
type call struct {
	reply *greetv1.HelloReply
	err   error
}

// begin makes a call that takes as long as its context.
func begin(ctx context.Context, client greetv1gozmq.GreeterClient, name string) <-chan call {
	return beginWith(ctx, client, name, patient)
}

func beginWith(ctx context.Context, client greetv1gozmq.GreeterClient, name string, opts ...gozmq.CallOption) <-chan call {
	done := make(chan call, 1)
	go func() {
		reply, err := client.SayHello(ctx, &greetv1.HelloRequest{Name: name}, opts...)
		done <- call{reply, err}
	}()
	return done
}

func TestClientSeesStatuses(t *testing.T) {
	client, rep := clientOfProbe(t, "REP")
	detail, err := anypb.New(durationpb.New(3 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		reply   [][]byte
		code    gozmq.Code
		message string
	}{
		{"not found", [][]byte{encode(t, &gozmqv1.Status{Code: 5, Message: "no such name"}), nil}, gozmq.CodeNotFound, "no such name"},
		{"with details", [][]byte{encode(t, &gozmqv1.Status{Code: 8, Message: "wait", Details: []*anypb.Any{detail}}), nil}, gozmq.CodeResourceExhausted, "wait"},
		{"unknown code", [][]byte{encode(t, &gozmqv1.Status{Code: 77, Message: "odd"}), nil}, gozmq.CodeUnknown, "odd"},
		{"body beside a status", [][]byte{encode(t, &gozmqv1.Status{Code: 9, Message: "no"}), []byte("junk")}, gozmq.CodeFailedPrecondition, "no"},
		{"status alone", [][]byte{encode(t, &gozmqv1.Status{Code: 9, Message: "short"})}, gozmq.CodeInternal, ""},
		{"undecodable status", [][]byte{[]byte("\xff\xff"), nil}, gozmq.CodeInternal, ""},
		{"undecodable body", [][]byte{nil, []byte("\xff\xff")}, gozmq.CodeInternal, ""},
		{"OK without a body", [][]byte{nil}, gozmq.CodeInternal, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			done := begin(testkit.Within(t), client, "World")
			rep.receive()
			rep.send(test.reply...)
			c := get(t, done)
			var coded *gozmq.Error
			if !errors.As(c.err, &coded) {
				t.Fatalf("call gave %v, %v, want a *gozmq.Error", c.reply, c.err)
			}
			if coded.Code != test.code || !strings.Contains(coded.Message, test.message) {
				t.Errorf("error is %v %q, want %v %q", coded.Code, coded.Message, test.code, test.message)
			}
			if test.name == "with details" && (len(coded.Details) != 1 || !proto.Equal(coded.Details[0], detail)) {
				t.Errorf("details are %v, want %v", coded.Details, detail)
			}
		})
	}
	done := begin(testkit.Within(t), client, "World")
	rep.receive()
	rep.send(nil, encode(t, &greetv1.HelloReply{Message: "fine"}), []byte("a header from the future"))
	if c := get(t, done); c.err != nil || c.reply.GetMessage() != "fine" {
		t.Errorf("call gave %v, %v", c.reply, c.err)
	}
	done = begin(testkit.Within(t), client, "World")
	rep.receive()
	rep.send(nil, nil)
	if c := get(t, done); c.err != nil || proto.Size(c.reply) != 0 {
		t.Errorf("call with an empty reply gave %v, %v", c.reply, c.err)
	}
}

// TestClientCallsROUTER looks at the client's frames and answers out of turn.
func TestClientCallsROUTER(t *testing.T) {
	client, router := clientOfProbe(t, "ROUTER")
	first := begin(testkit.Within(t), client, "first")
	a := router.receive()
	second := begin(testkit.Within(t), client, "second")
	b := router.receive()
	for _, request := range [][][]byte{a, b} {
		if len(request) != 6 || len(request[1]) != 8 || len(request[2]) != 0 || string(request[3]) != sayHelloMethod {
			t.Fatalf("request is %q, want identity, call id, empty, method, body, header", request)
		}
		wantTimeout(t, request[5], testkit.Patience())
	}
	if bytes.Equal(a[1], b[1]) {
		t.Fatalf("two calls under way have the id %x", a[1])
	}
	ok := func(message string) [][]byte {
		return [][]byte{nil, nil, encode(t, &greetv1.HelloReply{Message: message})}
	}
	peer := a[:1]
	router.send(join(peer, [][]byte{[]byte("\xff\xff\xff\xff\xff\xff\xff\xff")}, ok("an id of no call"))...)
	router.send(join(peer, [][]byte{[]byte("short")}, ok("no id"))...)
	router.send(join(peer, ok("no envelope"))...)
	router.send(join(peer, a[1:2], b[1:2], ok("two ids"))...)
	router.send(join(peer, [][]byte{[]byte("nothing is empty")})...)
	router.send(join(b[:2], ok("to second"))...)
	router.send(join(b[:2], ok("to second again"))...)
	router.send(join(a[:2], ok("to first"))...)
	for want, done := range map[string]<-chan call{"to first": first, "to second": second} {
		if c := get(t, done); c.err != nil || c.reply.GetMessage() != want {
			t.Errorf("got %v, %v, want %q", c.reply, c.err, want)
		}
	}
	// A late answer to a call that has ended is not the answer to the next.
	third := begin(testkit.Within(t), client, "third")
	c := router.receive()
	router.send(join(a[:2], ok("late"))...)
	router.send(join(c[:2], ok("to third"))...)
	if c := get(t, third); c.err != nil || c.reply.GetMessage() != "to third" {
		t.Errorf("got %v, %v, want \"to third\"", c.reply, c.err)
	}
}

// TestMethodTimeoutTravels: the method's timeout of 2 s is shorter than the
// context's. The machine may stall until it is over, and nothing is sent.
func TestMethodTimeoutTravels(t *testing.T) {
	client, router := clientOfProbe(t, "ROUTER")
	ctx, stop := context.WithCancel(testkit.Within(t))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			<-beginWith(ctx, client, "World")
		}
	}()
	wantTimeout(t, router.receive()[5], 2*time.Second)
	stop()
	<-ended
}

// wantTimeout checks that a request's header has a timeout of up to limit.
func wantTimeout(t *testing.T, header []byte, limit time.Duration) {
	t.Helper()
	h := new(gozmqv1.RequestHeader)
	if err := proto.Unmarshal(header, h); err != nil {
		t.Fatal(err)
	}
	if us := h.GetTimeoutUs(); us == 0 || us > uint64(limit.Microseconds()) {
		t.Errorf("timeout_us is %d, want up to %v", us, limit)
	}
}

// TestDEALERServesClient is a libzmq DEALER in the place of a server.
func TestDEALERServesClient(t *testing.T) {
	client, dealer := clientOfProbe(t, "DEALER")
	done := begin(testkit.Within(t), client, "World")
	request := dealer.receive()
	dealer.send(join(request[:1], [][]byte{nil, nil, encode(t, &greetv1.HelloReply{Message: "hi"})})...)
	if c := get(t, done); c.err != nil || c.reply.GetMessage() != "hi" {
		t.Errorf("got %v, %v", c.reply, c.err)
	}
}

// TestClientOutlivesServer has two servers, one of which is killed while calls
// are under way on both. The method may be tried again, so every call succeeds.
func TestClientOutlivesServer(t *testing.T) {
	leakChecked(t)
	python(t)
	one, first := startPeer(t, "rep_server.py", "bind", anyPort)
	_, second := startPeer(t, "rep_server.py", "bind", anyPort)
	client, _ := dialGreeter(t, gozmq.Connect(first[0], second[0]))
	var wg sync.WaitGroup
	underWay := make(chan struct{}, 8*50)
	for range 8 {
		wg.Go(func() {
			for range 50 {
				reply, err := client.SayHello(testkit.Within(t), &greetv1.HelloRequest{Name: "World"}, patient)
				if err != nil || reply.GetMessage() != "Hello, World!" {
					t.Errorf("SayHello = %v, %v", reply, err)
				}
				underWay <- struct{}{}
			}
		})
	}
	for range 40 {
		get(t, underWay)
	}
	one.kill()
	wg.Wait()
}

// TestClientGivesUp has a server that never answers.
func TestClientGivesUp(t *testing.T) {
	client, rep := clientOfProbe(t, "REP")
	ctx, cancel := context.WithCancel(testkit.Within(t))
	done := begin(ctx, client, "World")
	rep.receive()
	cancel()
	if c := get(t, done); gozmq.CodeOf(c.err) != gozmq.CodeCanceled || !errors.Is(c.err, context.Canceled) {
		t.Errorf("call gave %v", c.err)
	}
	ctx, cancel = context.WithTimeout(testkit.Within(t), 50*time.Millisecond)
	defer cancel()
	if c := get(t, begin(ctx, client, "World")); gozmq.CodeOf(c.err) != gozmq.CodeDeadlineExceeded || !errors.Is(c.err, context.DeadlineExceeded) {
		t.Errorf("call gave %v", c.err)
	}
}

// TestClientWithoutServer has nobody to call.
func TestClientWithoutServer(t *testing.T) {
	leakChecked(t)
	client, _ := dialGreeter(t, gozmq.Connect(freeEndpoint(t)))
	ctx, cancel := context.WithTimeout(testkit.Within(t), 100*time.Millisecond)
	defer cancel()
	if c := get(t, begin(ctx, client, "World")); c.err == nil {
		t.Errorf("call gave %v", c.reply)
	}
}

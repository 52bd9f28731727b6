package interop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// greeter serves greet.v1.Greeter. What it does is told by the name.
type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
	// started gets the name of each request that waits; nil if none does.
	started chan string
	// release lets those go on.
	release chan struct{}
}

func (g *greeter) SayHello(ctx context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	name := req.GetName()
	switch {
	case name == "":
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "name must not be empty")
	case name == "nobody":
		return &greetv1.HelloReply{}, nil
	case name == "fail":
		return nil, errors.New("an error without a code")
	case name == "panic":
		panic("in the handler")
	case strings.HasPrefix(name, "wait"):
		g.started <- name
		select {
		case <-g.release:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return &greetv1.HelloReply{Message: fmt.Sprintf("Hello, %s!", name)}, nil
}

// serve runs a server with what register adds to it until the test ends. It
// returns the addresses that were bound.
func serve(t *testing.T, at gozmq.Endpoints, register func(gozmq.Registrar) error, opts ...gozmq.ServerOption) []string {
	t.Helper()
	srv, err := gozmq.NewServer(append([]gozmq.ServerOption{at}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := register(srv); err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := get(t, served); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return srv.Addrs()
}

// serveGreeter serves g.
func serveGreeter(t *testing.T, at gozmq.Endpoints, g *greeter, opts ...gozmq.ServerOption) []string {
	t.Helper()
	return serve(t, at, func(r gozmq.Registrar) error { return greetv1gozmq.RegisterGreeterServer(r, g) }, opts...)
}

// dialGreeter returns a client and the addresses that were bound.
func dialGreeter(t *testing.T, opts ...gozmq.DialOption) (greetv1gozmq.GreeterClient, []string) {
	t.Helper()
	conn, err := gozmq.Dial(opts...)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, conn)
	return greetv1gozmq.NewGreeterClient(conn), conn.Addrs()
}

// patient lets a call take as long as its context: the method's own limit of 2 s is
// no time for a machine that stalls.
var patient = gozmq.WithTimeout(0)

// greet calls SayHello and compares the reply.
func greet(t *testing.T, client greetv1gozmq.GreeterClient, name, want string) {
	t.Helper()
	reply, err := client.SayHello(testkit.Within(t), &greetv1.HelloRequest{Name: name}, patient)
	if err != nil {
		t.Fatalf("SayHello(%.40q): %v", name, err)
	}
	if reply.GetMessage() != want {
		t.Fatalf("SayHello(%.40q) = %.60q, want %.60q", name, reply.GetMessage(), want)
	}
}

// refused calls SayHello, which must fail with the code and the message.
func refused(t *testing.T, client greetv1gozmq.GreeterClient, name string, code gozmq.Code, message string) *gozmq.Error {
	t.Helper()
	reply, err := client.SayHello(testkit.Within(t), &greetv1.HelloRequest{Name: name}, patient)
	var coded *gozmq.Error
	if !errors.As(err, &coded) {
		t.Fatalf("SayHello(%q) = %v, %v (%T), want a *gozmq.Error", name, reply, err, err)
	}
	if coded.Code != code || !strings.Contains(coded.Message, message) {
		t.Fatalf("SayHello(%q) failed with %v %q, want %v %q", name, coded.Code, coded.Message, code, message)
	}
	return coded
}

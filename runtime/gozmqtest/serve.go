package gozmqtest

import (
	"context"
	"io"
	"sync"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// NewConn starts a server for the services that register registers, and returns
// a Conn to it. They need no network; both are closed when the test ends.
//
//	conn := gozmqtest.NewConn(t, func(r gozmq.Registrar) error {
//		return greetv1gozmq.RegisterGreeterServer(r, &greeter{})
//	})
//	client := greetv1gozmq.NewGreeterClient(conn)
func NewConn(t TB, register func(gozmq.Registrar) error, opts ...gozmq.DialOption) *gozmq.Conn {
	t.Helper()
	addrs := Serve(t, register, gozmq.Bind(Endpoint()))
	return Open(gozmq.Dial(append(opts, gozmq.Connect(addrs...))...)).For(t)
}

// Serve starts a server for the services that register registers and returns
// the endpoints that it has bound. opts are the server's, its endpoints among
// them. The server stops when the test ends; the test fails when Serve returns
// an error.
//
//	addrs := gozmqtest.Serve(t, register, gozmq.Bind("tcp://127.0.0.1:*"))
func Serve(t TB, register func(gozmq.Registrar) error, opts ...gozmq.ServerOption) []string {
	t.Helper()
	s, err := gozmq.NewServer(opts...)
	if err != nil {
		t.Fatalf("gozmqtest.Serve: %v", err)
	}
	if err := register(s); err != nil {
		t.Fatalf("gozmqtest.Serve: %v", err)
	}
	if err := s.Listen(); err != nil {
		t.Fatalf("gozmqtest.Serve: %v", err)
	}
	Run(t, func(ctx context.Context) error { return s.Serve(ctx) })
	return s.Addrs()
}

// Opened is the result of Open: one end of a pattern that a test opens and
// closes.
type Opened[S io.Closer] struct {
	s   S
	err error
}

// Open takes the results of gozmq.Dial, gozmq.NewPublisher or another
// constructor of a socket.
//
//	feed := gozmqtest.Open(weatherv1gozmq.NewFeedPublisher(gozmq.Bind(endpoint))).For(t)
func Open[S io.Closer](s S, err error) Opened[S] { return Opened[S]{s, err} }

// For returns the value and closes it when the test ends. The test fails at
// once when the constructor has failed, and at its end when Close fails.
func (o Opened[S]) For(t TB) S {
	t.Helper()
	if o.err != nil {
		t.Fatalf("gozmqtest.Open: %v", o.err)
	}
	t.Cleanup(func() {
		if err := o.s.Close(); err != nil {
			t.Errorf("gozmqtest.Open: close: %v", err)
		}
	})
	return o.s
}

// Run runs a worker, a server, or another function that returns when its
// context ends, in a goroutine. stop ends the context and waits; it is called
// when the test ends, if not before. An error fails the test.
//
//	gozmqtest.Run(t, func(ctx context.Context) error {
//		return imagev1gozmq.RunThumbnailsWorker(ctx, &renderer{}, from, to)
//	})
func Run(t TB, run func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("gozmqtest.Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

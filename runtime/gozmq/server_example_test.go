package gozmq_test

import (
	"context"
	"fmt"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A host implements greet.v1.Greeter. The embedded type implements methods that
// the service gets later.
type host struct {
	greetv1gozmq.UnimplementedGreeterServer
}

func (host) SayHello(_ context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	if req.GetName() == "" {
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "the name is empty")
	}
	return &greetv1.HelloReply{Message: "hello, " + req.GetName()}, nil
}

// A server and a client that calls it.
func ExampleServer() {
	srv, err := gozmq.NewServer(gozmq.Bind("tcp://127.0.0.1:*"), gozmq.WithConcurrency(100))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := greetv1gozmq.RegisterGreeterServer(srv, host{}); err != nil {
		fmt.Println(err)
		return
	}
	// Listen is needed only to learn which port was chosen: Serve listens, too.
	if err := srv.Listen(); err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error)
	go func() { served <- srv.Serve(ctx) }()

	conn, err := gozmq.Dial(gozmq.Connect(srv.Addrs()...))
	if err != nil {
		fmt.Println(err)
		return
	}
	reply, err := greetv1gozmq.NewGreeterClient(conn).SayHello(ctx, &greetv1.HelloRequest{Name: "Grace"})
	fmt.Println(reply.GetMessage(), err)
	conn.Close()

	stop() // Serve lets the calls that run finish, and returns
	fmt.Println(<-served)
	// Output:
	// hello, Grace <nil>
	// <nil>
}

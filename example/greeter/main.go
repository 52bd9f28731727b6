// Greeter is a REQ/REP server and its client.
//
//	go run ./example/greeter server
//	go run ./example/greeter client Ada Grace
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqdescribe"
	"github.com/gozmq/gozmq/runtime/gozmqhealth"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "greeter:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("say what to be: server or client")
	}
	flags := flag.NewFlagSet("greeter "+args[0], flag.ExitOnError)
	endpoint := flags.String("endpoint", "tcp://127.0.0.1:5555", "where the server is")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "server":
		return serve(ctx, *endpoint)
	case "client":
		return greet(ctx, *endpoint, flags.Args())
	default:
		return fmt.Errorf("%q is neither server nor client", args[0])
	}
}

// greeter implements the generated interface. The embedded type answers the
// methods that the service may get later.
type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
}

func (greeter) SayHello(_ context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	if req.GetName() == "" {
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "name must not be empty")
	}
	fmt.Println("greeting", req.GetName())
	return &greetv1.HelloReply{Message: "Hello, " + req.GetName() + "!"}, nil
}

func serve(ctx context.Context, endpoint string) error {
	srv, err := gozmq.NewServer(gozmq.Bind(endpoint))
	if err != nil {
		return err
	}
	if err := greetv1gozmq.RegisterGreeterServer(srv, greeter{}); err != nil {
		return err
	}
	health, err := gozmqhealth.Register(srv) // for gozmq check and gozmq health
	if err != nil {
		return err
	}
	health.Set(greetv1gozmq.GreeterName, true)
	if err := gozmqdescribe.Register(srv); err != nil { // for gozmq list, describe and call
		return err
	}
	if err := srv.Listen(); err != nil {
		return err
	}
	fmt.Println("listening on", srv.Addrs()[0])
	return srv.Serve(ctx) // until ctx ends
}

func greet(ctx context.Context, endpoint string, names []string) error {
	conn, err := gozmq.Dial(gozmq.Connect(endpoint))
	if err != nil {
		return err
	}
	defer conn.Close()

	client := greetv1gozmq.NewGreeterClient(conn)
	for _, name := range names {
		reply, err := client.SayHello(ctx, &greetv1.HelloRequest{Name: name})
		if err != nil {
			return fmt.Errorf("greet %q: %w", name, err)
		}
		fmt.Println(reply.GetMessage())
	}
	return nil
}

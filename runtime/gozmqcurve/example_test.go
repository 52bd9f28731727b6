package gozmqcurve_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
)

type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
}

func (greeter) SayHello(_ context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	return &greetv1.HelloReply{Message: "hello, " + req.GetName()}, nil
}

// A server that one client with a known key may call, over encrypted
// connections.
func ExampleServer() {
	// gozmq keygen writes keys to files; LoadKey and LoadCertificate
	// read them.
	server, err := gozmqcurve.NewKey()
	if err != nil {
		log.Fatal(err)
	}
	ada, err := gozmqcurve.NewKey()
	if err != nil {
		log.Fatal(err)
	}
	var clients gozmqcurve.KeyList
	clients.Replace(map[gozmq.PublicKey]gozmq.AuthIdentity{ada.Public(): {Name: "ada"}})

	srv, err := gozmq.NewServer(
		gozmq.Bind("tcp://127.0.0.1:*"),
		gozmq.WithSecurity(gozmqcurve.Server(server, clients.Authenticate)),
		gozmq.WithInterceptors(func(ctx context.Context, call *gozmq.CallInfo, req proto.Message, next gozmq.Next) (proto.Message, error) {
			fmt.Println(call.Peer.Identity.Name, "calls", call.Method.Procedure)
			return next(ctx, req)
		}))
	if err != nil {
		log.Fatal(err)
	}
	if err := greetv1gozmq.RegisterGreeterServer(srv, greeter{}); err != nil {
		log.Fatal(err)
	}
	if err := srv.Listen(); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	conn, err := gozmq.Dial(gozmq.Connect(srv.Addrs()...), gozmq.WithSecurity(gozmqcurve.Client(ada, server.Public())))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	reply, err := greetv1gozmq.NewGreeterClient(conn).SayHello(context.Background(), &greetv1.HelloRequest{Name: "server"})
	fmt.Println(reply.GetMessage(), err)
	fmt.Println("the secret prints as", ada)
	// Output:
	// ada calls greet.v1.Greeter/SayHello
	// hello, server <nil>
	// the secret prints as [redacted]
}

// A server that admits the clients whose certificates are in a folder. A file
// that is added or removed counts from the next handshake on; one
// that is removed also ends the connections of its owner.
func ExampleOpenKeyFolder() {
	folder, err := os.MkdirTemp("", "keys")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	server, err := gozmqcurve.NewKey()
	if err != nil {
		log.Fatal(err)
	}
	ada, err := gozmqcurve.NewKey()
	if err != nil {
		log.Fatal(err)
	}
	// As gozmq keygen does. The secret half stays with the client.
	if err := gozmqcurve.SaveKey(filepath.Join(folder, "ada"), ada, map[string]string{"role": "admin"}); err != nil {
		log.Fatal(err)
	}
	clients, err := gozmqcurve.OpenKeyFolder(folder)
	if err != nil {
		log.Fatal(err)
	}

	srv, err := gozmq.NewServer(
		gozmq.Bind("tcp://127.0.0.1:*"),
		gozmq.WithSecurity(gozmqcurve.Server(server, clients.Authenticate)),
		gozmq.WithInterceptors(func(ctx context.Context, call *gozmq.CallInfo, req proto.Message, next gozmq.Next) (proto.Message, error) {
			fmt.Println(call.Peer.Identity.Name, "is", call.Peer.Identity.Metadata["role"])
			return next(ctx, req)
		}))
	if err != nil {
		log.Fatal(err)
	}
	if err := greetv1gozmq.RegisterGreeterServer(srv, greeter{}); err != nil {
		log.Fatal(err)
	}
	if err := srv.Listen(); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	conn, err := gozmq.Dial(gozmq.Connect(srv.Addrs()...), gozmq.WithSecurity(gozmqcurve.Client(ada, server.Public())))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	reply, err := greetv1gozmq.NewGreeterClient(conn).SayHello(context.Background(), &greetv1.HelloRequest{Name: "server"})
	fmt.Println(reply.GetMessage(), err)
	// Output:
	// ada is admin
	// hello, server <nil>
}

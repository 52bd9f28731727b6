package gozmq_test

import (
	"context"
	"fmt"
	"log"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A server that one client with a known key may call, over encrypted
// connections.
func ExampleCurveServer() {
	// gozmq-keygen writes keys to files; LoadCurveKey and LoadCurveCertificate
	// read them.
	server, err := gozmq.NewCurveKey()
	if err != nil {
		log.Fatal(err)
	}
	ada, err := gozmq.NewCurveKey()
	if err != nil {
		log.Fatal(err)
	}
	var clients gozmq.CurveKeyList
	clients.Replace(map[gozmq.CurvePublicKey]gozmq.AuthIdentity{ada.Public(): {Name: "ada"}})

	srv, err := gozmq.NewServer(
		gozmq.Bind("tcp://127.0.0.1:*"),
		gozmq.WithSecurity(gozmq.CurveServer(server, clients.Authenticate)),
		gozmq.WithInterceptors(func(ctx context.Context, call *gozmq.CallInfo, req proto.Message, next gozmq.Next) (proto.Message, error) {
			fmt.Println(call.Peer.Identity.Name, "calls", call.Method.Procedure)
			return next(ctx, req)
		}))
	if err != nil {
		log.Fatal(err)
	}
	if err := registerGreeter(srv, greeter{}); err != nil {
		log.Fatal(err)
	}
	if err := srv.Listen(); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	conn, err := gozmq.Dial(gozmq.Connect(srv.Addrs()...), gozmq.WithSecurity(gozmq.CurveClient(ada, server.Public())))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	reply, err := hello(context.Background(), conn, "server")
	fmt.Println(reply, err)
	fmt.Println("the secret prints as", ada)
	// Output:
	// ada calls greet.v1.Greeter/Hello
	// hello, server <nil>
	// the secret prints as [redacted]
}

package gozmq_test

import (
	"context"
	"fmt"
	"time"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// Clients and servers that both connect to a proxy between them, so that servers
// may come and go.
func ExampleNewProxy() {
	proxy, err := gozmq.NewProxy(gozmq.PatternReqRep,
		gozmq.Front(gozmq.Bind("tcp://127.0.0.1:*")), gozmq.Back(gozmq.Bind("tcp://127.0.0.1:*")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer proxy.Close()

	srv, err := gozmq.NewServer(gozmq.Connect(proxy.BackAddrs()...))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	if err := greetv1gozmq.RegisterGreeterServer(srv, greeter{}); err != nil {
		fmt.Println(err)
	}
	if err := srv.Listen(); err != nil {
		fmt.Println(err)
	}

	conn, err := gozmq.Dial(gozmq.Connect(proxy.FrontAddrs()...))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	reply, err := greetv1gozmq.NewGreeterClient(conn).SayHello(ctx, &greetv1.HelloRequest{Name: "Ada"})
	fmt.Println(reply.GetMessage(), err)
	// Output: hello, Ada <nil>
}

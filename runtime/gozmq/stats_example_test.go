package gozmq_test

import (
	"context"
	"encoding/json"
	"expvar"
	"fmt"

	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A server's counters, published with expvar: whoever imports net/http and
// listens shows them under /debug/vars. Other metrics libraries read the same
// struct, each time that they are asked.
func ExampleServer_Stats() {
	srv, err := gozmq.NewServer(gozmq.Bind("inproc://stats"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := greetv1gozmq.RegisterGreeterServer(srv, greeter{}); err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.Listen(); err != nil {
		fmt.Println(err)
		return
	}
	expvar.Publish("greeter", expvar.Func(func() any { return srv.Stats() }))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error)
	go func() { done <- srv.Serve(ctx) }()

	conn, err := gozmq.Dial(gozmq.Connect("inproc://stats"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		if _, err := hello(ctx, conn, "Ada"); err != nil {
			fmt.Println(err)
		}
	}
	conn.Close()
	stop()
	<-done

	var seen struct{ Accepted, MessagesIn, MessagesOut int }
	if err := json.Unmarshal([]byte(expvar.Get("greeter").String()), &seen); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%+v\n", seen)
	// Output: {Accepted:1 MessagesIn:3 MessagesOut:3}
}

package gozmqops_test

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqhealth"
	"github.com/gozmq/gozmq/runtime/gozmqops"
)

// A program that serves until it is told to stop, and stops in order.
func ExampleGroup_Run() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	srv, err := gozmq.NewServer(gozmq.Bind("inproc://example-run"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := greetv1gozmq.RegisterGreeterServer(srv, greetv1gozmq.UnimplementedGreeterServer{}); err != nil {
		fmt.Println(err)
	}
	health, err := gozmqhealth.Register(srv)
	if err != nil {
		fmt.Println(err)
		return
	}
	var group gozmqops.Group
	if err := group.Add("greeter", srv); err != nil {
		fmt.Println(err)
	}
	group.AddHealth(health)
	stop() // as the signal does
	fmt.Println(group.Run(ctx))
	// Output: <nil>
}

package gozmqhealth_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqhealth"
)

// A server that says whether it is in order, and a client that watches it.
func ExampleWatch() {
	srv, err := gozmq.NewServer(gozmq.Bind("inproc://example-health"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	health, err := gozmqhealth.Register(srv)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.Listen(); err != nil {
		fmt.Println(err)
	}
	health.Set("greet.v1.Greeter", true)

	conn, err := gozmq.Dial(gozmq.Connect("inproc://example-health"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	n := 0
	for status, err := range gozmqhealth.Watch(ctx, conn, "greet.v1.Greeter") {
		fmt.Println(status, err)
		if n++; n == 2 {
			break
		}
		health.Shutdown() // before the server stops
	}
	// Output:
	// HEALTH_STATUS_SERVING <nil>
	// HEALTH_STATUS_NOT_SERVING <nil>
}

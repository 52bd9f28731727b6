package gozmq_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
	interopv1 "github.com/gozmq/gozmq/test/interop/gen/interop/v1"
	"github.com/gozmq/gozmq/test/interop/gen/interop/v1/interopv1gozmq"
)

// A message that is a task itself, by the option (gozmq.v1.message).task, goes
// from a pusher to a puller. No worker and no result is needed.
func ExampleNewPuller() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	vent, err := gozmq.NewVentilator(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vent.Close()
	sink, err := gozmq.NewPuller(gozmq.Connect(vent.Addrs()...))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sink.Close()

	pusher, err := interopv1gozmq.NewChorePusher(vent)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"dishes", "laundry"} {
		if err := pusher.Push(ctx, &interopv1.Chore{Name: name}); err != nil {
			fmt.Println(err)
		}
	}
	puller, err := interopv1gozmq.NewChorePuller(sink)
	if err != nil {
		fmt.Println(err)
		return
	}
	n := 0
	for chore, err := range puller.Pull(ctx) {
		fmt.Println(chore.GetName(), err)
		if n++; n == 2 {
			break
		}
	}
	// Output:
	// dishes <nil>
	// laundry <nil>
}

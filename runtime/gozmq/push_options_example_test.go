package gozmq_test

import (
	"context"
	"fmt"
	"time"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// A task with a unique key is pushed only if no other task has the key.
func ExamplePushOptions() {
	vent, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind("inproc://example-unique"), gozmq.WithTaskStore(new(gozmqstore.Memory)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vent.Close()
	tasks, err := imagev1gozmq.NewPrintsVentilator(vent)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := gozmq.PushOptions{
		UniqueKey: "cat.png", Priority: 10, NotBefore: time.Now().Add(time.Hour),
	}.Context(context.Background())
	for range 2 {
		err := tasks.Render(ctx, &imagev1.RenderTask{Name: "cat.png", Size: 100})
		fmt.Println(err == nil, gozmq.CodeOf(err) == gozmq.CodeAlreadyExists)
	}
	// Output:
	// true false
	// false true
}

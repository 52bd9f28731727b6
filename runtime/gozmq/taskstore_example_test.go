package gozmq_test

import (
	"context"
	"fmt"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// Tasks that were pushed and not done are there again when the next ventilator
// has the store. A real store, such as gozmqbolt's, keeps them on a disk.
func ExampleWithTaskStore() {
	store := new(gozmqstore.Memory)
	for range 2 {
		vent, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind("inproc://example-store"), gozmq.WithTaskStore(store))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("at the start:", vent.Progress().Queued)
		tasks, err := imagev1gozmq.NewPrintsVentilator(vent)
		if err != nil {
			fmt.Println(err)
			return
		}
		// Render returns when the store has the task.
		if err := tasks.Render(context.Background(), &imagev1.RenderTask{Name: "cat.png", Size: 100}); err != nil {
			fmt.Println(err)
		}
		fmt.Println("closed:", vent.Close())
	}
	fmt.Println("in the store:", len(store.Tasks()))
	// Output:
	// at the start: 0
	// closed: <nil>
	// at the start: 1
	// closed: <nil>
	// in the store: 2
}

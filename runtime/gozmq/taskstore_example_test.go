package gozmq_test

import (
	"context"
	"fmt"
	"slices"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A shelf is a TaskStore in memory. A real one, such as gozmqbolt's, keeps the
// tasks on a disk.
type shelf struct {
	gozmq.StoreLock
	tasks []gozmq.StoredTask
}

func (s *shelf) Load(visit func(gozmq.StoredTask) error) error {
	for _, t := range s.tasks {
		if err := visit(t); err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) Apply(change *gozmq.StoreChange) error {
	for _, t := range change.Put {
		t.Body, t.Header = slices.Clone(t.Body), slices.Clone(t.Header)
		s.tasks = append(s.tasks, t)
	}
	for i := range s.tasks {
		if n, ok := change.Attempts[s.tasks[i].ID]; ok {
			s.tasks[i].Attempts = n
		}
	}
	s.tasks = slices.DeleteFunc(s.tasks, func(t gozmq.StoredTask) bool { return slices.Contains(change.Delete, t.ID) })
	return nil
}

// Tasks that were pushed and not done are there again when the next ventilator
// opens the store.
func ExampleWithTaskStore() {
	store := new(shelf)
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
	fmt.Println("in the store:", len(store.tasks))
	// Output:
	// at the start: 0
	// closed: <nil>
	// at the start: 1
	// closed: <nil>
	// in the store: 2
}

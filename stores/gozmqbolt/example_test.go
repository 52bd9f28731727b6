package gozmqbolt_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/stores/gozmqbolt"
)

// A ventilator whose tasks outlive it.
func ExampleOpen() {
	folder, err := os.MkdirTemp("", "tasks")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	store, err := gozmqbolt.Open(filepath.Join(folder, "tasks.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close() // after the ventilator
	vent, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"), gozmq.WithTaskStore(store))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vent.Close()
	fmt.Println(vent.Progress().Queued, "tasks from before")
	// Output: 0 tasks from before
}

package gozmq_test

import (
	"context"
	"fmt"
	"time"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A worker that does two tasks at a time. When it ends, it finishes the tasks
// that it has begun, and hands the others back.
func ExampleWorker() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	sink, err := gozmq.NewSink(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sink.Close()
	vent, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vent.Close()
	worker, err := imagev1gozmq.NewPrintsWorker(printer{},
		gozmq.From(gozmq.Connect(vent.Addrs()...)), gozmq.To(gozmq.Connect(sink.Addrs()...)),
		gozmq.WithConcurrency(2), gozmq.WithDrainTimeout(time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error)
	go func() { ended <- worker.Run(running) }()

	tasks, err := imagev1gozmq.NewPrintsVentilator(vent)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := tasks.Render(ctx, &imagev1.RenderTask{Name: "cat.png", Size: 100}); err != nil {
		fmt.Println(err)
	}
	results, err := imagev1gozmq.NewPrintsSink(sink)
	if err != nil {
		fmt.Println(err)
		return
	}
	reading, enough := context.WithCancel(ctx)
	defer enough()
	for result, err := range results.Render(reading) {
		fmt.Println(result.GetName(), err)
		enough() // ends the loop after this result has been acknowledged
	}
	if err := vent.Wait(ctx); err != nil { // until every task is done
		fmt.Println(err)
	}
	fmt.Println("done:", worker.Progress().Done)
	stop()
	fmt.Println("ended:", <-ended)
	// Output:
	// cat.png <nil>
	// done: 1
	// ended: <nil>
}

package gozmq_test

import (
	"context"
	"fmt"
	"time"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A printer does the tasks of image.v1.Prints, with DELIVERY_AT_LEAST_ONCE.
type printer struct {
	imagev1gozmq.UnimplementedPrintsWorker
}

func (printer) Render(_ context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	if task.GetSize() == 0 {
		return nil, gozmq.Permanent(gozmq.Errorf(gozmq.CodeInvalidArgument, "the size is 0")) // not tried again
	}
	return &imagev1.RenderResult{Name: task.GetName()}, nil
}

// A batch of tasks. The sink learns when all of them were done or given up, and
// the ventilator gets those that were given up as dead letters.
func ExampleBatch() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	reading, complete := context.WithCancel(ctx)
	sink, err := gozmq.NewSink(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"),
		gozmq.WithBatchHandler(func(b gozmq.BatchStatus) {
			if b.Complete {
				fmt.Printf("%s: %d of %d tasks done, %d failed\n", b.Name, b.Results, b.Tasks, b.Failed)
				complete() // ends the loop that reads the results
			}
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sink.Close()
	vent, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind("tcp://127.0.0.1:*"),
		imagev1gozmq.OnPrintsRenderDeadLetter(func(_ context.Context, task *imagev1.RenderTask, d gozmq.DeadLetter) error {
			fmt.Printf("given up: %s: %v\n", task.GetName(), d.Reason)
			return nil
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vent.Close()
	worker, err := imagev1gozmq.NewPrintsWorker(printer{},
		gozmq.From(gozmq.Connect(vent.Addrs()...)), gozmq.To(gozmq.Connect(sink.Addrs()...)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer worker.Close()
	go func() { _ = worker.Run(ctx) }()

	tasks, err := imagev1gozmq.NewPrintsVentilator(vent)
	if err != nil {
		fmt.Println(err)
		return
	}
	batch := vent.StartBatch("holiday")
	for _, task := range []*imagev1.RenderTask{{Name: "cat.png", Size: 0}, {Name: "dog.png", Size: 100}} {
		if err := tasks.Render(batch.Context(ctx), task); err != nil {
			fmt.Println(err)
		}
	}
	if err := batch.End(ctx); err != nil {
		fmt.Println(err)
	}
	results, err := imagev1gozmq.NewPrintsSink(sink)
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		for result := range results.Render(reading) {
			_ = result // acknowledged at the end of the loop's body
		}
	}()
	if err := batch.Wait(ctx); err != nil {
		fmt.Println(err)
	}
	<-reading.Done()
	fmt.Println("done:", worker.Progress().Done)
	// Unordered output:
	// given up: cat.png: invalid_argument: the size is 0
	// holiday: 1 of 2 tasks done, 1 failed
	// done: 1
}

package gozmq_test

import (
	"context"
	"fmt"
	"time"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A scaler does the tasks of image.v1.Thumbnails.
type scaler struct {
	imagev1gozmq.UnimplementedThumbnailsWorker
}

func (scaler) Render(_ context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	return &imagev1.RenderResult{Name: task.GetName()}, nil
}

// A pipeline: a ventilator hands out tasks, a worker does them and a sink
// receives the results.
func ExampleVentilator() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	sink, err := gozmq.NewSink(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sink.Close()
	vent, err := gozmq.NewVentilator(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vent.Close()

	worked := make(chan error)
	go func() {
		worked <- imagev1gozmq.RunThumbnailsWorker(ctx, scaler{},
			gozmq.From(gozmq.Connect(vent.Addrs()...)), gozmq.To(gozmq.Connect(sink.Addrs()...)))
	}()

	tasks, err := imagev1gozmq.NewThumbnailsVentilator(vent)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"cat.png", "dog.png"} {
		if err := tasks.Render(ctx, &imagev1.RenderTask{Name: name}); err != nil {
			fmt.Println(err)
		}
	}
	results, err := imagev1gozmq.NewThumbnailsSink(sink)
	if err != nil {
		fmt.Println(err)
		return
	}
	n := 0
	for result, err := range results.Render(ctx) {
		fmt.Println(result.GetName(), err)
		if n++; n == 2 {
			break
		}
	}
	if err := vent.StopWorkers(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println("worker:", <-worked)
	// Output:
	// cat.png <nil>
	// dog.png <nil>
	// worker: <nil>
}

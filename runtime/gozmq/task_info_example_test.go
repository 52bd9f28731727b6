package gozmq_test

import (
	"context"
	"fmt"
	"time"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A tenantPrinter says for whom it prints, and where.
type tenantPrinter struct{ printer }

func (p tenantPrinter) Render(ctx context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	info := gozmq.TaskInfoFromContext(ctx)
	fmt.Println("attempt", info.Attempt, "for", info.Metadata.Get("tenant"))
	info.AddResultMetadata("host", "b7")
	return p.printer.Render(ctx, task)
}

// Metadata goes with a task to its worker, and with the result to the sink.
func ExampleTaskInfo() {
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
	worker, err := imagev1gozmq.NewPrintsWorker(tenantPrinter{},
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
	if err := tasks.Render(gozmq.AppendMetadata(ctx, "tenant", "acme"), &imagev1.RenderTask{Name: "cat.png", Size: 100}); err != nil {
		fmt.Println(err)
	}
	results, err := imagev1gozmq.NewPrintsSink(sink)
	if err != nil {
		fmt.Println(err)
		return
	}
	reading, enough := context.WithCancel(ctx)
	defer enough()
	var info gozmq.TaskInfo
	for result, err := range results.Render(gozmq.StoreInfo(reading, &info)) {
		fmt.Println(result.GetName(), err, info.Metadata.Get("tenant"), info.ResultMetadata.Get("host"))
		enough()
	}
	// Output:
	// attempt 1 for acme
	// cat.png <nil> acme b7
}

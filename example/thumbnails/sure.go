package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// ventilateSurely pushes the files as a batch, says how far it is until every
// one has been rendered or given up, and ends the workers.
func ventilateSurely(ctx context.Context, endpoint string, workers int, files []string) error {
	vent, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.Bind(endpoint), imagev1gozmq.OnPrintsRenderDeadLetter(mourn))
	if err != nil {
		return err
	}
	defer vent.Close()
	fmt.Println("listening on", vent.Addrs()[0])
	prints, err := imagev1gozmq.NewPrintsVentilator(vent)
	if err != nil {
		return err
	}
	if err := vent.WaitForWorkers(ctx, workers); err != nil {
		return err
	}
	album := vent.StartBatch("album")
	for _, file := range files {
		png, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		task := &imagev1.RenderTask{Name: filepath.Base(file), Png: png, Size: 64}
		if err := prints.Render(album.Context(ctx), task); err != nil {
			return err
		}
	}
	if err := album.End(ctx); err != nil {
		return err
	}
	if err := watch(ctx, album, vent.Progress); err != nil {
		return err
	}
	return vent.StopWorkers(ctx)
}

// watch says how far the ventilator is until the batch is complete.
func watch(ctx context.Context, album *gozmq.Batch, progress func() gozmq.Progress) error {
	done := make(chan error, 1)
	go func() { done <- album.Wait(ctx) }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			fmt.Println("progress:", progress())
		case err := <-done:
			fmt.Println("progress:", progress())
			return err
		}
	}
}

// mourn tells of a task that was given up.
func mourn(_ context.Context, task *imagev1.RenderTask, d gozmq.DeadLetter) error {
	_, err := fmt.Fprintf(os.Stderr, "%s: given up after %d attempts: %v\n", task.GetName(), d.Attempts, d.Reason)
	return err
}

// printer is a renderer for the service that loses no task.
type printer struct {
	imagev1gozmq.UnimplementedPrintsWorker
	renderer renderer
}

// Render gives up on a picture that cannot be rendered: no other worker could.
func (p printer) Render(ctx context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	result, err := p.renderer.Render(ctx, task)
	return result, gozmq.Permanent(err)
}

// collectSurely keeps the thumbnails of one batch.
func collectSurely(ctx context.Context, endpoint, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	ctx, complete := context.WithCancel(ctx)
	defer complete()
	sink, err := gozmq.NewSink(gozmq.DeliveryAtLeastOnce, gozmq.Bind(endpoint), gozmq.WithBatchHandler(func(b gozmq.BatchStatus) {
		if b.Complete {
			fmt.Printf("%s is complete: %d of %d rendered\n", b.Name, b.Results, b.Tasks)
			complete() // ends the loop
		}
	}))
	if err != nil {
		return err
	}
	defer sink.Close()
	fmt.Println("listening on", sink.Addrs()[0])
	prints, err := imagev1gozmq.NewPrintsSink(sink)
	if err != nil {
		return err
	}

	done := 0
	for result, err := range prints.Render(ctx) {
		if err != nil {
			return err
		}
		done++
		if err := keep(out, done, result); err != nil {
			return err // not acknowledged: the result stays with its worker
		}
	}
	return nil
}

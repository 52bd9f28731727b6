package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmqops"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// choosy rejects the tasks without a size.
type choosy struct {
	imagev1gozmq.UnimplementedPrintsWorker
}

func (choosy) Render(ctx context.Context, task *imagev1.RenderTask) (*imagev1.RenderResult, error) {
	if task.GetSize() == 0 {
		return nil, gozmq.Permanent(gozmq.Errorf(gozmq.CodeDataLoss, "no PNG"))
	}
	gozmq.TaskInfoFromContext(ctx).ReportProgress(1, "page 4 of 4")
	return &imagev1.RenderResult{Name: task.GetName(), Worker: "choosy"}, nil
}

// serveVentilator serves the admin service of a process with a ventilator, whose
// queue is one dead letter, and a task that was done and is kept. It prints the
// endpoint when they are there.
func serveVentilator(ctx context.Context) error {
	const anywhere = "tcp://127.0.0.1:*"
	vent, err := gozmq.NewVentilator(gozmq.Bind(anywhere), gozmq.DeliveryAtLeastOnce, gozmq.WithTaskStore(new(gozmqstore.Memory)), gozmq.WithLinger(0))
	if err != nil {
		return err
	}
	defer vent.Close()
	if err := workOff(ctx, vent); err != nil {
		return err
	}
	var group gozmqops.Group
	if err := group.Add("prints", vent); err != nil {
		return err
	}
	return serveGroup(ctx, &group, gozmqadmin.AllowChanges())
}

// serveGroup serves the admin service of a group, and prints its endpoint.
func serveGroup(ctx context.Context, group *gozmqops.Group, opts ...gozmqadmin.Option) error {
	srv, err := gozmq.NewServer(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		return err
	}
	defer srv.Close()
	if err := errors.Join(gozmqadmin.Register(srv, group, opts...), srv.Listen()); err != nil {
		return err
	}
	fmt.Println(srv.Addrs()[0])
	return srv.Serve(ctx)
}

// workOff pushes a task that a worker rejects, and one that it does.
func workOff(ctx context.Context, vent *gozmq.Ventilator) error {
	prints, err := imagev1gozmq.NewPrintsVentilator(vent)
	if err != nil {
		return err
	}
	sink, err := gozmq.NewSink(gozmq.Bind("tcp://127.0.0.1:*"), gozmq.DeliveryAtLeastOnce)
	if err != nil {
		return err
	}
	defer sink.Close()
	worker, err := imagev1gozmq.NewPrintsWorker(choosy{}, gozmq.From(gozmq.Connect(vent.Addrs()[0])), gozmq.To(gozmq.Connect(sink.Addrs()[0])))
	if err != nil {
		return err
	}
	results, err := imagev1gozmq.NewPrintsSink(sink)
	if err != nil {
		return err
	}
	go func() { // until the sink is closed
		for range results.Render(ctx) {
		}
	}()
	ran := make(chan error, 1)
	go func() { ran <- worker.Run(ctx) }()
	kept := gozmq.PushOptions{Retain: time.Hour}.Context(ctx)
	if err := errors.Join(prints.Render(ctx, &imagev1.RenderTask{Name: "a.png"}), prints.Render(kept, &imagev1.RenderTask{Name: "b.png", Size: 64})); err != nil {
		return err
	}
	if err := vent.Wait(ctx); err != nil {
		return err
	}
	_ = worker.Close() // ends Run
	<-ran
	return nil
}

// serveUnready has a publisher that is ready, a subscriber that finds nobody, and
// the admin service.
func serveUnready(ctx context.Context) error {
	pub, err := gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		return err
	}
	defer pub.Close()
	sub, err := gozmq.NewSubscriber(gozmq.Connect("tcp://127.0.0.1:9"))
	if err != nil {
		return err
	}
	defer sub.Close()
	var group gozmqops.Group
	if err := errors.Join(group.Add("feed", pub), group.Add("weather", sub)); err != nil {
		return err
	}
	return serveGroup(ctx, &group)
}

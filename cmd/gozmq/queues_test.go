package main

import (
	"context"
	"errors"
	"time"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmqops"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// serveQueues serves the admin service of a process with two ventilators and one
// task store: "owner" owns the queue, "standby" waits for it. The queue has a task
// that waits for a worker, and one that was pushed for the next day.
func serveQueues(ctx context.Context) error {
	store := new(gozmqstore.Memory)
	owner, err := openQueue(store)
	if err != nil {
		return err
	}
	defer owner.Close()
	prints, err := imagev1gozmq.NewPrintsVentilator(owner)
	if err != nil {
		return err
	}
	tomorrow := gozmq.PushOptions{NotBefore: time.Now().Add(24 * time.Hour)}.Context(ctx)
	if err := errors.Join(prints.Render(ctx, &imagev1.RenderTask{Name: "now.png"}), prints.Render(tomorrow, &imagev1.RenderTask{Name: "tomorrow.png"})); err != nil {
		return err
	}
	standby, err := openQueue(store)
	if err != nil {
		return err
	}
	defer standby.Close()
	var group gozmqops.Group
	if err := errors.Join(group.Add("owner", owner), group.Add("standby", standby)); err != nil {
		return err
	}
	return serveGroup(ctx, &group, gozmqadmin.AllowChanges())
}

func openQueue(store gozmqstore.Store) (*gozmq.Ventilator, error) {
	return gozmq.NewVentilator(gozmq.Bind("tcp://127.0.0.1:*"), gozmq.DeliveryAtLeastOnce, gozmq.WithTaskStore(store), gozmq.WithLinger(0))
}

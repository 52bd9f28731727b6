package gozmq

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
)

// Record returns a task of m as a store keeps it, with the metadata of ctx. It
// needs no ventilator (bridge.Ventilator).
func (v pushing) Record(ctx context.Context, m *Method, task proto.Message) (gozmqstore.Task, error) {
	var none gozmqstore.Task
	if err := m.checkDelivery(DeliveryAtLeastOnce); err != nil {
		return none, err
	}
	metadata, err := taskMetadata(ctx, m)
	if err != nil {
		return none, err
	}
	encoder := bodies{limit: defaultMaxMessageSize}
	body, err := encoder.encode(task)
	if err != nil {
		return none, err
	}
	terms, err := pushTerms(ctx)
	if err != nil {
		return none, err
	}
	return pipeline.NewRecord(pipeline.Task{
		Procedure: m.Procedure, Body: body, Metadata: metadata, MaxAttempts: m.attempts(), Lease: m.lease(), Terms: terms,
	}), nil
}

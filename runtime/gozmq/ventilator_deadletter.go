package gozmq

import (
	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/pipeline"
)

// A DeadLetter is a task that its ventilator gave up.
type DeadLetter struct {
	// ID names the task, as TaskInfo does.
	ID string
	// Procedure is the method's name: "package.Service/Method".
	Procedure string
	// Attempts is how often a worker has begun the task.
	Attempts int
	// Reason is why the last attempt failed: the handler's error as an *Error,
	// or an *Error which says that the worker was lost or its lease expired.
	Reason error
	// Batch is the name of the task's batch, or empty.
	Batch string
	// Metadata is what was sent with the task.
	Metadata Metadata

	body   []byte
	bodies *bodies // of the ventilator
}

func newDeadLetter(d *pipeline.DeadTask, c *bodies) DeadLetter {
	return DeadLetter{
		ID: d.ID, Procedure: d.Procedure, Attempts: d.Attempts, Reason: taskFailure(d.Reason), Batch: d.Batch, Metadata: Metadata(d.Metadata),
		body: d.Body, bodies: c,
	}
}

// Unmarshal decodes the task into m, which must have the type of the pushed
// message.
func (d *DeadLetter) Unmarshal(m proto.Message) error {
	b := d.bodies
	if b == nil {
		b = new(bodies)
	}
	return b.decodeInput(d.body, m)
}

// Body returns the task as it was encoded. It must not be changed.
func (d *DeadLetter) Body() []byte { return d.body }

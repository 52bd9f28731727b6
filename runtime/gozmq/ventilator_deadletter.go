package gozmq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/guarded"
	"github.com/gozmq/gozmq/runtime/internal/pipeline"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A DeadLetter is a task that its ventilator gave up.
type DeadLetter struct {
	holdsDeadLetter //nolint:unused // gozmqimpl finds it
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
	// Metadata is the metadata that came with the task.
	Metadata Metadata
	// Enqueued is when the task was pushed.
	Enqueued time.Time

	body   []byte
	bodies *bodies // of the ventilator
}

func newDeadLetter(d *pipeline.DeadTask, c *bodies) DeadLetter {
	return DeadLetter{
		ID: d.ID, Procedure: d.Procedure, Attempts: d.Attempts, Reason: taskFailure(d.Reason), Batch: d.Batch, Metadata: Metadata(d.Metadata),
		Enqueued: d.Enqueued, body: d.Body, bodies: c,
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

// WithDeadLetterHandler calls f with each task that a ventilator with
// DeliveryAtLeastOnce gives up because its handler returned a Permanent error,
// or because it failed, or its worker was lost, as often as allowed. Generated
// functions named On…DeadLetter do the same for one method, with its type; f gets
// the letters of the other methods, and those that cannot be decoded.
//
// The letter is gone when f returns nil. When f returns an error or panics it is
// kept, and f gets it again after a pause, which is that of WithRetryBackoff and
// at least 10 ms; EventLetterFailed reports it. f gets one letter at a time, and
// others while one is paused. Letters that are kept count against
// WithTaskQueue's number of tasks, and Wait waits for them.
//
// f must not close the ventilator: Close waits for f. While Close waits, letters
// still come; the context of f ends with the linger time (WithLinger). What is
// left then is lost without a task store. With one, Close does not wait for
// letters that were failed: the store keeps a letter, with its reason, until f has
// returned nil, and the next ventilator that has the store offers it again.
// EventTaskDead reports each letter once.
//
// Without a function for its method, a letter is kept where there is a task store:
// see Ventilator.DeadLetters.
func WithDeadLetterHandler(f func(ctx context.Context, letter DeadLetter) error) VentilatorOption {
	return ventilatorOption(func(c *ventilatorConfig) {
		c.letters.other = f
		c.reliable = append(c.reliable, "WithDeadLetterHandler")
	})
}

// letterHandlers are the functions that get dead letters.
type letterHandlers struct {
	typed map[string]letterHandler // by procedure
	other func(context.Context, DeadLetter) error
	errs  []error
}

// A letterHandler gets the dead letters of one method.
type letterHandler struct {
	task func() proto.Message
	run  func(context.Context, proto.Message, DeadLetter) error
}

// holdsDeadLetter is what gozmqimpl finds in a DeadLetter: what makes the
// options of generated code.
type holdsDeadLetter = bridge.Held[letterOptions] //nolint:unused // see DeadLetter

// letterOptions makes options for gozmqimpl. Its zero value does.
type letterOptions struct{}

// Handle returns an option that has run get the dead letters of m, with tasks that
// fresh makes.
func (letterOptions) Handle(m *Method, fresh func() proto.Message, run func(context.Context, proto.Message, DeadLetter) error) VentilatorOption {
	return ventilatorOption(func(c *ventilatorConfig) {
		c.reliable = append(c.reliable, "the dead letter handler of "+m.Procedure)
		c.letters.add(m, letterHandler{fresh, run})
		if c.queue.Policies == nil {
			c.queue.Policies = make(map[string]pipeline.Policy)
		}
		c.queue.Policies[m.Procedure] = m.policy()
	})
}

func (l *letterHandlers) add(m *Method, h letterHandler) {
	if _, twice := l.typed[m.Procedure]; twice {
		l.errs = append(l.errs, fmt.Errorf("%s has two dead letter handlers", m.Procedure))
	}
	if h.run == nil {
		l.errs = append(l.errs, fmt.Errorf("the dead letter handler of %s is nil", m.Procedure))
	}
	if l.typed == nil {
		l.typed = make(map[string]letterHandler)
	}
	l.typed[m.Procedure] = h
}

// wants reports whether a function gets the letters of a procedure.
func (l *letterHandlers) wants(procedure string) bool {
	_, typed := l.typed[procedure]
	return typed || l.other != nil
}

// handle passes a letter on. A letter that nobody wants is handled.
func (l *letterHandlers) handle(ctx context.Context, letter DeadLetter) error {
	h, typed := l.typed[letter.Procedure]
	if !typed && l.other == nil {
		return nil
	}
	if typed {
		task := h.task()
		err := letter.Unmarshal(task)
		if err == nil {
			return h.run(ctx, task, letter)
		}
		if l.other == nil {
			return fmt.Errorf("decode the task of a dead letter: %w", err)
		}
	}
	return l.other(ctx, letter)
}

// offer is handle that reports failures and panics to o.
func (l *letterHandlers) offer(ctx context.Context, letter DeadLetter, o *observer) (err error) {
	p := guarded.Apart(func() { err = l.handle(ctx, letter) })
	if p != nil {
		err = o.panicked(zmtp.Router, "the dead letter handler", letter.Procedure, p)
	}
	if err != nil {
		o.observe(Event{Kind: EventLetterFailed, SocketType: string(zmtp.Router), Procedure: letter.Procedure, Err: err})
	}
	return err
}

func (l *letterHandlers) check() error { return errors.Join(l.errs...) }

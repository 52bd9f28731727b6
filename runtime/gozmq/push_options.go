package gozmq

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/taskqueue"
)

// PushOptions say when and in which order a task with DeliveryAtLeastOnce is handed
// out. The zero value asks for nothing. A task store keeps them.
type PushOptions struct {
	// NotBefore is until when the task waits; zero: it does not.
	NotBefore time.Time
	// Expires is when the task becomes a dead letter with CodeDeadlineExceeded if
	// no worker has it then; zero: never.
	Expires time.Time
	// Priority is from -100 to 100. Tasks with a greater one are handed out
	// first, those with the same one in order.
	Priority int
	// Key is up to 255 bytes, under which WithTaskLimit limits tasks of a method.
	Key string
	// UniqueKey is up to 255 bytes. While another task of the ventilator,
	// whatever its method, has the same key, Push fails with CodeAlreadyExists. A
	// task has its key until UniqueFor has passed since it was pushed, or, if
	// that is 0, until it was done or given up. A million keys may be taken.
	UniqueKey string
	UniqueFor time.Duration
	// Retain is how long the task is kept after it was done, with its end, its
	// worker, its last progress and its result of up to 1 MiB (Ventilator.Task,
	// TaskStatus.UnmarshalResult). 0: as long as the annotation of its method says.
	// A ventilator keeps up to 100,000 of them, or 64 MiB; the oldest go first.
	Retain time.Duration
}

const (
	maxTaskKey  = 255
	maxPriority = 100
)

type pushOptionsKey struct{}

// Context returns a context; tasks that are pushed with it have these options,
// and no others.
func (o PushOptions) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, pushOptionsKey{}, o)
}

// pushTerms returns the options of a context for a task of m, checked, for the
// engine; nil for none.
func pushTerms(ctx context.Context, m *Method) (*taskqueue.Terms, error) {
	o, _ := ctx.Value(pushOptionsKey{}).(PushOptions)
	if o.Retain == 0 {
		o.Retain = m.Retain
	}
	if o == (PushOptions{}) {
		return nil, nil
	}
	now := time.Now()
	switch {
	case o.Priority < -maxPriority || o.Priority > maxPriority:
		return nil, Errorf(CodeInvalidArgument, "PushOptions: priority %d, want %d to %d", o.Priority, -maxPriority, maxPriority)
	case len(o.Key) > maxTaskKey || len(o.UniqueKey) > maxTaskKey:
		return nil, Errorf(CodeInvalidArgument, "PushOptions: a key has more than %d bytes", maxTaskKey)
	case o.UniqueFor < 0 || o.UniqueFor > 0 && o.UniqueKey == "":
		return nil, Errorf(CodeInvalidArgument, "PushOptions: UniqueFor is %v for the key %q, want 0, or more with a key", o.UniqueFor, o.UniqueKey)
	case o.Retain < 0:
		return nil, Errorf(CodeInvalidArgument, "PushOptions: Retain is %v, want 0 or more", o.Retain)
	case !o.Expires.IsZero() && !o.Expires.After(now):
		return nil, Errorf(CodeDeadlineExceeded, "PushOptions: the task has expired at %v", o.Expires)
	}
	terms := &taskqueue.Terms{
		NotBefore: o.NotBefore, Expires: o.Expires, Priority: o.Priority, Key: o.Key, UniqueKey: o.UniqueKey,
		Retain: o.Retain,
	}
	if o.UniqueFor > 0 {
		terms.UniqueUntil = now.Add(o.UniqueFor)
	}
	return terms, nil
}

// A TaskLimit limits tasks that one ventilator hands out. The zero value does not.
type TaskLimit struct {
	// Running is how many may run at a time; 0: any number.
	Running int
	// Every is the average time from the start of one task to that of the next; 0:
	// none. Burst is how many may start at once after a pause; 0: 1.
	Every time.Duration
	Burst int
}

func (l TaskLimit) check() error {
	if l.Running < 0 || l.Every < 0 || l.Burst < 0 || l.Burst > 0 && l.Every == 0 {
		return fmt.Errorf("%+v, want 0 or more of each, and Burst with Every only", l)
	}
	return nil
}

// WithTaskLimit limits the tasks of a method ("package.Service/Method") with
// DeliveryAtLeastOnce: all of them together, and those of each PushOptions.Key. It
// replaces the limits of the method's annotation.
// Tasks that have to wait let others pass. An attempt after a failure counts as
// any other; what workers still run when a ventilator takes over counts, too, and
// may exceed the limit until it has ended.
func WithTaskLimit(procedure string, all, perKey TaskLimit) VentilatorOption {
	return ventilatorOption(func(c *ventilatorConfig) {
		if err := errors.Join(all.check(), perKey.check()); err != nil {
			c.errs = append(c.errs, fmt.Errorf("WithTaskLimit: %s: %w", procedure, err))
		}
		if c.queue.Limits == nil {
			c.queue.Limits = make(map[string]taskqueue.MethodLimit)
		}
		c.queue.Limits[procedure] = taskqueue.MethodLimit{All: taskqueue.Limit(all), PerKey: taskqueue.Limit(perKey)}
		c.reliable = append(c.reliable, "WithTaskLimit")
	})
}

// Pause has the ventilator hand out no task of a method ("package.Service/Method"),
// or for "" of all, until Resume. Workers go on with what they have. It returns
// once the task store knows that: the next ventilator with the store keeps to it. A
// ventilator that stands by waits until it owns the queue. The error has
// CodeFailedPrecondition with DeliveryAtMostOnce.
func (v *Ventilator) Pause(ctx context.Context, procedure string) error {
	return v.halt(ctx, "pause", procedure, true)
}

// Resume ends what Pause began, for "" of all methods, as Pause does.
func (v *Ventilator) Resume(ctx context.Context, procedure string) error {
	return v.halt(ctx, "resume", procedure, false)
}

// Paused returns the methods that are paused, sorted, with "" for all. A ventilator
// that stands by knows of none.
func (v *Ventilator) Paused() []string {
	q, err := v.queue()
	if err != nil {
		return nil
	}
	return q.Halted()
}

func (v *Ventilator) halt(ctx context.Context, what, procedure string, halted bool) error {
	q, err := v.queue()
	if err != nil {
		return err
	}
	if err := q.HaltMethod(ctx, procedure, halted); err != nil {
		return pipelineError(err, fmt.Sprintf("%s %q", what, procedure))
	}
	return nil
}

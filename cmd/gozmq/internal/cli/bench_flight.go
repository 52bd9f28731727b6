package cli

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/load"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// benchKey is the metadata that names the arrival of a publication or a task.
const benchKey = "gozmq-bench"

// flights are the messages that were sent and have not come back.
type flights struct {
	mu     sync.Mutex
	run    string // distinguishes this run from others
	byID   map[string]flight
	landed chan struct{} // has an element when the last one has come
}

// A flight is one of them.
type flight struct {
	load.Arrival
	over chan struct{} // closed when it has come, or is lost
}

func (f *flights) start(a load.Arrival) (id string, over <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID == nil {
		f.byID, f.landed = make(map[string]flight), make(chan struct{}, 1)
		f.run = strconv.FormatInt(time.Now().UnixNano(), 36)
	}
	id = f.run + "." + strconv.Itoa(a.Number)
	one := flight{a, make(chan struct{})}
	f.byID[id] = one
	return id, one.over
}

// end calls count with the arrival of an id, once, before left counts it no more.
func (f *flights) end(id string, count func(load.Arrival)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one, ok := f.byID[id]
	if ok {
		count(one.Arrival)
		delete(f.byID, id)
		close(one.over)
	}
	if len(f.byID) == 0 && f.landed != nil {
		select {
		case f.landed <- struct{}{}:
		default:
		}
	}
}

func (f *flights) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.byID)
}

// lost removes and returns the messages that have not come back.
func (f *flights) lost() (list []load.Arrival) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.byID {
		list = append(list, one.Arrival)
	}
	clear(f.byID)
	return list
}

// drain waits for the messages in flight, and counts missing ones as lost.
func (x *benching) drain(ctx context.Context) {
	end := time.NewTimer(x.flags.drain)
	defer end.Stop()
	for waiting := true; waiting && x.flight.left() > 0; {
		select {
		case <-x.flight.landed:
		case <-end.C:
			waiting = false
		case <-ctx.Done():
			waiting = false
		}
	}
	if x.method.Pattern != gozmq.PatternReqRep && x.flight.left() == 0 {
		x.recorder.Finish()
	}
	for _, a := range x.flight.lost() {
		x.recorder.Failed(a, "lost")
	}
}

// landed counts a message that has come.
func (x *benching) landed(m gozmq.Metadata, size int) {
	now := time.Now()
	for _, id := range m[benchKey] {
		x.flight.end(id, func(a load.Arrival) { x.recorder.Done(a, now, 1, size) })
	}
}

// launch sends an arrival's message with send. In a closed loop it waits until the
// message has come.
func (x *benching) launch(ctx context.Context, a load.Arrival, send func(context.Context, inputMessage) error) {
	x.recorder.Sent(a)
	id, over := x.flight.start(a)
	if err := send(gozmq.AppendMetadata(ctx, benchKey, id), x.body(a)); err != nil {
		x.flight.end(id, func(a load.Arrival) { x.recorder.Failed(a, gozmq.CodeOf(err).String()) })
		return
	}
	if x.flags.plan.Rate > 0 {
		return
	}
	select {
	case <-over:
	case <-ctx.Done():
	case <-time.After(x.flags.drain):
		x.flight.end(id, func(a load.Arrival) { x.recorder.Failed(a, "lost") })
	}
}

// receiver returns where the receiving end connects.
func (x *benching) receiver(bound []string) (*endpoint.Target, error) {
	switch {
	case x.flags.peer != "":
		return x.target.At(x.flags.peer), nil
	case x.target.Bind:
		return x.target.At(bound[0]), nil
	}
	return nil, wrongf("the other end is missing: --peer ENDPOINT, that of the proxy for the receiving side; or --bind, where bench is both ends")
}

// publications returns what publishes a message, for a subscriber that waits
// for it.
func (x *benching) publications(ctx context.Context) (func(context.Context, load.Arrival), error) {
	opts, err := endpoint.Options[gozmq.PublisherOption](x.target, raw.Codec(), gozmq.WithSendQueue(1<<16, 64<<20))
	if err != nil {
		return nil, wrong(err)
	}
	pub, err := gozmq.NewPublisher(opts...)
	if err != nil {
		return nil, wrong(err)
	}
	x.closers = append(x.closers, pub.Close)
	t := gozmqimpl.NewTopic[raw.Message](x.method.Procedure, x.method.Procedure)
	pattern := t.Pattern()
	if x.method.Topic != nil {
		t = x.method.Topic.Dynamic()
		pattern = t.Pattern()
	}
	if err := x.subscribe(ctx, pub, t, pattern); err != nil {
		return nil, err
	}
	return func(ctx context.Context, a load.Arrival) {
		x.launch(ctx, a, func(ctx context.Context, m inputMessage) error {
			msg := raw.New(m.body)
			if x.method.Topic != nil {
				msg.Values = x.method.Topic.Values(m.message)
			}
			return gozmqimpl.Publish(ctx, pub, t, msg)
		})
	}, nil
}

// subscribe starts the subscriber, and waits until the publisher knows it.
func (x *benching) subscribe(ctx context.Context, pub *gozmq.Publisher, t *dynamicTopic, pattern gozmq.TopicPattern) error {
	at, err := x.receiver(pub.Addrs())
	if err != nil {
		return err
	}
	opts, err := endpoint.Options[gozmq.SubscriberOption](at, raw.Codec())
	if err != nil {
		return wrong(err)
	}
	sub, err := gozmq.NewSubscriber(opts...)
	if err != nil {
		return wrong(err)
	}
	x.closers = append(x.closers, sub.Close)
	s, err := gozmqimpl.Open(sub, t, []gozmq.TopicPattern{pattern}, nil)
	if err != nil {
		return wrong(err)
	}
	done := make(chan struct{})
	loop, cancel := context.WithCancel(context.Background())
	x.closers = append(x.closers, func() error { cancel(); <-done; return nil })
	go func() {
		defer close(done)
		var info gozmq.PublicationInfo
		for m, err := range s.All(gozmq.StoreInfo(loop, &info)) {
			if err == nil {
				x.landed(info.Metadata, len(m.Body))
			}
		}
	}()
	waiting, stop := context.WithTimeout(ctx, max(x.target.ConnectTimeout, time.Millisecond))
	defer stop()
	if err := pub.WaitForSubscribersTo(waiting, pattern, 1); err != nil {
		return at.Explain(gozmq.Errorf(gozmq.CodeUnavailable, "the subscriber at %v is not connected to the publisher at %v within %v", at, x.target, x.target.ConnectTimeout))
	}
	return nil
}

// tasks returns what hands out a task, for a worker that waits for it.
func (x *benching) tasks(ctx context.Context) (func(context.Context, load.Arrival), error) {
	opts, err := endpoint.Options[gozmq.VentilatorOption](x.target, raw.Codec(), x.method.Delivery)
	if err != nil {
		return nil, wrong(err)
	}
	vent, err := gozmq.NewVentilator(opts...)
	if err != nil {
		return nil, wrong(err)
	}
	x.closers = append(x.closers, func() error { closeSoon(vent.Close); return nil })
	if err := x.worker(vent); err != nil {
		return nil, err
	}
	waiting, stop := context.WithTimeout(ctx, max(x.target.ConnectTimeout, time.Millisecond))
	defer stop()
	if err := vent.WaitForWorkers(waiting, 1); err != nil {
		return nil, gozmq.Errorf(gozmq.CodeUnavailable, "no worker is connected to %v within %v", x.target, x.target.ConnectTimeout)
	}
	return func(ctx context.Context, a load.Arrival) {
		x.launch(ctx, a, func(ctx context.Context, m inputMessage) error {
			return gozmqimpl.Push(ctx, vent, &x.method.Method, raw.New(m.body))
		})
	}, nil
}

// worker starts the worker.
func (x *benching) worker(vent *gozmq.Ventilator) error {
	at, err := x.receiver(vent.Addrs())
	if err != nil {
		return err
	}
	opts, err := endpoint.OptionsAt(at, gozmq.From(at.Ends()), []gozmq.WorkerOption{raw.Codec(), gozmq.WithDrainTimeout(heldDrain)}...)
	if err != nil {
		return wrong(err)
	}
	w, err := gozmqimpl.NewWorker("gozmq bench", func() []gozmqimpl.TaskHandler {
		return []gozmqimpl.TaskHandler{gozmqimpl.HandleTaskOnly(&x.method.Method, func(ctx context.Context, m *raw.Message) error {
			x.landed(gozmq.TaskInfoFromContext(ctx).Metadata, len(m.Body))
			return nil
		})}
	}, opts)
	if err != nil {
		return wrong(err)
	}
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	x.closers = append(x.closers, func() error { cancel(); <-done; return nil })
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			x.say("worker: %v", err)
		}
	}()
	return nil
}

// closeSoon closes an end without a long wait for unsent messages.
func closeSoon(closer func() error) {
	done := make(chan struct{})
	go func() {
		_ = closer()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(abandonTime):
	}
}

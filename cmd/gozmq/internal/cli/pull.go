package cli

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/recording"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// pullFlags are the flags of pull.
type pullFlags struct {
	as                      string
	ack, nack, reject, hold bool
	to, result              string
	format                  message.Format
	output                  string
	defaults, bare          bool
	delivery                string
	count                   int
	timeout                 time.Duration
	pause                   time.Duration
}

// pullCommand returns the verb pull.
func pullCommand(a *app) *cobra.Command {
	var f pullFlags
	c := &cobra.Command{
		Use:   "pull [ENDPOINT]... [TASK]...",
		Short: "Receive tasks as a worker, or results as a sink, and print them",
		Long: `pull connects to a ventilator, or with --bind lets it connect, and prints the tasks
that it is given. TASK is a method; without one it takes all tasks of the schema
that have the same guarantee as the first.

With DELIVERY_AT_LEAST_ONCE it says what becomes of a task:
  --hold    keep it until pull ends, then give it back (the default: it only looks)
  --ack     it is done; with --to ENDPOINT a sink gets --result
  --nack    it failed, and may be tried again
  --reject  it failed for good
Other tasks are gone once they were taken: they are always --ack, and those that
are on their way when pull ends are printed, too.

--as sink prints the results that workers send to a sink; --as puller takes tasks
that need no worker directly.

With --raw a TASK is the name in the first frame; --bare takes messages of one
frame, also of plain ZeroMQ programs. Ctrl-C ends it.`,
		Example: `  gozmq pull tcp://127.0.0.1:5557 --image image.binpb Prints/Render
  gozmq pull tcp://127.0.0.1:5557 --image image.binpb Prints/Render --ack --to tcp://127.0.0.1:5558 --result '{"name": "a.png"}'
  gozmq pull --as sink --bind tcp://127.0.0.1:5558 --image image.binpb Prints/Render --output json
  gozmq pull tcp://127.0.0.1:5557 --raw --bare --count 10`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeTasks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.pull(cmd.Context(), f, args)
		},
	}
	a.endFlags(c)
	fs := c.Flags()
	choose(c, &f.as, "as", "", "", "`ROLE`: worker, sink or puller; default: worker, or puller for a message that is a task without a service", "worker", "sink", "puller")
	fs.BoolVar(&f.hold, "hold", false, "keep tasks until the end, then give them back")
	fs.BoolVar(&f.ack, "ack", false, "acknowledge tasks: they are done")
	fs.BoolVar(&f.nack, "nack", false, "fail tasks: they may be tried again")
	fs.BoolVar(&f.reject, "reject", false, "fail tasks for good")
	fs.StringVar(&f.to, "to", "", "send results to the sink at `ENDPOINT`")
	fs.StringVar(&f.result, "result", "", "the `MESSAGE` that is the result of each task")
	fs.DurationVar(&f.pause, "work", 0, "work this long at each task")
	chooseFormat(c, &f.format, "`FORMAT` of messages: json, text, binary or delimited")
	choose(c, &f.output, "output", "o", "lines", "`WHAT` to print: lines (name and message), message or json", "lines", "message", "json")
	fs.BoolVar(&f.defaults, "defaults", false, "print fields that are not set, too")
	fs.BoolVar(&f.bare, "bare", false, "with --raw: messages are one frame without a name")
	chooseDelivery(c, &f.delivery, "with --raw: the `GUARANTEE`, ")
	fs.IntVarP(&f.count, "count", "n", 0, "end after this many")
	fs.DurationVar(&f.timeout, "timeout", 0, "end after this time")
	return c
}

func (f pullFlags) check() error {
	if f.count < 0 {
		return wrongf("--count %d: write a number from 1; without it pull goes on until Ctrl-C", f.count)
	}
	outcomes := 0
	for _, chosen := range []bool{f.hold, f.ack, f.nack, f.reject} {
		if chosen {
			outcomes++
		}
	}
	if outcomes > 1 {
		return wrongf("--hold, --ack, --nack and --reject exclude each other; choose one")
	}
	if (f.to != "" || f.result != "" || f.nack || f.reject || f.hold) && f.as != "" && f.as != "worker" {
		return wrongf("--as %s acknowledges what it gets; --hold, --nack, --reject, --to and --result are for a worker", f.as)
	}
	if f.result != "" && f.to == "" {
		return wrongf("--result needs --to ENDPOINT, the sink that gets it")
	}
	return nil
}

// pull takes tasks or results.
func (a *app) pull(ctx context.Context, f pullFlags, args []string) error {
	if err := f.check(); err != nil {
		return err
	}
	t, names, err := a.target(args)
	if err != nil {
		return err
	}
	s, err := a.schema(ctx, t, nil)
	if err != nil {
		return err
	}
	methods, err := f.methods(s, names)
	if err != nil {
		return err
	}
	p := a.printer(s, f.format)
	p.Defaults = f.defaults
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	x := &pulling{app: a, flags: f, target: t, methods: methods, printer: p, began: time.Now()}
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	defer x.cancel(nil)
	err = x.end(x.run())
	return firstError(err, a.interrupted(ctx, t, x.total(), f.count, x.what()))
}

// methods returns the tasks that names name, which have one guarantee.
func (f pullFlags) methods(s *schema.Schema, names []string) (list []*schema.Method, err error) {
	switch {
	case s == nil && f.bare && len(names) > 0:
		return nil, wrongf("messages with bare framing have no name; leave %q out", names[0])
	case s == nil && f.bare:
		names = []string{"bare"}
	case s != nil && len(names) == 0:
		for _, m := range s.Methods {
			if m.Pattern == gozmq.PatternPushPull {
				list = append(list, m)
			}
		}
		if len(list) == 0 {
			return nil, wrongf("%s has no task; gozmq list says what it has", s.Source)
		}
		return alike(list), nil
	case len(names) == 0:
		names = []string{""}
	}
	for _, name := range names {
		args := []string{name}
		if name == "" || s == nil && f.bare {
			args = nil
		}
		m, _, err := taskMethod(s, args, f.bare, f.delivery)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	if same := alike(list); len(same) < len(list) {
		return nil, wrongf("the tasks have different guarantees or framings; take %s alone", list[0].Procedure)
	}
	return list, nil
}

// alike returns the methods that one socket can take with the first.
func alike(list []*schema.Method) (same []*schema.Method) {
	for _, m := range list {
		if m.Delivery == list[0].Delivery && m.Bare == list[0].Bare && (m.Service == nil) == (list[0].Service == nil) {
			same = append(same, m)
		}
	}
	return same
}

// A pulling is one run of pull.
type pulling struct {
	*app
	flags   pullFlags
	target  *endpoint.Target
	methods []*schema.Method
	printer message.Printer
	ctx     context.Context
	cancel  context.CancelCauseFunc
	began   time.Time
	result  []byte // of each task
	worker  *gozmq.Worker
	sink    atomic.Bool // the worker has been connected to a sink
	waiting atomic.Bool // it was said that there is none

	mu     sync.Mutex // guards the following fields, and the output
	count  int
	failed error // why nothing more can be printed
	writer *recording.Writer
}

func (x *pulling) run() error {
	x.target.Watch(x.event)
	as := x.flags.as
	if as == "" {
		as = "worker"
		if m := x.methods[0]; m.Service == nil && m.Input != nil {
			as = "puller"
		}
	}
	if as == "worker" {
		return x.work()
	}
	return x.collect(as == "puller")
}

// event ends pull where its peer refuses it, and says which messages made no sense.
func (x *pulling) event(e gozmq.Event) {
	switch e.Kind {
	case gozmq.EventMalformed:
		x.say("malformed: %v; messages of one frame need --bare", e)
	case gozmq.EventUnclaimed:
		if e.Procedure != "" {
			x.say("waiting: results of %s, which was not asked for", e.Procedure)
		}
	case gozmq.EventHandshakeFailed:
		go x.giveUp() // Explain needs the event that event's caller is about to record
	}
}

func (x *pulling) giveUp() {
	const none = "no peer"
	refused := gozmq.Errorf(gozmq.CodeUnavailable, none)
	if err := x.target.Explain(refused); err != error(refused) && !x.target.Bind {
		x.cancel(err)
	}
}

// await ends pull when no peer connects in time.
func (x *pulling) await() (stop func() bool) {
	if x.target.Bind || x.target.ConnectTimeout <= 0 {
		return func() bool { return true }
	}
	return time.AfterFunc(x.target.ConnectTimeout, func() {
		if x.giveUp(); !x.target.Reached() {
			x.cancel(gozmq.Errorf(gozmq.CodeUnavailable, "nobody at %v was connected within %v; is the program running?", x.target, x.target.ConnectTimeout))
		}
	}).Stop
}

// end reports how many were received, and fails when fewer came than requested.
func (x *pulling) end(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	cause := context.Cause(x.ctx)
	if x.count > 0 || err == nil && (errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded)) {
		x.say("%s in %s", plural(x.count, x.what()), roughly(time.Since(x.began)))
	}
	switch {
	case x.failed != nil:
		return x.failed
	case cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded):
		return cause
	case err != nil:
		return x.target.Explain(err)
	case x.flags.count > x.count && errors.Is(cause, context.DeadlineExceeded):
		return gozmq.Errorf(gozmq.CodeDeadlineExceeded, "%d of %d came within %v", x.count, x.flags.count, x.flags.timeout)
	}
	return nil
}

func (x *pulling) total() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.count
}

func (x *pulling) what() string {
	if x.flags.as == "sink" {
		return "result"
	}
	return "task"
}

// collect prints results, or with direct tasks, until the end.
func (x *pulling) collect(direct bool) error {
	open := gozmq.NewSink
	if direct {
		open = gozmq.NewPuller
	}
	opts, err := endpoint.Options[gozmq.SinkOption](x.target, raw.Codec(), gozmq.WithStopWhenRefused(), x.methods[0].Delivery)
	if err != nil {
		return wrong(err)
	}
	sink, err := open(opts...)
	if err != nil {
		return wrong(err)
	}
	if x.target.Bind {
		x.say("listening on %s", sink.Addrs()[0])
	}
	defer x.await()()
	var loops sync.WaitGroup
	for _, m := range x.methods {
		loops.Go(func() { x.loop(sink, m) })
	}
	loops.Wait()
	return sink.Close()
}

func (x *pulling) loop(sink *gozmq.Sink, m *schema.Method) {
	var info gozmq.TaskInfo
	for r, err := range gozmqimpl.Results[raw.Message](gozmq.StoreInfo(x.ctx, &info), sink, &m.Method) {
		if err != nil {
			x.say("%s: %v", m.Procedure, err)
			continue
		}
		if !x.print(m, r.Body, &info) {
			return
		}
	}
}

package cli

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// pushFlags are the flags of push.
type pushFlags struct {
	sendFlags
	delivery string
	timeout  time.Duration
}

// pushCommand returns the verb push.
func pushCommand(a *app) *cobra.Command {
	var f pushFlags
	c := &cobra.Command{
		Use:   "push [ENDPOINT]... TASK [MESSAGE | @FILE | -]",
		Short: "Hand out tasks to workers",
		Long: `push hands out a task, or each message of a file or of stdin, to the workers that
it connects to, or that connect to it with --bind. TASK is a method
("image.v1.Thumbnails/Render", or "Render" where one alone is meant).

A task with DELIVERY_AT_LEAST_ONCE goes out again until a worker has done it: push
ends when all are done or given up, and its exit code is that of the last one that
was given up. Other tasks are gone once a worker's connection has them.

With --raw the message is the bytes of the input; --delivery says which of the two
it is, and --bare sends it without a name.`,
		Example: `  gozmq push --bind tcp://127.0.0.1:5557 --image image.binpb Thumbnails/Render @tasks.ndjson
  gozmq push --bind tcp://127.0.0.1:5557 --proto image.proto Prints/Render '{"name": "a.png"}' --timeout 1m
  printf '%s' work | gozmq push tcp://127.0.0.1:5557 --raw --bare -`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeMethods(gozmq.PatternPushPull),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.push(cmd.Context(), f, args)
		},
	}
	a.endFlags(c)
	f.register(c, "workers")
	chooseDelivery(c, &f.delivery, "with --raw: the `GUARANTEE`, ")
	c.Flags().DurationVar(&f.timeout, "timeout", 0, "how long the command may take; 0: until Ctrl-C")
	return c
}

// taskMethod returns the method of tasks that the arguments name, and the others.
func taskMethod(s *schema.Schema, args []string, bare bool, delivery string) (*schema.Method, []string, error) {
	if s != nil {
		if len(args) == 0 {
			return nil, nil, wrongf("no task; write a method, as image.v1.Thumbnails/Render (gozmq list says what there is)")
		}
		m, err := s.Method(args[0], gozmq.PatternPushPull)
		return m, args[1:], wrong(err)
	}
	name := "bare"
	if !bare {
		if len(args) == 0 {
			return nil, nil, wrongf("no task; write the name that stands in its first frame, or --bare where there is none")
		}
		name, args = args[0], args[1:]
	}
	m := schema.Raw(name, gozmq.PatternPushPull, bare)
	if delivery == atLeastOnce {
		m.Delivery = gozmq.DeliveryAtLeastOnce
	}
	return m, args, nil
}

// push hands out the input.
func (a *app) push(ctx context.Context, f pushFlags, args []string) error {
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	x, rest, err := a.sending(ctx, f.sendFlags, args)
	if err != nil {
		return err
	}
	if x.method, rest, err = taskMethod(x.schema, rest, f.bare, f.delivery); err != nil {
		return err
	}
	p := &pushing{sending: x}
	opts, err := endpoint.Options[gozmq.VentilatorOption](x.target, raw.Codec(), gozmq.WithStopWhenRefused(), x.method.Delivery)
	if err != nil {
		return wrong(err)
	}
	if x.method.Delivery == gozmq.DeliveryAtLeastOnce {
		opts = append(opts, gozmq.WithDeadLetterHandler(p.dead))
	}
	if p.vent, err = gozmq.NewVentilator(opts...); err != nil {
		return wrong(err)
	}
	if x.target.Bind {
		a.say("listening on %s", p.vent.Addrs()[0])
	}
	err = x.run(rest, p.send)
	if err == nil {
		err = p.wait()
	}
	if err != nil { // do not wait for unsent tasks
		err = p.summary(err)
		closeSoon(p.vent.Close) // its error would report the unsent tasks once more
		return err
	}
	return errors.Join(p.summary(nil), p.vent.Close())
}

// A pushing is one run of push.
type pushing struct {
	*sending
	vent   *gozmq.Ventilator
	pushed int
	failed atomic.Int64
	last   atomic.Pointer[gozmq.Error] // why the last task was given up
}

func (p *pushing) send(body []byte, _ protoreflect.Message) error {
	if p.pushed == 0 && p.flags.wait > 0 {
		if err := p.await(); err != nil {
			return err
		}
	}
	if err := gozmqimpl.Push(p.ctx, p.vent, &p.method.Method, raw.New(body)); err != nil {
		return err
	}
	p.pushed++
	return nil
}

// await waits for the workers.
func (p *pushing) await() error {
	ctx, cancel := p.target.Waiting(p.ctx)
	defer cancel()
	err := p.vent.WaitForWorkers(ctx, p.flags.wait)
	if err == nil || p.ctx.Err() != nil {
		return err
	}
	return p.target.Explain(gozmq.Errorf(gozmq.CodeUnavailable, "waited %v for %s; --connect-timeout waits longer, --wait 0 not at all", p.target.ConnectTimeout, plural(p.flags.wait, "worker")))
}

// wait waits until the tasks are done, as far as their guarantee lets us know.
func (p *pushing) wait() error {
	err := p.vent.Wait(p.ctx)
	if err != nil {
		left := p.vent.Progress()
		return p.ended(gozmq.Errorf(gozmq.CodeOf(err), "%s not done: %v", plural(left.Queued+left.InFlight, "task"), left))
	}
	return nil
}

// dead reports a task that was given up.
func (p *pushing) dead(_ context.Context, letter gozmq.DeadLetter) error {
	p.failed.Add(1)
	var e *gozmq.Error
	if errors.As(letter.Reason, &e) {
		p.last.Store(e)
	}
	p.say("given up: task %x of %s after %s: %v", letter.ID, letter.Procedure, plural(letter.Attempts, "attempt"), letter.Reason)
	return nil
}

// summary reports how many tasks were handed out; err has ended the command.
func (p *pushing) summary(err error) error {
	failed := int(p.failed.Load())
	switch {
	case p.pushed == 0 && !errors.Is(p.ctx.Err(), context.Canceled):
	case p.method.Delivery != gozmq.DeliveryAtLeastOnce:
		p.say("%s handed out", plural(p.pushed, "task"))
	default:
		p.say("%s handed out, %d done, %d given up", plural(p.pushed, "task"), p.vent.Progress().Done, failed)
	}
	if err == nil && failed > 0 {
		if e := p.last.Load(); e != nil {
			return gozmq.Errorf(e.Code, "%s given up, the last one because of %v", plural(failed, "task"), e)
		}
		return gozmq.Errorf(gozmq.CodeUnknown, "%s given up", plural(failed, "task"))
	}
	return err
}

// abandonTime is how long a failed command still sends queued messages.
const abandonTime = 300 * time.Millisecond

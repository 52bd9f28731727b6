package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// subFlags are the flags of sub.
type subFlags struct {
	filters        []string
	format         message.Format
	output         string
	defaults, bare bool
	count          int
	timeout        time.Duration
	idle, lag      time.Duration
	rates          time.Duration
	snapshot       string
	request        string
}

// subCommand returns the verb sub.
func subCommand(a *app) *cobra.Command {
	var f subFlags
	c := &cobra.Command{
		Use:   "sub [ENDPOINT]... [TOPIC]...",
		Short: "Subscribe to topics and print what is published",
		Long: `sub subscribes to topics and prints each message: its topic, and the message as
JSON. TOPIC is a method ("weather.v1.Feed/Temperature", or "Temperature" where one
alone is meant), a service, or a topic as it stands on the wire
("weather/ams/temperature"). Without one it takes all topics of the schema.

--filter FIELD=VALUE takes only topics whose field has that value. Several values
of one field are alternatives; several fields have to match together.

On stderr it says what else happens: messages of sequenced topics that are missing
(gap), a publisher that was restarted, messages that come late (--lag), silence
(--idle), rates (--rates), and at the end a summary. With --output json all of it
is NDJSON on stdout, and a message has its sequence, publisher, time and lag.

--snapshot ENDPOINT prints first the state behind the topic, which the service
there answers, then its changes, and the state again when messages were missed.

With --raw a TOPIC is the beginning of topics, and messages are printed as strings,
those that are not UTF-8 as {"base64":…}; --bare takes messages of one frame.

A publisher cannot be asked for its schema: name --admin, --image, --proto or a
context. Ctrl-C ends it. With --count it fails when --timeout comes first.`,
		Example: `  gozmq sub tcp://127.0.0.1:5556 --admin tcp://127.0.0.1:5500
  gozmq sub tcp://127.0.0.1:5556 --image weather.binpb Temperature -f station=ams -f station=ber
  gozmq sub --context prod weather/ams/temperature --count 1 --timeout 10s --output message
  gozmq sub tcp://127.0.0.1:5556 --raw weather/ --rates 1s
  gozmq sub tcp://127.0.0.1:28332 --raw hashblock --output json`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeTopics,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.sub(cmd.Context(), f, args)
		},
	}
	a.endFlags(c)
	fs := c.Flags()
	fs.StringArrayVarP(&f.filters, "filter", "f", nil, "only topics with `FIELD=VALUE`; may be repeated")
	chooseFormat(c, &f.format, "`FORMAT` of messages: json, text, binary or delimited")
	choose(c, &f.output, "output", "o", "lines", "`WHAT` to print: lines (topic and message), message or json", "lines", "message", "json")
	fs.BoolVar(&f.defaults, "defaults", false, "print fields that are not set, too")
	fs.BoolVar(&f.bare, "bare", false, "with --raw: messages are one frame without a topic")
	fs.IntVarP(&f.count, "count", "n", 0, "end after this many messages")
	fs.DurationVar(&f.timeout, "timeout", 0, "end after this time")
	fs.DurationVar(&f.idle, "idle", 0, "say when nothing has come for this time")
	fs.DurationVar(&f.lag, "lag", 0, "say when a message of a sequenced topic is older than this")
	fs.DurationVar(&f.rates, "rates", 0, "say every so often how many messages come")
	fs.StringVar(&f.snapshot, "snapshot", "", "print the state from the service at `ENDPOINT`, then its changes")
	fs.StringVar(&f.request, "snapshot-request", "{}", "the `MESSAGE` that asks for the state")
	_ = c.RegisterFlagCompletionFunc("filter", a.completeFields)
	return c
}

func (f subFlags) check() error {
	if f.count < 0 {
		return wrongf("--count %d: write a number from 1; without it sub goes on until Ctrl-C", f.count)
	}
	return nil
}

// sub subscribes until ctx, a limit or the publisher ends it.
func (a *app) sub(ctx context.Context, f subFlags, args []string) error {
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
	sel, err := selectTopics(s, names, f.filters, f.bare)
	if err != nil {
		return err
	}
	p := a.printer(s, f.format)
	p.Defaults = f.defaults
	out := newSubPrinter(a, p, f.output, sel)
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	x := &subscribing{app: a, flags: f, target: t, schema: s, sel: sel, out: out}
	return x.run(ctx)
}

// A subscribing is one run of sub.
type subscribing struct {
	*app
	flags  subFlags
	target *endpoint.Target
	schema *schema.Schema
	sel    *selection
	out    *subPrinter
}

func (x *subscribing) run(ctx context.Context) error {
	x.target.Watch(x.out.event)
	sub, err := x.subscriber(x.target, gozmq.WithLagReport(x.flags.lag), gozmq.WithIdleError(x.flags.idle))
	if err != nil {
		return err
	}
	defer sub.Close()
	if x.target.Bind {
		x.say("listening on %s", sub.Addrs()[0])
	}
	until := ctx // what ends it from outside
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := x.out.rates(x.flags.rates)
	defer stop()
	if x.flags.snapshot != "" {
		err = x.follow(ctx, sub)
	} else {
		err = x.receive(ctx, cancel, sub)
	}
	stop()
	return firstError(x.end(ctx, err), x.interrupted(until))
}

// subscriber opens a Subscriber of t, which the caller closes.
func (*app) subscriber(t *endpoint.Target, more ...gozmq.SubscriberOption) (*gozmq.Subscriber, error) {
	opts, err := endpoint.Options(t, append(more, raw.Codec(), gozmq.WithStopWhenRefused())...)
	if err != nil {
		return nil, wrong(err)
	}
	s, err := gozmq.NewSubscriber(opts...)
	return s, wrong(err)
}

// end reports how many were received, and fails when fewer came than requested.
func (x *subscribing) end(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if err == nil && cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		err = cause
	}
	if err == nil || x.out.total() > 0 {
		x.out.summary()
	}
	switch {
	case err != nil:
		return err
	case x.flags.count > x.out.total() && errors.Is(cause, context.DeadlineExceeded):
		return gozmq.Errorf(gozmq.CodeDeadlineExceeded, "%d of %d messages came within %v; is somebody publishing these topics?", x.out.total(), x.flags.count, x.flags.timeout)
	}
	return nil
}

// interrupted returns an error when Ctrl-C, which ends ctx, has come before --count
// messages. Without --count it only reports that there was no publisher.
func (x *subscribing) interrupted(ctx context.Context) error {
	return x.app.interrupted(ctx, x.target, x.out.total(), x.flags.count, "message")
}

// receive prints messages, until it has enough. It cancels the loop when no
// publisher connects in time.
func (x *subscribing) receive(ctx context.Context, cancel context.CancelCauseFunc, sub *gozmq.Subscriber) error {
	s, err := x.sel.open(sub)
	if err != nil {
		return wrong(err)
	}
	defer s.Close()
	done := make(chan struct{})
	defer func() { cancel(context.Canceled); <-done }()
	go func() {
		defer close(done)
		if err := x.ready(ctx, sub); err != nil {
			cancel(err)
		}
	}()
	var info gozmq.PublicationInfo
	for m, err := range s.All(gozmq.StoreInfo(ctx, &info)) {
		if err != nil {
			x.out.notice(err)
			continue
		}
		if err := x.out.message(m.Body, &info); err != nil {
			return err
		}
		if x.flags.count > 0 && x.out.total() >= x.flags.count {
			return nil
		}
	}
	return nil
}

// ready waits until there is a publisher. One that connects to us may come later.
func (x *subscribing) ready(ctx context.Context, sub *gozmq.Subscriber) error {
	if x.target.Bind || x.target.ConnectTimeout <= 0 {
		return nil
	}
	waiting, cancel := x.target.Waiting(ctx)
	defer cancel()
	err := sub.Ready(waiting)
	if err == nil || ctx.Err() != nil || sub.Connected().Publishers > 0 {
		return nil
	}
	return x.target.Explain(gozmq.Errorf(gozmq.CodeUnavailable, "no publisher at %v within %v; is the program running?", x.target, x.target.ConnectTimeout))
}

// follow prints the state behind a topic and its changes.
func (x *subscribing) follow(ctx context.Context, sub *gozmq.Subscriber) error {
	if x.schema == nil || len(x.sel.methods) != 1 || x.sel.methods[0].Topic == nil || x.sel.methods[0].Topic.Snapshot == "" {
		return wrongf("--snapshot needs one topic whose annotation names a snapshot method; gozmq list says which has one")
	}
	m := x.sel.methods[0]
	state, err := x.schema.Method(m.Topic.Snapshot, gozmq.PatternReqRep)
	if err != nil {
		return wrong(err)
	}
	server := x.target.At(x.flags.snapshot)
	in, reader, err := x.input(state.Input, x.out.printer, message.JSON, []string{x.flags.request}, false)
	if err != nil {
		return err
	}
	defer in.Close()
	req, _, err := reader.Next()
	if err != nil {
		return wrong(err)
	}
	conn, err := x.dial(server)
	if err != nil {
		return err
	}
	defer conn.Close()
	var info gozmq.PublicationInfo
	for change, err := range gozmqimpl.FollowState[raw.Message](gozmq.StoreInfo(ctx, &info), sub, m.Topic.Dynamic(), conn, &state.Method, raw.New(req), x.sel.patterns) {
		switch {
		case err != nil:
			x.out.notice(x.target.Explain(server.Explain(err)))
			continue
		case change.Snapshot != nil:
			err = x.out.snapshot(state, change.Snapshot.Body)
		default:
			err = x.out.update(m, change.Update.Body, &info)
		}
		if err != nil {
			return err
		}
		if x.flags.count > 0 && x.out.total() >= x.flags.count {
			break
		}
	}
	return nil
}

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/load"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	plan        load.Plan
	pattern     string
	peer        string
	output, hdr string
	format      message.Format
	size        int
	messages    int
	connections int
	timeout     time.Duration
	drain       time.Duration
	delivery    string
	bare        bool
	stream      string
}

// benchCommand returns the verb bench.
func benchCommand(a *app) *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench [ENDPOINT]... METHOD [MESSAGE | @FILE | -]",
		Short: "Measure calls, streams, publications and tasks under load",
		Long: `bench makes operations at --rate and prints how long they take, as percentiles.

The arrivals are open-loop: an operation's latency is measured from its scheduled
start, so it includes time spent waiting behind others (no coordinated omission).
"service" is the time from the real start, and "generator" is how late the load
generator was: when that is not small, the machine of bench is the limit. Without
--rate the loop is closed: --concurrency operations run at once, and latencies are
those of callers who wait for each other.

METHOD is
  a call    the time until its reply; of one that streams, until its end, and
            --messages is how many the client sends
  a topic   the time until a subscriber of bench has the publication. With --bind
            bench is publisher and subscriber at ENDPOINT; else it publishes to the
            proxy there, and subscribes at --peer
  a task    the time until a worker of bench has it; --bind and --peer as above

The messages of the input take turns. With --raw, --pattern says what METHOD is, and
--size makes a message of that many bytes. Ctrl-C prints what was measured so far.`,
		Example: `  gozmq bench tcp://127.0.0.1:5555 greet.v1.Greeter/SayHello '{"name": "Ada"}' --rate 2000 --duration 30s
  gozmq bench --bind tcp://127.0.0.1:5556 --image weather.binpb Temperature @readings.ndjson --rate 10000
  gozmq bench tcp://127.0.0.1:5556 --peer tcp://127.0.0.1:5557 --raw --pattern pub-sub load/test --size 1024
  gozmq bench tcp://127.0.0.1:5555 SayHello --concurrency 64 --duration 10s --output json --hdr latency.hgrm`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeMethods(gozmq.PatternReqRep, gozmq.PatternPubSub, gozmq.PatternPushPull),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.bench(cmd.Context(), f, args)
		},
	}
	a.endFlags(c)
	fs := c.Flags()
	fs.Float64VarP(&f.plan.Rate, "rate", "r", 0, "operations in a `SECOND`; 0: as many as --concurrency can make")
	fs.BoolVar(&f.plan.Poisson, "poisson", false, "random pauses between arrivals, as of independent callers")
	fs.Uint64Var(&f.plan.Seed, "seed", 1, "seed of random arrivals")
	fs.IntVarP(&f.plan.Workers, "concurrency", "c", 0, "how many operations run at once at most; 0: 16, with --rate 1024")
	fs.DurationVarP(&f.plan.Duration, "duration", "d", 10*time.Second, "how long; 0: until --count or Ctrl-C")
	fs.IntVarP(&f.plan.Count, "count", "n", 0, "how many operations; 0: without limit")
	fs.DurationVar(&f.plan.Warmup, "warmup", 0, "do not count this long at the beginning")
	fs.IntVar(&f.connections, "connections", 1, "how many connections calls take turns on")
	fs.IntVar(&f.messages, "messages", 1, "how many messages the client of a stream sends")
	fs.DurationVar(&f.timeout, "timeout", 0, "deadline of a call; 0: the method's annotation")
	fs.DurationVar(&f.drain, "drain", 2*time.Second, "how long to wait at the end for messages in flight")
	fs.StringVar(&f.peer, "peer", "", "the other `ENDPOINT` of a proxy, where the receiving end connects")
	choose(c, &f.pattern, "pattern", "", "req-rep", "with --raw: req-rep, pub-sub or push-pull", patternWords...)
	chooseDelivery(c, &f.delivery, "with --raw: the `GUARANTEE` of tasks, ")
	chooseSides(c, &f.stream)
	fs.BoolVar(&f.bare, "bare", false, "with --raw: calls of one frame, without a name")
	fs.IntVar(&f.size, "size", 0, "with --raw: send messages of this many bytes")
	chooseFormat(c, &f.format, "`FORMAT` of the input: json, text, binary or delimited")
	choose(c, &f.output, "output", "o", "text", "`WHAT` to print: text or json", "text", "json")
	fs.StringVar(&f.hdr, "hdr", "", "write the distribution of the latencies to a `FILE`, for HdrHistogram's plotter")
	return c
}

func (f *benchFlags) check() error {
	if f.plan.Workers == 0 {
		f.plan.Workers = 16
		if f.plan.Rate > 0 {
			f.plan.Workers = 1024
		}
	}
	if f.connections < 1 || f.messages < 0 || f.size < 0 || f.size > message.MaxSize {
		return wrongf("--connections is at least 1; --messages and --size are not negative, and --size is at most %d", message.MaxSize)
	}
	return wrong(f.plan.Check())
}

// bench measures one method.
func (a *app) bench(ctx context.Context, f benchFlags, args []string) error {
	if err := f.check(); err != nil {
		return err
	}
	t, rest, err := a.target(args)
	if err != nil {
		return err
	}
	x := &benching{app: a, flags: f, target: t, recorder: load.NewRecorder()}
	defer x.close()
	if err := x.prepare(ctx, rest); err != nil {
		return err
	}
	begin, err := x.begin(ctx)
	if err != nil {
		return t.Explain(err)
	}
	x.say("measuring; Ctrl-C ends it")
	if err := load.Run(ctx, f.plan, x.recorder, begin); err != nil {
		return wrong(err)
	}
	x.drain(ctx)
	return x.report(ctx)
}

// A benching is one run of bench.
type benching struct {
	*app
	flags    benchFlags
	target   *endpoint.Target
	method   *schema.Method
	bodies   []inputMessage // take turns
	recorder *load.Recorder
	closers  []func() error // in the order of opening

	flight flights // publications and tasks that are under way
}

func (x *benching) close() {
	for _, closer := range slices.Backward(x.closers) {
		_ = closer()
	}
}

// prepare finds the method and reads the messages.
func (x *benching) prepare(ctx context.Context, args []string) error {
	conn, err := x.dial(x.target.At(x.target.Endpoints...))
	if err != nil {
		return err
	}
	var asked *gozmq.Conn // whom to ask for the schema: nobody where bench itself binds
	if !x.target.Bind {
		asked = conn
	}
	s, err := x.schema(ctx, x.target, asked)
	_ = conn.Close()
	if err != nil {
		return err
	}
	if x.method, args, err = x.flags.method(s, args); err != nil {
		return err
	}
	return x.read(s, args)
}

// method returns the method that the arguments name, and the others.
func (f benchFlags) method(s *schema.Schema, args []string) (*schema.Method, []string, error) {
	if s == nil && f.bare && f.pattern == "req-rep" {
		return schema.Raw("bare", gozmq.PatternReqRep, true), args, nil
	}
	if len(args) == 0 {
		return nil, nil, wrongf("no method; write one, as greet.v1.Greeter/SayHello (gozmq list says what there is)")
	}
	if s != nil {
		m, err := s.Method(args[0], 0)
		if err == nil && m.Bare && m.Pattern != gozmq.PatternReqRep {
			err = fmt.Errorf("%s has bare framing, which cannot carry the time of a message", m.Procedure)
		}
		return m, args[1:], wrong(err)
	}
	pattern, err := proxyConfig{Pattern: f.pattern}.pattern()
	if err != nil {
		return nil, nil, err
	}
	if pattern == gozmq.PatternPushPull {
		return taskMethod(nil, args, f.bare, f.delivery)
	}
	m := schema.Raw(args[0], pattern, false)
	m.ClientStreams = f.stream == "client" || f.stream == "both"
	m.ServerStreams = f.stream == "server" || f.stream == "both"
	return m, args[1:], nil
}

// read reads all messages of the input.
func (x *benching) read(s *schema.Schema, args []string) error {
	if x.flags.size > 0 {
		if s != nil {
			return wrongf("--size needs --raw; with a schema write the message")
		}
		x.bodies = []inputMessage{{body: bytes.Repeat([]byte{'x'}, x.flags.size)}}
		return nil
	}
	if len(args) > 1 {
		return wrongf("one message at most, not %d; several ones come from a file or from stdin", len(args))
	}
	in, reader, err := x.input(x.method.Input, x.printer(s, message.JSON), x.flags.format, args, false)
	if err != nil {
		return err
	}
	defer in.Close()
	for {
		body, m, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return wrong(err)
		}
		x.bodies = append(x.bodies, inputMessage{body, m})
	}
	if len(x.bodies) == 0 {
		return wrongf("the input has no message")
	}
	return nil
}

// body returns the message of an arrival.
func (x *benching) body(a load.Arrival) inputMessage { return x.bodies[a.Number%len(x.bodies)] }

// begin opens the ends and returns what makes one operation.
func (x *benching) begin(ctx context.Context) (func(context.Context, load.Arrival), error) {
	switch x.method.Pattern {
	case gozmq.PatternPubSub:
		return x.publications(ctx)
	case gozmq.PatternPushPull:
		return x.tasks(ctx)
	}
	return x.calls(ctx)
}

// calls returns what makes a call.
func (x *benching) calls(ctx context.Context) (func(context.Context, load.Arrival), error) {
	var conns []*gozmq.Conn
	for range x.flags.connections {
		c, err := x.dial(x.target)
		if err != nil {
			return nil, err
		}
		x.closers = append(x.closers, c.Close)
		conns = append(conns, c)
	}
	waiting, cancel := context.WithTimeout(ctx, max(x.target.ConnectTimeout, time.Millisecond))
	defer cancel()
	for _, c := range conns {
		if err := c.WaitForServers(waiting, 1); err != nil {
			return nil, gozmq.Errorf(gozmq.CodeUnavailable, "no server at %v within %v: %w", x.target, x.target.ConnectTimeout, err)
		}
	}
	var opts []gozmq.CallOption
	if x.flags.timeout > 0 {
		opts = append(opts, gozmq.WithTimeout(x.flags.timeout))
	}
	one := x.unary
	if x.method.ClientStreams || x.method.ServerStreams {
		one = x.stream
	}
	return func(ctx context.Context, a load.Arrival) {
		x.recorder.Sent(a)
		messages, size, err := one(ctx, conns[a.Number%len(conns)], x.body(a).body, opts)
		if err != nil {
			x.recorder.Failed(a, gozmq.CodeOf(err).String())
			return
		}
		x.recorder.Done(a, time.Now(), messages, size)
	}, nil
}

func (x *benching) unary(ctx context.Context, c gozmq.Caller, body []byte, opts []gozmq.CallOption) (messages, size int, err error) {
	reply := &raw.Message{}
	err = c.Call(ctx, &x.method.Method, raw.New(body), reply, opts...)
	return 2, len(body) + len(reply.Body), err
}

// stream makes a call with streams, and counts the messages of both sides.
func (x *benching) stream(ctx context.Context, c gozmq.Caller, body []byte, opts []gozmq.CallOption) (messages, size int, err error) {
	s := c.Stream(ctx, &x.method.Method, opts...)
	defer s.Close()
	n := 1
	sent := make(chan error, 1)
	if x.method.ClientStreams {
		n = x.flags.messages
		go func() { sent <- sendAll(ctx, s, n, body) }()
	} else { // nothing can be received before the request was sent
		if err := s.Send(ctx, raw.New(body)); err != nil {
			return 0, 0, err
		}
		sent <- nil
	}
	messages, size = n, n*len(body)
	for {
		reply := &raw.Message{}
		more, err := s.Receive(ctx, reply)
		if err != nil || !more {
			s.Close()
			<-sent //nolint:errcheck // Receive has said how the call ended
			return messages, size, err
		}
		messages++
		size += len(reply.Body)
	}
}

// sendAll sends n messages, and ends the client's side of s.
func sendAll(ctx context.Context, s gozmq.Stream, n int, body []byte) error {
	for range n {
		if err := s.Send(ctx, raw.New(body)); err != nil {
			return err
		}
	}
	return s.CloseSend(ctx)
}

// report prints the result. It fails when no operation was done, unless Ctrl-C
// came, which ends ctx.
func (x *benching) report(ctx context.Context) error {
	r := x.recorder.Result()
	if x.flags.hdr != "" {
		f, err := os.Create(x.flags.hdr)
		if err != nil {
			return wrong(err)
		}
		if err := errors.Join(x.recorder.WritePercentiles(f), f.Close()); err != nil {
			return wrong(err)
		}
	}
	var err error
	if x.flags.output == "json" {
		err = writeJSONLine(x.out, x.json(r))
	} else {
		_, err = io.WriteString(x.out, x.text(r))
	}
	if err == nil && r.Done == 0 && r.Sent > 0 && ctx.Err() == nil {
		return x.target.Explain(gozmq.Errorf(gozmq.CodeUnknown, "none of %d operations was done: %s", r.Sent, errorsText(r)))
	}
	return err
}

func errorsText(r load.Result) string {
	if len(r.Errors) == 0 {
		return "nothing came back"
	}
	var parts []string
	for _, k := range sortedKeys(r.Errors) {
		parts = append(parts, fmt.Sprintf("%d × %s", r.Errors[k], k))
	}
	return strings.Join(parts, ", ")
}

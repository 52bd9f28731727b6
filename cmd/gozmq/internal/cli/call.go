package cli

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// callFlags are the flags of call.
type callFlags struct {
	format, input    message.Format
	output           string
	pretty, defaults bool
	bare             bool
	stream           string
	metadata         []string
	timeout          time.Duration
}

// callCommand returns the verb call.
func callCommand(a *app) *cobra.Command {
	var f callFlags
	c := &cobra.Command{
		Use:   "call [ENDPOINT]... METHOD [MESSAGE | @FILE | -]",
		Short: "Call a method, with or without streams",
		Long: `call calls a method and prints its reply, or each reply of a stream, as a line of
JSON. METHOD is "package.Service/Method"; the package, and the service, may be
left out where one method alone is meant.

The message stands in the line, in a file, or on stdin ("-"). Without one, the
message is empty. A method whose client streams sends all messages of the input,
each as soon as it is there; without a message it reads stdin.

With --output json it prints one object: headers, message, status with its
details, trailers and timings in milliseconds. Of a stream it prints an object
for each message, and the last one has the rest.

With --raw the message is sent as it is, and METHOD may be any name; --bare sends
it without a name, for programs that take one frame; --stream says which sides
stream.

The exit code is that of the status (gozmq --help).`,
		Example: `  gozmq call tcp://127.0.0.1:5555 greet.v1.Greeter/SayHello '{"name": "Ada"}'
  gozmq call tcp://127.0.0.1:5555 SayHello @request.json --timeout 2s --output json
  gozmq call --context prod --metadata trace-id=42 Greeter/SayHello --format text 'name: "Ada"'
  tail -f lines.ndjson | gozmq call tcp://127.0.0.1:5555 chat.v1.Room/Chat -
  printf hello | gozmq call --raw --bare tcp://127.0.0.1:5555 -`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeMethods(gozmq.PatternReqRep),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.call(cmd.Context(), f, args)
		},
	}
	a.endFlags(c)
	fs := c.Flags()
	chooseFormat(c, &f.format, "`FORMAT` of messages: json, text, binary or delimited")
	choose(c, &f.input, "input-format", "", "", "`FORMAT` of the input, where it is another one", message.Formats()...)
	choose(c, &f.output, "output", "o", "message", "`WHAT` to print: message or json", "message", "json")
	fs.BoolVar(&f.pretty, "pretty", false, "spread JSON over several lines")
	fs.BoolVar(&f.defaults, "defaults", false, "print fields that are not set, too")
	fs.BoolVar(&f.bare, "bare", false, "with --raw: one frame without a name")
	chooseSides(c, &f.stream)
	fs.StringArrayVarP(&f.metadata, "metadata", "H", nil, "metadata `KEY=VALUE`; @FILE takes the value from a file; may be repeated")
	fs.DurationVar(&f.timeout, "timeout", 0, "deadline of the call; 0: the method's annotation")
	return c
}

// call makes one call.
func (a *app) call(ctx context.Context, f callFlags, args []string) error {
	t, rest, err := a.target(args)
	if err != nil {
		return err
	}
	conn, err := a.dial(t)
	if err != nil {
		return err
	}
	defer conn.Close()
	s, err := a.schema(ctx, t, conn)
	if err != nil {
		return err
	}
	m, rest, err := f.method(s, rest)
	if err != nil {
		return err
	}
	x, err := a.newCall(ctx, f, s, m, rest)
	if err != nil {
		return err
	}
	defer x.close()
	x.reach = func() error { return reach(ctx, t, conn, f.timeout) }
	return t.Explain(x.run(conn))
}

// method returns the method that the arguments name, and the others.
func (f callFlags) method(s *schema.Schema, args []string) (*schema.Method, []string, error) {
	if s == nil && f.bare {
		return schema.Raw("bare", gozmq.PatternReqRep, true), args, nil
	}
	if len(args) == 0 {
		return nil, nil, wrongf("no method; write one, as greet.v1.Greeter/SayHello (gozmq list says what there is)")
	}
	if first := args[0]; first == "-" || strings.ContainsAny(first[:min(1, len(first))], "@{") {
		return nil, nil, wrongf("no method before %s; write one, as greet.v1.Greeter/SayHello %s", first, first)
	}
	if s == nil {
		m := schema.Raw(args[0], gozmq.PatternReqRep, false)
		m.ClientStreams = f.stream == "client" || f.stream == "both"
		m.ServerStreams = f.stream == "server" || f.stream == "both"
		return m, args[1:], nil
	}
	m, err := s.Method(args[0], gozmq.PatternReqRep)
	return m, args[1:], wrong(err)
}

// A calling is one call with its input and output.
type calling struct {
	ctx    context.Context
	cancel context.CancelFunc
	method *schema.Method
	in     io.Closer
	reader *message.Reader
	out    replyWriter
	opts   []gozmq.CallOption
	reach  func() error // waits for a server

	replies atomic.Int64 // that were printed
}

func (a *app) newCall(ctx context.Context, f callFlags, s *schema.Schema, m *schema.Method, args []string) (*calling, error) {
	if f.input == "" {
		f.input = f.format
	}
	if len(args) > 1 {
		return nil, wrongf("one message at most, not %d; several ones come from a file or from stdin", len(args))
	}
	ctx, err := withMetadata(ctx, f.metadata)
	if err != nil {
		return nil, err
	}
	p := a.printer(s, f.format)
	p.Pretty, p.Defaults = f.pretty, f.defaults
	x := &calling{method: m, out: replyWriter{w: a.out, printer: p, method: m, full: f.output == "json", began: time.Now()}}
	x.opts = append(x.opts, gozmq.WithReplyMetadata(&x.out.metadata))
	if f.timeout > 0 {
		x.opts = append(x.opts, gozmq.WithTimeout(f.timeout))
	}
	if x.in, x.reader, err = a.input(m.Input, p, f.input, args, m.ClientStreams); err != nil {
		return nil, err
	}
	x.ctx, x.cancel = context.WithCancel(ctx)
	return x, nil
}

// input returns a reader of the messages that the arguments name: one empty
// message without any, or stdin where the method streams.
func (a *app) input(desc protoreflect.MessageDescriptor, p message.Printer, format message.Format, args []string, streams bool) (io.Closer, *message.Reader, error) {
	arg := "-"
	switch {
	case len(args) == 1:
		arg = args[0]
	case !streams:
		if arg = ""; desc != nil && format == message.JSON {
			arg = "{}"
		}
	}
	in, name, err := a.open(arg)
	if err != nil {
		return nil, nil, err
	}
	return in, message.NewReader(name, in, format, desc, p.Types), nil
}

// withMetadata adds pairs of the form key=value, or key=@file, to ctx.
func withMetadata(ctx context.Context, pairs []string) (context.Context, error) {
	var list []string
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, wrongf("--metadata %s: write KEY=VALUE", pair)
		}
		if path, isFile := strings.CutPrefix(value, "@"); isFile {
			b, err := readFile(path)
			if err != nil {
				return nil, err
			}
			value = string(b)
		}
		list = append(list, key, value)
	}
	return gozmq.AppendMetadata(ctx, list...), nil
}

func (x *calling) close() {
	x.cancel()
	_ = x.in.Close()
}

// run makes the call and prints its replies.
func (x *calling) run(c gozmq.Caller) error {
	var err error
	if x.method.ClientStreams || x.method.ServerStreams {
		err = x.stream(c)
	} else {
		err = x.unary(c)
	}
	return x.out.end(err)
}

// one returns the one message of the input, and complains of a second one.
func (x *calling) one() (*raw.Message, error) {
	body, _, err := x.reader.Next()
	if err == io.EOF {
		return raw.New(nil), nil
	}
	if err != nil {
		return nil, wrong(err)
	}
	if _, _, err := x.reader.Next(); err == nil {
		return nil, wrongf("%s: there is a second message, and %s takes one", x.reader.Name, x.method.Procedure)
	} else if err != io.EOF {
		return nil, wrong(err)
	}
	return raw.New(body), nil
}

func (x *calling) unary(c gozmq.Caller) error {
	req, err := x.one()
	if err != nil {
		return err
	}
	if err := x.reach(); err != nil {
		return err
	}
	x.out.began = time.Now()
	reply := &raw.Message{}
	if err := c.Call(x.ctx, &x.method.Method, req, reply, x.opts...); err != nil {
		return err
	}
	return x.out.message(reply.Body)
}

// stream sends the messages of the input, and prints replies at the same time.
func (x *calling) stream(c gozmq.Caller) error {
	var req *raw.Message
	if !x.method.ClientStreams {
		var err error
		if req, err = x.one(); err != nil {
			return err
		}
	}
	if err := x.reach(); err != nil {
		return err
	}
	x.out.began = time.Now()
	s := c.Stream(x.ctx, &x.method.Method, x.opts...)
	defer s.Close()
	sent := make(chan error, 1)
	if req != nil {
		if err := s.Send(x.ctx, req); err != nil {
			return err
		}
		sent <- nil
	} else {
		go func() {
			err := x.send(s)
			if sent <- err; err != nil {
				x.cancel() // receive finds why
			}
		}()
	}
	return x.receive(s, sent)
}

// receive prints the messages of s. An error of the input, received from sent, ends
// it.
func (x *calling) receive(s gozmq.Stream, sent <-chan error) error {
	for {
		reply := &raw.Message{}
		more, err := s.Receive(x.ctx, reply)
		if err != nil || !more {
			select {
			case wrongInput := <-sent:
				if wrongInput != nil {
					return wrongInput
				}
			default: // the call is over before the input is
			}
			return err
		}
		if err := x.out.message(reply.Body); err != nil {
			return err
		}
		x.replies.Add(1)
	}
}

// How long a call with a faulty input waits for the next reply to earlier messages,
// and how often at most.
const (
	quietTime  = 300 * time.Millisecond
	quietTimes = 10
)

// quiet waits until no more replies come to the messages that were sent. While
// there are fewer than these, the other side may only be slow.
func (x *calling) quiet(sent int64) {
	last := int64(-1)
	for range quietTimes {
		now := x.replies.Load()
		if now == last && now >= sent {
			return
		}
		last = now
		select {
		case <-time.After(quietTime):
		case <-x.ctx.Done():
			return
		}
	}
}

// send sends the messages of the input. It returns the input's error, once the
// replies to the messages before it have come.
func (x *calling) send(s gozmq.Stream) error {
	for sent := int64(0); ; sent++ {
		body, _, err := x.reader.Next()
		if err == io.EOF {
			_ = s.CloseSend(x.ctx) // Receive says how the call ends
			return nil
		}
		if err != nil {
			if x.method.ServerStreams {
				x.quiet(sent)
			}
			return wrong(err)
		}
		if s.Send(x.ctx, raw.New(body)) != nil {
			return nil
		}
	}
}

package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// sendFlags are the flags that pub and push share.
type sendFlags struct {
	format   message.Format
	metadata []string
	bare     bool
	repeat   int
	interval time.Duration
	wait     int
}

func (f *sendFlags) register(c *cobra.Command, whom string) {
	fs := c.Flags()
	chooseFormat(c, &f.format, "`FORMAT` of messages: json, text, binary or delimited")
	fs.BoolVar(&f.bare, "bare", false, "with --raw: one frame, without a name")
	fs.StringArrayVarP(&f.metadata, "metadata", "H", nil, "metadata `KEY=VALUE`; @FILE takes the value from a file; may be repeated")
	fs.IntVarP(&f.repeat, "count", "n", 1, "send the input this many times; 0: until Ctrl-C")
	fs.DurationVar(&f.interval, "interval", 0, "wait this long between two messages")
	fs.IntVar(&f.wait, "wait", 1, "wait for this many "+whom+" first, as long as --connect-timeout; 0: do not wait")
}

// pubCommand returns the verb pub.
func pubCommand(a *app) *cobra.Command {
	var f sendFlags
	c := &cobra.Command{
		Use:   "pub [ENDPOINT]... TOPIC [MESSAGE | @FILE | -]",
		Short: "Publish messages",
		Long: `pub publishes a message, or each message of a file or of stdin, and then ends.
TOPIC is a method ("weather.v1.Feed/Temperature", or "Temperature" where one alone
is meant): the topic is made from the message, as its template says. A topic as it
stands on the wire ("weather/ams/temperature") has to be that of the message.

It connects to subscribers or to a proxy, or with --bind lets them connect, and
waits for one that has subscribed to the first message's topic: what is published
before is lost. --interval and --count repeat the input.

With --raw TOPIC is sent as it is, and the message is the bytes of the input; with
--bare there is no TOPIC.`,
		Example: `  gozmq pub --bind tcp://127.0.0.1:5556 --image weather.binpb Temperature '{"station": "ams", "celsius": 12.5}'
  gozmq pub tcp://127.0.0.1:5557 --admin tcp://127.0.0.1:5500 Temperature @readings.ndjson --interval 1s --count 0
  printf '%s' hello | gozmq pub --bind tcp://127.0.0.1:5556 --raw greetings/en -`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeTopic,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.pub(cmd.Context(), f, args)
		},
	}
	a.endFlags(c)
	f.register(c, "subscribers")
	return c
}

// pub publishes the input.
func (a *app) pub(ctx context.Context, f sendFlags, args []string) error {
	x, rest, err := a.sending(ctx, f, args)
	if err != nil {
		return err
	}
	topic := ""
	if x.schema == nil && f.bare {
		x.method = schema.Raw("bare", gozmq.PatternPubSub, true)
	} else {
		if len(rest) == 0 {
			return wrongf("no topic; write one, as weather.v1.Feed/Temperature (gozmq list says what there is)")
		}
		topic, rest = rest[0], rest[1:]
		if x.method, topic, err = publishMethod(x.schema, topic); err != nil {
			return err
		}
	}
	opts, err := endpoint.Options[gozmq.PublisherOption](x.target, raw.Codec(), gozmq.WithStopWhenRefused())
	if err != nil {
		return wrong(err)
	}
	pub, err := gozmq.NewPublisher(opts...)
	if err != nil {
		return wrong(err)
	}
	if x.target.Bind {
		a.say("listening on %s", pub.Addrs()[0])
	}
	p := &publishing{sending: x, pub: pub, topic: topic}
	err = x.run(rest, p.send)
	if p.sent > 0 || err == nil {
		a.say("%s published", plural(p.sent, "message"))
	}
	return errors.Join(err, pub.Close())
}

// publishMethod returns the method that a name means, and the topic that its
// messages must have; "": that which they make. With a nil schema the topic is
// the name.
func publishMethod(s *schema.Schema, name string) (*schema.Method, string, error) {
	if s == nil {
		return schema.Raw(name, gozmq.PatternPubSub, false), name, nil
	}
	m, err := s.Method(name, gozmq.PatternPubSub)
	if err == nil {
		return m, "", nil
	}
	if m, failed := topicMethod(s, name); failed != nil || m != nil {
		return m, name, failed
	}
	return nil, "", wrong(err)
}

// A publishing is one run of pub.
type publishing struct {
	*sending
	pub   *gozmq.Publisher
	topic string // that every message must have; "": any
	sent  int
}

func (p *publishing) send(body []byte, m protoreflect.Message) error {
	t, msg, name, err := p.message(body, m)
	if err != nil {
		return err
	}
	if p.sent == 0 && p.flags.wait > 0 {
		if err := p.await(name); err != nil {
			return err
		}
	}
	if err := gozmqimpl.Publish(p.ctx, p.pub, t, msg); err != nil {
		return err
	}
	p.sent++
	return nil
}

// message returns the message to publish, and its topic.
func (p *publishing) message(body []byte, m protoreflect.Message) (*dynamicTopic, *raw.Message, string, error) {
	msg := raw.New(body)
	switch {
	case p.method.Bare:
		return gozmqimpl.NewBareTopic[raw.Message](p.method.Procedure), msg, "", nil
	case p.method.Topic == nil:
		return gozmqimpl.NewTopic[raw.Message](p.topic, p.topic), msg, p.topic, nil
	}
	msg.Values = p.method.Topic.Values(m)
	t := p.method.Topic.Dynamic()
	name := t.Of(msg)
	if p.topic != "" && name != p.topic {
		return nil, nil, "", wrongf("the message's topic is %q, not %q; name %s to publish it under its own", name, p.topic, p.method.Procedure)
	}
	return t, msg, name, nil
}

// await waits until somebody subscribes to a topic.
func (p *publishing) await(topic string) error {
	ctx, cancel := p.target.Waiting(p.ctx)
	defer cancel()
	err := p.pub.WaitForSubscribers(ctx, topic, p.flags.wait)
	if err == nil || p.ctx.Err() != nil {
		return err
	}
	what := plural(p.flags.wait, "subscriber") + " to " + printable(topic)
	if topic == "" {
		what = plural(p.flags.wait, "subscriber")
	}
	return p.target.Explain(gozmq.Errorf(gozmq.CodeUnavailable, "waited %v for %s; --connect-timeout waits longer, --wait 0 not at all", p.target.ConnectTimeout, what))
}

// A dynamicTopic is a topic of messages without generated code.
type dynamicTopic = gozmqimpl.Topic[raw.Message, *raw.Message]

// A sending is one run of a verb that sends its input.
type sending struct {
	*app
	ctx    context.Context
	flags  sendFlags
	target *endpoint.Target
	schema *schema.Schema
	method *schema.Method
}

// sending reads what pub and push have in common.
func (a *app) sending(ctx context.Context, f sendFlags, args []string) (*sending, []string, error) {
	if f.repeat < 0 || f.wait < 0 {
		return nil, nil, wrongf("--count and --wait are numbers from 0")
	}
	t, rest, err := a.target(args)
	if err != nil {
		return nil, nil, err
	}
	s, err := a.schema(ctx, t, nil)
	if err != nil {
		return nil, nil, err
	}
	if ctx, err = withMetadata(ctx, f.metadata); err != nil {
		return nil, nil, err
	}
	return &sending{app: a, ctx: ctx, flags: f, target: t, schema: s}, rest, nil
}

// run calls send with each message of the input, as often as the flags say. It
// keeps an input that can be read only once, if it must be sent again.
func (x *sending) run(args []string, send func(body []byte, m protoreflect.Message) error) error {
	if len(args) > 1 {
		return wrongf("one message at most, not %d; several ones come from a file or from stdin", len(args))
	}
	in, reader, err := x.input(x.method.Input, message.Printer{Types: x.types()}, x.flags.format, args, false)
	if err != nil {
		return err
	}
	defer in.Close()
	var kept []inputMessage
	first := true
	for {
		body, m, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return wrong(err)
		}
		if err := x.pace(&first, send, inputMessage{body, m}); err != nil {
			return x.ended(err)
		}
		if x.flags.repeat != 1 {
			kept = append(kept, inputMessage{body, m})
		}
	}
	for n := 1; (n < x.flags.repeat || x.flags.repeat == 0) && len(kept) > 0; n++ {
		for _, k := range kept {
			if err := x.pace(&first, send, k); err != nil {
				return x.ended(err)
			}
		}
	}
	return nil
}

// ended returns err, which is none when Ctrl-C has ended what goes on until then.
func (x *sending) ended(err error) error {
	return endless(x.ctx, x.flags.repeat, err)
}

// pace waits for the interval, except before the first message, and sends one.
func (x *sending) pace(first *bool, send func([]byte, protoreflect.Message) error, m inputMessage) error {
	if !*first && x.flags.interval > 0 {
		select {
		case <-time.After(x.flags.interval):
		case <-x.ctx.Done():
			return x.ctx.Err()
		}
	}
	*first = false
	return send(m.body, m.message)
}

func (x *sending) types() schema.Types {
	if x.schema == nil {
		return schema.Types{}
	}
	return x.schema.Types
}

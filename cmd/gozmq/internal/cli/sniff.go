package cli

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmqtap"
)

// sniffFlags are the flags of sniff.
type sniffFlags struct {
	listen, output string
	messages       bool
	frames         bool
	count          int
	timeout        time.Duration
}

// sniffCommand returns the verb sniff.
func sniffCommand(a *app) *cobra.Command {
	var f sniffFlags
	c := &cobra.Command{
		Use:   "sniff ENDPOINT",
		Short: "Stand between two ends and print what travels",
		Long: `sniff listens on --listen, passes every connection on to ENDPOINT, and prints what
travels in both directions: greetings, commands, and calls, publications and tasks
with what their headers say. Point the end that dials to the address of --listen.
The ends may be any ZeroMQ programs.

Each line has the time since the start, the connection's number, and the
direction: > from the end that has dialed, < to it. With a schema (--admin,
--image, --proto or a context) the bodies are decoded; --frames prints the bytes of
all frames.

Nothing opens the seal of CURVE: of such a connection it prints the handshake and
the sizes. Passwords of PLAIN are not shown.`,
		Example: `  gozmq sniff tcp://127.0.0.1:5555
  gozmq sniff tcp://10.0.0.7:5556 --listen tcp://*:6556 --messages --image weather.binpb
  gozmq sniff ipc:///run/app.sock --listen ipc:///tmp/tap.sock --output json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.sniff(cmd.Context(), f, args)
		},
	}
	a.endFlags(c)
	fs := c.Flags()
	fs.StringVar(&f.listen, "listen", "tcp://127.0.0.1:*", "`ENDPOINT` to listen on")
	choose(c, &f.output, "output", "o", "lines", "`WHAT` to print: lines or json", "lines", "json")
	fs.BoolVar(&f.messages, "messages", false, "only messages, no greetings and commands")
	fs.BoolVar(&f.frames, "frames", false, "print the bytes of all frames, too")
	fs.IntVarP(&f.count, "count", "n", 0, "end after this many messages")
	fs.DurationVar(&f.timeout, "timeout", 0, "end after this time")
	return c
}

// sniff passes connections on until the end.
func (a *app) sniff(ctx context.Context, f sniffFlags, args []string) error {
	t, rest, err := a.target(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 || len(t.Endpoints) != 1 {
		return wrongf("sniff stands in front of one endpoint; write one")
	}
	var s *schema.Schema
	if !a.raw && (t.Image != "" || len(t.Protos) > 0 || t.Admin != "") {
		if s, err = a.schema(ctx, t, nil); err != nil {
			return err
		}
	}
	tap, err := gozmqtap.Listen(f.listen)
	if err != nil {
		return wrong(err)
	}
	a.say("listening on %s, in front of %s", tap.Addr(), t)
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	x := &sniffing{app: a, flags: f, schema: s, printer: a.printer(s, message.JSON), began: time.Now()}
	ctx, x.cancel = context.WithCancel(ctx)
	defer x.cancel()
	if err := tap.Serve(ctx, t.Endpoints[0], x.event); err != nil {
		return err
	}
	a.say("%s on %s in %s", plural(x.messages, "message"), plural(x.connections, "connection"), roughly(time.Since(x.began)))
	return x.failed
}

// A sniffing is one run of sniff.
type sniffing struct {
	*app
	flags    sniffFlags
	schema   *schema.Schema
	printer  message.Printer
	began    time.Time
	cancel   context.CancelFunc
	messages int
	enough   bool  // as many messages as were asked for
	failed   error // why nothing more can be printed

	connections int
}

// A sniffedJSON is an event for programs.
type sniffedJSON struct {
	*gozmqtap.Event
	Message json.RawMessage `json:"message,omitempty"`
}

// event prints one event. The tap calls it one at a time.
func (x *sniffing) event(e *gozmqtap.Event) {
	counts := e.Kind == gozmqtap.KindMessage || e.Kind == gozmqtap.KindSealed && e.Name == "MESSAGE"
	switch {
	case e.Kind == gozmqtap.KindOpened:
		x.connections++
	case counts:
		x.messages++
	}
	if x.failed != nil || x.flags.messages && !counts && e.Kind != gozmqtap.KindBroken || x.flags.count > 0 && x.enough {
		return
	}
	x.enough = x.messages == x.flags.count
	if x.failed = x.print(e); x.failed != nil || x.flags.count > 0 && x.enough {
		time.AfterFunc(lastTime, x.cancel) // the tap passes the message on after its event
	}
}

// lastTime is how long the last message may take to reach its receiver.
const lastTime = 100 * time.Millisecond

func (x *sniffing) print(e *gozmqtap.Event) error {
	body, desc := x.body(e)
	var b bytes.Buffer
	if x.flags.output == "json" {
		o := sniffedJSON{Event: e}
		if desc != nil {
			o.Message, _ = x.printer.JSON(body, desc)
		}
		out, err := json.Marshal(o)
		if err != nil {
			return err
		}
		b.Write(append(out, '\n'))
	} else {
		fmt.Fprintf(&b, "%9.4f %s\n", e.Time.Sub(x.began).Seconds(), e)
		if desc != nil {
			x.decoded(&b, body, desc)
		}
		if x.flags.frames {
			dumpFrames(&b, e)
		}
	}
	_, err := x.out.Write(b.Bytes())
	return err
}

// decoded prints a body below its event.
func (x *sniffing) decoded(b *bytes.Buffer, body []byte, desc protoreflect.MessageDescriptor) {
	b.WriteString("          ")
	if err := x.printer.Write(b, body, desc); err != nil {
		fmt.Fprintln(b, line(err.Error()))
	}
}

// body returns the whole body of a message whose type is known; a nil desc: it is
// not known.
func (x *sniffing) body(e *gozmqtap.Event) ([]byte, protoreflect.MessageDescriptor) {
	f, ok := e.BodyFrame()
	if !ok || !f.Whole() || x.schema == nil {
		return nil, nil
	}
	if e.Name == "publication" {
		if m, err := topicMethod(x.schema, e.Subject); err == nil && m != nil {
			return f.Data, m.Input
		}
		return nil, nil
	}
	m, err := x.schema.Method(e.Subject, 0)
	if err != nil {
		return nil, nil
	}
	answers := e.Name == "reply" || e.Name == "stream message" && e.From == gozmqtap.SideListener
	if answers || strings.EqualFold(e.Name, "result") {
		return f.Data, m.Output
	}
	return f.Data, m.Input
}

// dumpFrames prints the bytes of the frames below an event.
func dumpFrames(b *bytes.Buffer, e *gozmqtap.Event) {
	for i, f := range e.Frames {
		fmt.Fprintf(b, "          frame %d, %d bytes\n", i, f.Size)
		for line := range strings.Lines(hex.Dump(f.Data)) {
			b.WriteString("          " + line)
		}
		if !f.Whole() {
			fmt.Fprintf(b, "          … the first %d bytes\n", len(f.Data))
		}
	}
}

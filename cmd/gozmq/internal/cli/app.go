package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// An app is shared by the subcommands: their input and output, and the flags for
// endpoints and schemas.
type app struct {
	in     io.Reader
	out    io.Writer
	errOut io.Writer
	env    func(string) string

	args []string // the command line
	ends endpoint.Flags
	raw  bool
}

// Main runs the command with these arguments and returns its exit code. Ctrl-C
// ends the context of the verb; a second one ends the program.
func Main(args []string) int {
	signal.Ignore(syscall.SIGPIPE) // a closed pipe is an error of a write, and no failure
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	a := &app{in: os.Stdin, out: os.Stdout, errOut: os.Stderr, env: os.Getenv}
	return a.run(ctx, args)
}

// run runs one command line.
func (a *app) run(ctx context.Context, args []string) int {
	a.args = args
	root := rootCommand(a)
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errOut)
	err := root.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	code, say := exitCode(err)
	if say {
		fmt.Fprintln(a.errOut, "gozmq: "+line(err.Error()))
	}
	return code
}

// asks reports whether the command line, which may be only partly parsed, contains
// this flag.
func (a *app) asks(word string) bool {
	return slices.ContainsFunc(a.args, func(arg string) bool { return arg == word || strings.HasSuffix(arg, "="+word) })
}

// line returns text in one line that a terminal can take.
func line(text string) string {
	var parts []string
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		parts = append(parts, strings.TrimSpace(part))
	}
	text = strings.ReplaceAll(strings.Join(parts, "; "), ":; ", ": ")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

// say writes a line that is not part of the result to stderr.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.errOut, line(fmt.Sprintf(format, args...)))
}

// target returns the target that the flags and the arguments name, and the
// arguments that are not endpoints.
func (a *app) target(args []string) (*endpoint.Target, []string, error) {
	t, rest, err := a.ends.Resolve(a.env, args)
	if err == nil {
		err = t.Check()
	}
	return t, rest, wrong(err)
}

// dial opens a Conn to t, which the caller closes.
func (a *app) dial(t *endpoint.Target) (*gozmq.Conn, error) {
	opts, err := endpoint.Options[gozmq.DialOption](t, raw.Codec(), gozmq.WithReadyTimeout(t.ConnectTimeout), gozmq.WithStopWhenRefused())
	if err != nil {
		return nil, wrong(err)
	}
	c, err := gozmq.Dial(opts...)
	return c, wrong(err)
}

// reach waits until a server is connected, for as long as --connect-timeout says,
// or for most if that is shorter and not 0. It fails with CodeUnavailable.
func reach(ctx context.Context, t *endpoint.Target, c *gozmq.Conn, most time.Duration) error {
	patience := t.ConnectTimeout
	if patience <= 0 || most > 0 && most < patience {
		patience = most
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	t.OnMismatch(cancel)
	if t.Mismatch() {
		cancel()
	}
	if patience > 0 {
		waiting, cancel = context.WithTimeout(waiting, patience)
		defer cancel()
	}
	switch err := c.WaitForServers(waiting, 1); {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return gozmq.Errorf(gozmq.CodeDeadlineExceeded, "no server at %v was connected in time; is the program running?", t)
	case ctx.Err() != nil:
		return err
	}
	return gozmq.Errorf(gozmq.CodeUnavailable, "no server at %v within %v; is the program running?", t, patience)
}

// schema returns the schema of t: the one that the flags name; otherwise the
// running system's description, from its admin service or through c, which may be
// nil; otherwise the named context's. With --raw it is nil.
func (a *app) schema(ctx context.Context, t *endpoint.Target, c *gozmq.Conn) (*schema.Schema, error) {
	switch {
	case a.raw:
		return nil, nil
	case a.ends.Image != "" || len(a.ends.Protos) > 0:
		return files(ctx, t)
	}
	s, err := a.live(ctx, t, c)
	if err != nil && (t.Image != "" || len(t.Protos) > 0) {
		return files(ctx, t)
	}
	return s, err
}

// files returns the schema from the files that t names.
func files(ctx context.Context, t *endpoint.Target) (*schema.Schema, error) {
	if t.Image != "" {
		s, err := schema.Image(t.Image)
		return s, wrong(err)
	}
	s, err := schema.Protos(ctx, t.Protos, t.Imports)
	return s, wrong(err)
}

// errNoSchema says how to name a schema where the running system cannot be asked.
var errNoSchema = errors.New("no schema: pass --admin ENDPOINT of the process, --image FILE, --proto FILE, or --raw for bytes")

// live asks the running system.
func (a *app) live(ctx context.Context, t *endpoint.Target, c *gozmq.Conn) (*schema.Schema, error) {
	if admin := t.ForAdmin(); admin != nil {
		conn, err := a.dial(admin)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		s, err := schema.Admin(ctx, conn, "the system at "+admin.String())
		return s, admin.Explain(err)
	}
	if c == nil {
		return nil, wrong(errNoSchema)
	}
	if err := reach(ctx, t, c, 0); err != nil {
		return nil, t.Explain(err)
	}
	s, err := schema.Live(ctx, c, "the server at "+t.String())
	if errors.Is(err, schema.ErrNotDescribed) {
		err = wrong(err)
	}
	return s, t.Explain(err)
}

// printer returns what prints messages of s, which may be nil, in a format.
func (a *app) printer(s *schema.Schema, format message.Format) message.Printer {
	p := message.Printer{Format: format}
	if s != nil {
		p.Types = s.Types
	}
	return p
}

// open returns the input that an argument names: "@file", "@-" or "-" for stdin,
// or the text itself. name is for errors.
func (a *app) open(arg string) (in io.ReadCloser, name string, err error) {
	switch {
	case arg == "-" || arg == "@-":
		return io.NopCloser(a.in), "stdin", nil
	case strings.HasPrefix(arg, "@"):
		f, err := os.Open(arg[1:])
		return f, arg[1:], wrong(err)
	}
	return io.NopCloser(strings.NewReader(arg)), "message", nil
}

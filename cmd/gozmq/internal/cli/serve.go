package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/mock"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/raw"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqdescribe"
	"github.com/gozmq/gozmq/runtime/gozmqhealth"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	answers     string
	like        []string
	connect     bool
	bare, quiet bool
	count       int
}

// serveCommand returns the verb serve.
func serveCommand(a *app) *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve ENDPOINT... [METHOD]...",
		Short: "Run a mock server, which answers from a file or echoes",
		Long: `serve runs a server with the services of a schema, which describes itself and has a
health service, and prints each call as a line of JSON, until Ctrl-C. The schema
comes from --image or --proto, or from a running server that --like names.

A method answers from the file of --answers, or echoes: its reply has the fields
of the request that have the same names. The file is YAML: for each method a list
of answers, of which the first one counts whose "when" is part of the request:

  greet.v1.Greeter/SayHello:
    - when: {name: Ada}
      reply: {message: "Hello again!"}
      delay: 100ms
      headers: {cache: hit}
    - when: {name: ""}
      error: {code: invalid_argument, message: name must not be empty}
    - reply: {message: Hello!}
  chat.v1.Room/Watch:
    - replies: [{author: Ada, text: one}, {author: Ada, text: two}]
      error: {code: unavailable, message: the room is closed}

A stream of the server gets all "replies", then the error if there is one. When
the client alone streams, its last message counts; when both stream, each message
is answered. A method that the file has, without an answer that fits, fails with
not_found.

With --raw, METHODs are names to serve, which echo bytes; --bare serves programs
that send one frame without a name.`,
		Example: `  gozmq serve tcp://127.0.0.1:5555 --proto greet.proto --answers answers.yaml
  gozmq serve tcp://127.0.0.1:5556 --like tcp://127.0.0.1:5555
  gozmq serve --raw --bare tcp://*:5555`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.serve(cmd.Context(), f, args)
		},
	}
	a.endFlags(c)
	fs := c.Flags()
	_ = fs.MarkHidden("bind") // it is the default here
	fs.BoolVar(&f.connect, "connect", false, "connect to the endpoints, such as a proxy's, instead of listening")
	fs.StringVar(&f.answers, "answers", "", "YAML `FILE` with the answers")
	fs.StringArrayVar(&f.like, "like", nil, "schema from the running server at this `ENDPOINT`")
	fs.BoolVar(&f.bare, "bare", false, "with --raw: messages have one frame, without a name")
	fs.BoolVar(&f.quiet, "quiet", false, "do not print calls")
	fs.IntVar(&f.count, "count", 0, "end after so many calls; 0: never")
	return c
}

func (a *app) serve(ctx context.Context, f serveFlags, args []string) error {
	t, names, err := a.target(args)
	if err != nil {
		return err
	}
	t.Bind = !f.connect
	s, err := a.mocked(ctx, t, f)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m, err := a.newMock(f, s, cancel)
	if err != nil {
		return err
	}
	opts, err := endpoint.Options[gozmq.ServerOption](t, raw.Codec())
	if err != nil {
		return wrong(err)
	}
	srv, err := gozmq.NewServer(opts...)
	if err != nil {
		return wrong(err)
	}
	defer srv.Close()
	if err := m.register(srv, names); err != nil {
		return err
	}
	if err := srv.Listen(); err != nil {
		return wrong(err)
	}
	for _, at := range srv.Addrs() {
		a.say("listening on %s", at)
	}
	err = srv.Serve(ctx)
	a.say("%s served", plural(m.calls(), "call"))
	return err
}

// mocked returns the schema to serve; nil with --raw.
func (a *app) mocked(ctx context.Context, t *endpoint.Target, f serveFlags) (*schema.Schema, error) {
	switch {
	case a.raw:
		return nil, nil
	case len(f.like) > 0:
		like := t.At(f.like...)
		conn, err := a.dial(like)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		return a.live(ctx, like, conn)
	case t.Image == "" && len(t.Protos) == 0:
		return nil, wrongf("no schema to serve; pass --proto FILE, --image FILE, --like ENDPOINT, or --raw for bytes")
	}
	return files(ctx, t)
}

// A mockServer answers the calls and prints them.
type mockServer struct {
	app     *app
	flags   serveFlags
	schema  *schema.Schema
	answers *mock.Answers
	printer message.Printer
	stop    func() // when there have been enough calls

	mu     sync.Mutex
	served int
}

func (a *app) newMock(f serveFlags, s *schema.Schema, stop func()) (*mockServer, error) {
	m := &mockServer{app: a, flags: f, schema: s, stop: stop, printer: a.printer(s, message.JSON), answers: &mock.Answers{}}
	if f.answers == "" {
		return m, nil
	}
	if s == nil {
		return nil, wrongf("--answers needs a schema; leave --raw out")
	}
	var err error
	m.answers, err = mock.Load(f.answers, s)
	return m, wrong(err)
}

func (m *mockServer) calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.served
}

// register registers all services of the schema, or the names.
func (m *mockServer) register(srv *gozmq.Server, names []string) error {
	if m.schema == nil {
		return m.registerRaw(srv, names)
	}
	bare := false
	var served []string
	for _, svc := range m.schema.Services {
		if svc.Desc == nil || svc.Pattern != gozmq.PatternReqRep || own(svc.Name) {
			continue
		}
		var handlers []gozmqimpl.Handler
		for _, method := range svc.Methods {
			handlers = append(handlers, m.handler(method))
		}
		bare = bare || svc.Bare
		served = append(served, svc.Name)
		if err := gozmqimpl.Register(srv, svc.Name, svc.Desc, func() []gozmqimpl.Handler { return handlers }); err != nil {
			return wrong(err)
		}
	}
	if bare {
		return nil // it excludes all other services
	}
	health, err := gozmqhealth.Register(srv)
	if err != nil {
		return err
	}
	for _, name := range served {
		health.Set(name, true)
	}
	return gozmqdescribe.Register(srv)
}

// own reports whether a service is gozmq's own, which the mock server has itself.
func own(service string) bool {
	return len(service) > 9 && service[:9] == "gozmq.v1."
}

func (m *mockServer) registerRaw(srv *gozmq.Server, names []string) error {
	if m.flags.bare {
		names = []string{"raw/Bytes"}
	}
	if len(names) == 0 {
		return wrongf("--raw needs the names of the methods to serve, or --bare")
	}
	services := map[string][]gozmqimpl.Handler{}
	for _, name := range names {
		method := schema.Raw(name, gozmq.PatternReqRep, m.flags.bare)
		service := schema.ServiceOf(name)
		services[service] = append(services[service], m.handler(method))
	}
	for name, handlers := range services {
		if err := gozmqimpl.Register(srv, name, nil, func() []gozmqimpl.Handler { return handlers }); err != nil {
			return wrong(err)
		}
	}
	return nil
}

// A callJSON is a call in the output.
type callJSON struct {
	Time     string            `json:"time"`
	Method   string            `json:"method"`
	Peer     string            `json:"peer,omitempty"`
	Metadata message.Metadata  `json:"metadata,omitempty"`
	Requests []json.RawMessage `json:"requests"`
	Replies  int               `json:"replies"`
	Status   string            `json:"status"`
}

// print prints a call that is over, and ends the server when it was the last one.
func (m *mockServer) print(ctx context.Context, method *schema.Method, requests [][]byte, replies int, err error) {
	line := callJSON{
		Time: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), Method: method.Procedure, Requests: []json.RawMessage{}, Replies: replies, Status: "ok",
	}
	if info := gozmq.CallInfoFromContext(ctx); info != nil {
		line.Metadata = message.Metadata(info.Metadata)
		if info.Peer != nil {
			line.Peer = info.Peer.Address
		}
	}
	if err != nil {
		line.Status = gozmq.CodeOf(err).String()
	}
	for _, body := range requests {
		text, err := m.printer.JSON(body, method.Input)
		if err != nil {
			text, _ = m.printer.JSON(body, nil)
		}
		line.Requests = append(line.Requests, text)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.served++
	if !m.flags.quiet {
		if b, err := json.Marshal(line); err == nil {
			if _, err := fmt.Fprintf(m.app.out, "%s\n", b); err != nil {
				m.stop() // nobody reads the output anymore
			}
		}
	}
	if m.served == m.flags.count {
		m.stop()
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtap"
)

// doctorCommand returns the verb doctor.
func doctorCommand(a *app) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "doctor ENDPOINT...",
		Short: "Say in plain words which peer an endpoint has, and how to talk to it",
		Long: `doctor dials an endpoint and says what is there: whether somebody answers, the
version of ZMTP, the security mechanism and whether the credentials fit, the type
and the role of the socket, its limits, its schema, and what to change or to run to
talk to it. It takes no task and publishes nothing.

The exit code is 0 when one can talk to every endpoint with these flags, else that
of the first one which failed: 30 nobody is there, 32 credentials are missing or
wrong, 1 what is there is not ZeroMQ or its handshake failed.`,
		Example: `  gozmq doctor tcp://127.0.0.1:5555
  gozmq doctor tcp://10.0.0.7:5555 --curve-key me.key --curve-server server.pub
  gozmq doctor ipc:///run/app.sock --output json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.doctor(cmd.Context(), output, args)
		},
	}
	a.endFlags(c)
	choose(c, &output, "output", "o", "text", "`WHAT` to print: text or json", "text", "json")
	return c
}

// doctor examines the endpoints, one after the other.
func (a *app) doctor(ctx context.Context, output string, args []string) error {
	t, rest, err := a.target(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return wrongf("doctor takes endpoints, as tcp://127.0.0.1:5555, and not %q", rest[0])
	}
	worst := exitOK
	for i, at := range t.Endpoints {
		d, err := a.examine(ctx, t.At(at))
		if err != nil {
			return err
		}
		if output == "json" {
			err = writeJSONLine(a.out, d)
		} else {
			if i > 0 {
				fmt.Fprintln(a.out)
			}
			err = d.print(a.out)
		}
		if err != nil {
			return err
		}
		if worst == exitOK {
			worst = d.code()
		}
	}
	if worst != exitOK {
		return &exitError{code: worst}
	}
	return nil
}

// A diagnosis describes the peer at an endpoint, and what to do about its faults.
type diagnosis struct {
	*gozmqtap.Report
	Services []string `json:"services,omitempty"`
	Schema   string   `json:"schema,omitempty"` // where it comes from, or why there is none
	HTTP     bool     `json:"http,omitempty"`   // it answers HTTP
	Try      []string `json:"try"`              // what to run, or to change
}

// examine probes one endpoint.
func (a *app) examine(ctx context.Context, t *endpoint.Target) (*diagnosis, error) {
	security, err := t.Security()
	if err != nil {
		return nil, wrong(err)
	}
	if security == nil {
		security = &gozmq.Security{}
	}
	d := &diagnosis{Report: gozmqtap.Probe(ctx, t.Endpoints[0], *security)}
	switch {
	case d.Stage == "done":
		d.learn(ctx, a, t)
	case d.Stage == "greeting" && strings.HasPrefix(d.Endpoint, "tcp://"):
		d.HTTP = speaksHTTP(ctx, d.Address)
	}
	d.advise()
	return d, nil
}

// learn asks a gozmq server for its services. It does not ask other peers: a plain
// ZeroMQ program could treat the question as one of its own requests.
func (d *diagnosis) learn(ctx context.Context, a *app, t *endpoint.Target) {
	if !d.Gozmq || d.Role != "server" {
		if t.Admin == "" && t.Image == "" && len(t.Protos) == 0 {
			return
		}
	}
	var conn *gozmq.Conn
	if d.Gozmq && d.Role == "server" {
		var err error
		if conn, err = a.dial(t); err != nil {
			d.Schema = err.Error()
			return
		}
		defer conn.Close()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s, err := a.schema(ctx, t, conn)
	switch {
	case errors.Is(err, schema.ErrNotDescribed):
		d.Schema = "it does not describe itself"
	case err != nil:
		d.Schema = err.Error()
	case s != nil:
		d.Schema = s.Source
		for _, svc := range s.Services {
			d.Services = append(d.Services, svc.Name)
		}
	}
}

func (d *diagnosis) code() int {
	switch d.Stage {
	case "done":
		return exitOK
	case "endpoint":
		return exitUsage
	case "dial":
		return exitStatus + int(gozmq.CodeUnavailable)
	case "security":
		return exitStatus + int(gozmq.CodeUnauthenticated)
	}
	if d.Stage == "handshake" && d.Mechanism != string(gozmq.MechanismNull) {
		return exitStatus + int(gozmq.CodeUnauthenticated)
	}
	return exitFailed
}

// print writes the diagnosis for people.
func (d *diagnosis) print(w io.Writer) error {
	var b strings.Builder
	b.WriteString(d.Endpoint + "\n")
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, text string) { fmt.Fprintf(tw, "  %s\t%s\n", name, line(text)) }
	for _, r := range d.rows() {
		row(r[0], r[1])
	}
	for i, try := range d.Try {
		name := ""
		if i == 0 {
			name = "try"
		}
		row(name, try)
	}
	_ = tw.Flush()
	_, err := io.WriteString(w, b.String())
	return err
}

// rows are the facts, in the order in which a connection learns them.
func (d *diagnosis) rows() (rows [][2]string) {
	add := func(name, format string, args ...any) {
		rows = append(rows, [2]string{name, fmt.Sprintf(format, args...)})
	}
	switch {
	case d.Stage == "endpoint":
		add("endpoint", "wrong: %s", d.Error)
		return rows
	case !d.Reached:
		add("reachable", "no: %s", d.Error)
		return rows
	}
	add("reachable", "yes, the connection was accepted")
	if d.HTTP {
		add("protocol", "HTTP, not ZMTP")
		return rows
	}
	if d.ZMTP == "" {
		add("protocol", "not ZMTP 3: %s", d.Error)
		return rows
	}
	program := ""
	if d.Libzmq {
		program = ", as libzmq speaks it"
	}
	add("protocol", "ZMTP %s%s", d.ZMTP, program)
	add("security", "%s", d.security())
	if d.Stage == "handshake" {
		add("handshake", "failed: %s", d.Error)
	}
	if d.SocketType != "" {
		add("socket", "%s", d.socket())
	}
	if d.RoutingID != "" {
		add("identity", "%q", d.RoutingID)
	}
	if d.MaxMessage > 0 {
		add("limit", "messages of up to %d bytes", d.MaxMessage)
	}
	return append(rows, d.schemaRows()...)
}

func (d *diagnosis) schemaRows() [][2]string {
	switch {
	case len(d.Services) > 0:
		return [][2]string{{"schema", "of " + d.Schema + ": " + strings.Join(d.Services, ", ")}}
	case d.Schema != "":
		return [][2]string{{"schema", d.Schema}}
	}
	return nil
}

func (d *diagnosis) security() string {
	switch gozmq.Mechanism(d.Mechanism) {
	case gozmq.MechanismNull:
		return "NULL: nothing is encrypted, and no credentials are asked for"
	case gozmq.MechanismPlain:
		return "PLAIN: user and password, in clear text" + d.fits()
	case gozmq.MechanismCurve:
		return "CURVE: encrypted, with keys on both sides" + d.fits()
	}
	return fmt.Sprintf("%.20q, which gozmq does not speak", d.Mechanism)
}

// fits says what became of the credentials.
func (d *diagnosis) fits() string {
	switch d.Stage {
	case "done":
		return "; yours are accepted"
	case "security":
		return "; you have given none"
	}
	return "; yours are not accepted"
}

// socket describes the socket by its type and role.
func (d *diagnosis) socket() string {
	role := "a plain ZeroMQ program"
	switch {
	case d.Role != "":
		role = "a gozmq " + strings.ReplaceAll(d.Role, "-", " ")
	case d.Gozmq:
		role = "a program that knows gozmq"
	}
	return d.SocketType + ", " + role
}

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// listCommand returns the verb list.
func listCommand(a *app) *cobra.Command {
	var long bool
	var output string
	c := &cobra.Command{
		Use:   "list [ENDPOINT]... [SERVICE]",
		Short: "List the services, topics and tasks of a system",
		Long: `list prints the services of a system with their patterns, and the messages that
are topics or tasks without a service. With a service it prints its methods.`,
		Example: `  gozmq list tcp://127.0.0.1:5555
  gozmq list tcp://127.0.0.1:5555 greet.v1.Greeter
  gozmq list --long --proto weather.proto
  gozmq list --context prod --output json`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, rest, err := a.known(cmd, args)
			if err != nil {
				return err
			}
			list := s.Methods
			if len(rest) == 1 {
				if list, err = methodsOf(s, rest[0]); err != nil {
					return err
				}
				long = true
			} else if len(rest) > 1 {
				return wrongf("one service at a time, not %q", rest)
			}
			switch {
			case output == "json":
				return listJSON(a.out, list)
			case long:
				return listMethods(a.out, list)
			}
			return listServices(a.out, s)
		},
	}
	a.endFlags(c)
	c.Flags().BoolVarP(&long, "long", "l", false, "list every method with its types")
	chooseOutput(c, &output)
	return c
}

// known returns the schema that the flags and the arguments name, which may come
// from files without any endpoint, and the arguments that are not endpoints.
func (a *app) known(cmd *cobra.Command, args []string) (*schema.Schema, []string, error) {
	t, rest, err := a.ends.Resolve(a.env, args)
	if err != nil {
		return nil, nil, wrong(err)
	}
	if a.raw {
		return nil, nil, wrongf("--raw has no schema to show; leave it out")
	}
	if len(t.Endpoints) == 0 && t.Admin == "" || a.ends.Image != "" || len(a.ends.Protos) > 0 {
		if t.Image == "" && len(t.Protos) == 0 {
			return nil, nil, wrong(t.Check())
		}
		s, err := files(cmd.Context(), t)
		return s, rest, err
	}
	if t.Admin != "" && len(t.Endpoints) == 0 {
		s, err := a.schema(cmd.Context(), t, nil)
		return s, rest, err
	}
	conn, err := a.dial(t)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	s, err := a.schema(cmd.Context(), t, conn)
	return s, rest, err
}

// methodsOf returns the methods of a service, or the one method of that name.
func methodsOf(s *schema.Schema, name string) ([]*schema.Method, error) {
	if svc := s.Service(name); svc != nil {
		return svc.Methods, nil
	}
	if m, err := s.Method(name, 0); err == nil {
		return []*schema.Method{m}, nil
	}
	var names []string
	for _, svc := range s.Services {
		names = append(names, svc.Name)
	}
	if near := schema.Nearest(name, names); near != "" {
		return nil, wrongf("there is no service %q in %s; did you mean %s?", name, s.Source, near)
	}
	return nil, wrongf("there is no service %q in %s; gozmq list says what there is", name, s.Source)
}

func listServices(w io.Writer, s *schema.Schema) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, svc := range s.Services {
		fmt.Fprintf(t, "%s\t%s\t%s\n", svc.Name, svc.Pattern, plural(len(svc.Methods), "method"))
	}
	for _, m := range s.Methods {
		if m.Service == nil {
			fmt.Fprintf(t, "%s\t%s\t%s\n", m.Procedure, m.Pattern, how(m))
		}
	}
	return t.Flush()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprint(n, " ", what, "s")
}

func listMethods(w io.Writer, list []*schema.Method) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, m := range list {
		row := m.Procedure + "\t" + signature(m)
		if words := how(m); words != "" {
			row += "\t" + words // an empty last cell would leave spaces
		}
		fmt.Fprintln(t, row)
	}
	return t.Flush()
}

// signature returns the input and the output of a method.
func signature(m *schema.Method) string {
	in := string(m.Input.FullName())
	if m.ClientStreams {
		in = "stream " + in
	}
	switch {
	case m.Pattern == gozmq.PatternReqRep && m.ServerStreams:
		return in + " -> stream " + string(m.Output.FullName())
	case m.Pattern == gozmq.PatternReqRep, m.Result:
		return in + " -> " + string(m.Output.FullName())
	}
	return in
}

// how describes a method's pattern and options in words.
func how(m *schema.Method) string {
	var parts []string
	if m.Bare {
		parts = append(parts, "bare")
	}
	switch m.Pattern {
	case gozmq.PatternPubSub:
		parts = append(parts, topicWords(m.Topic)...)
	case gozmq.PatternPushPull:
		parts = append(parts, m.Delivery.String())
		if m.Lease > 0 {
			parts = append(parts, "lease "+m.Lease.String())
		}
		if m.MaxAttempts > 0 {
			parts = append(parts, plural(m.MaxAttempts, "attempt"))
		}
		if m.Backoff > 0 {
			parts = append(parts, "backoff "+m.Backoff.String())
		}
		parts = append(append(parts, limitWords(m.Limit, "")...), limitWords(m.KeyLimit, " of each key")...)
		if m.Retain > 0 {
			parts = append(parts, "kept for "+m.Retain.String())
		}
	default:
		if m.Idempotency != gozmq.IdempotencyUnknown {
			parts = append(parts, m.Idempotency.String())
		}
		if m.Timeout > 0 {
			parts = append(parts, "timeout "+m.Timeout.String())
		}
		if m.MaxAttempts > 1 {
			parts = append(parts, plural(m.MaxAttempts, "attempt"))
		}
	}
	return strings.Join(parts, ", ")
}

// limitWords describes a limit of tasks in words.
func limitWords(l gozmq.TaskLimit, of string) (parts []string) {
	if l.Running > 0 {
		parts = append(parts, fmt.Sprintf("%d%s at a time", l.Running, of))
	}
	if l.Every > 0 {
		parts = append(parts, fmt.Sprintf("one%s each %v", of, l.Every))
	}
	return parts
}

func topicWords(t *schema.Topic) (parts []string) {
	if t == nil {
		return nil
	}
	parts = []string{"topic " + t.Template}
	for _, trait := range []struct {
		has  bool
		name string
	}{{t.Sequenced, "sequenced"}, {t.Retained, "retained"}, {t.LatestOnly, "latest only"}, {t.Snapshot != "", "snapshot " + t.Snapshot}} {
		if trait.has {
			parts = append(parts, trait.name)
		}
	}
	return parts
}

// A methodJSON is a method for programs.
type methodJSON struct {
	Service       string   `json:"service,omitempty"`
	Method        string   `json:"method"`
	Pattern       string   `json:"pattern"`
	Input         string   `json:"input"`
	Output        string   `json:"output,omitempty"`
	ClientStreams bool     `json:"clientStreams,omitempty"`
	ServerStreams bool     `json:"serverStreams,omitempty"`
	Bare          bool     `json:"bare,omitempty"`
	Topic         string   `json:"topic,omitempty"`
	TopicFields   []string `json:"topicFields,omitempty"`
	Sequenced     bool     `json:"sequenced,omitempty"`
	Retained      bool     `json:"retained,omitempty"`
	LatestOnly    bool     `json:"latestOnly,omitempty"`
	Snapshot      string   `json:"snapshot,omitempty"`
	Delivery      string   `json:"delivery,omitempty"`
	Idempotency   string   `json:"idempotency,omitempty"`
	TimeoutMS     int64    `json:"timeoutMs,omitempty"`
	LeaseMS       int64    `json:"leaseMs,omitempty"`
	MaxAttempts   int      `json:"maxAttempts,omitempty"`
	Comment       string   `json:"comment,omitempty"`
}

func methodOf(m *schema.Method) methodJSON {
	j := methodJSON{
		Method: m.Procedure, Pattern: m.Pattern.String(), Input: string(m.Input.FullName()),
		ClientStreams: m.ClientStreams, ServerStreams: m.ServerStreams, Bare: m.Bare,
		TimeoutMS: m.Timeout.Milliseconds(), LeaseMS: m.Lease.Milliseconds(), MaxAttempts: m.MaxAttempts, Comment: m.Comment,
	}
	if m.Service != nil {
		j.Service = m.Service.Name
	}
	if m.Pattern == gozmq.PatternReqRep || m.Result {
		j.Output = string(m.Output.FullName())
	}
	if t := m.Topic; t != nil {
		j.Topic, j.Sequenced, j.Retained, j.LatestOnly, j.Snapshot = t.Template, t.Sequenced, t.Retained, t.LatestOnly, t.Snapshot
		for _, f := range t.Fields {
			j.TopicFields = append(j.TopicFields, f.Path)
		}
	}
	if m.Pattern == gozmq.PatternPushPull {
		j.Delivery = m.Delivery.String()
	}
	if m.Idempotency != gozmq.IdempotencyUnknown {
		j.Idempotency = m.Idempotency.String()
	}
	return j
}

// listJSON prints one method in each line.
func listJSON(w io.Writer, list []*schema.Method) error {
	enc := json.NewEncoder(w)
	for _, m := range list {
		if err := enc.Encode(methodOf(m)); err != nil {
			return err
		}
	}
	return nil
}

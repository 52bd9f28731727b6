package cli

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

func tasksList(a *app) *cobra.Command {
	var f taskFilter
	var output string
	var limit int
	c := &cobra.Command{
		Use:   "list [ENDPOINT]",
		Short: "List the tasks that are not done, and dead letters",
		Long: `list prints each task that is not done in a line: its id, method, state, attempts,
age, and how far it is and the worker that has it, or why it failed last. With
--output json each line is an object, which has the task itself, decoded. Tasks
that were done and are kept (task.retain, PushOptions.Retain) are listed with
--state done; as objects they have their results.`,
		Example: `  gozmq tasks list tcp://127.0.0.1:5599
  gozmq tasks list tcp://127.0.0.1:5599 --state dead --output json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, rest, err := a.admin(args)
			if err != nil {
				return err
			}
			defer d.conn.Close()
			filter, err := f.filter(nil)
			if err != nil || len(rest) > 0 {
				return firstError(err, wrongf("%q is no endpoint; gozmq tasks show prints single tasks", rest))
			}
			return a.listTasks(cmd.Context(), d, filter, limit, output == "json")
		},
	}
	a.adminFlags(c)
	f.register(c, true, false)
	chooseOutput(c, &output)
	c.Flags().IntVar(&limit, "limit", 0, "at most so many tasks; 0: all")
	return c
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// tasksOf calls yield with the tasks that a filter selects, page by page, until it
// returns an error. It returns the last page, which lists the paused methods.
func tasksOf(ctx context.Context, d *admin, f *adminv1.TaskFilter, bodies bool, limit int, yield func(*adminv1.QueuedTask) error) (last *adminv1.ListTasksResponse, err error) {
	req := &adminv1.ListTasksRequest{Filter: f, Bodies: bodies}
	for n := 0; ; {
		resp, err := d.ListTasks(ctx, req)
		if err != nil {
			return nil, d.explain(ctx, err)
		}
		for _, task := range resp.GetTasks() {
			if err := yield(task); err != nil {
				return nil, err
			}
			if n++; n == limit {
				return resp, nil
			}
		}
		if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
			return resp, nil
		}
	}
}

func (a *app) listTasks(ctx context.Context, d *admin, f *adminv1.TaskFilter, limit int, asJSON bool) error {
	if asJSON {
		s := d.schema(ctx)
		_, err := tasksOf(ctx, d, f, true, limit, func(task *adminv1.QueuedTask) error { return a.printTask(s, task, false) })
		return err
	}
	t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	count := 0
	last, err := tasksOf(ctx, d, f, false, limit, func(task *adminv1.QueuedTask) error {
		if count++; count == 1 {
			fmt.Fprintln(t, "ID\tMETHOD\tSTATE\tATTEMPTS\tAGE\tWHY")
		}
		_, err := fmt.Fprintf(t, "%x\t%s\t%s\t%d\t%s\t%s\n", task.GetId(), task.GetProcedure(), stateWord(task.GetState()), task.GetAttempts(), age(task.GetEnqueued()), why(task))
		return err
	})
	if err == nil {
		err = t.Flush()
	}
	if err != nil {
		return err
	}
	switch {
	case last.GetStandby():
		a.say("no tasks: this ventilator stands by; ask the process that owns the queue")
	case count == 0:
		a.say("no tasks")
	}
	if paused := last.GetPaused(); len(paused) > 0 {
		if paused[0] == "" {
			paused[0] = "all methods"
		}
		a.say("paused: %s", strings.Join(paused, ", "))
	}
	return nil
}

// stateWord is a state in lower case.
func stateWord(s adminv1.TaskState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "TASK_STATE_"))
}

// age is how long ago a time was, for people to read.
func age(t *timestamppb.Timestamp) string {
	if t == nil {
		return "-"
	}
	d := time.Since(t.AsTime())
	if d < time.Hour {
		return d.Truncate(time.Second).String()
	}
	return strings.TrimSuffix(d.Truncate(time.Minute).String(), "0s")
}

// why returns which worker has a task, or why its last attempt failed.
func why(t *adminv1.QueuedTask) string {
	switch {
	case t.GetEnded() != nil && t.GetState() == adminv1.TaskState_TASK_STATE_DONE:
		return line(progress(t) + age(t.GetEnded()) + " ago, at " + t.GetWorker())
	case t.GetWorker() != "":
		return line(progress(t) + "at " + t.GetWorker())
	case t.GetErrorCode() != "":
		return line(strings.ToLower(t.GetErrorCode()) + ": " + reasonText(t))
	case t.GetNotBefore() != nil && t.GetState() == adminv1.TaskState_TASK_STATE_DELAYED:
		return "not before " + t.GetNotBefore().AsTime().Format(time.RFC3339)
	}
	return "-"
}

// progress is how far a task is, in front of its worker; "" if it has not said.
func progress(t *adminv1.QueuedTask) string {
	switch text := t.GetProgressText(); {
	case t.GetProgress() == 0 && text == "":
		return ""
	case text == "":
		return fmt.Sprintf("%.0f %%, ", 100*t.GetProgress())
	default:
		return fmt.Sprintf("%.0f %%: %s, ", 100*t.GetProgress(), text)
	}
}

// reasonText is why a task failed last, without the code, which services repeat in
// the text.
func reasonText(t *adminv1.QueuedTask) string {
	return strings.TrimPrefix(t.GetError(), strings.ToLower(t.GetErrorCode())+": ")
}

func tasksShow(a *app) *cobra.Command {
	var f taskFilter
	c := &cobra.Command{
		Use:               "show [ENDPOINT] ID...",
		Short:             "Print tasks as JSON, decoded",
		Example:           `  gozmq tasks show tcp://127.0.0.1:5599 5f3a9c0d`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, ids, err := a.admin(args)
			if err != nil {
				return err
			}
			defer d.conn.Close()
			filter, err := f.chosen(ids)
			if err != nil {
				return err
			}
			if _, err := d.find(cmd.Context(), filter, ids); err != nil {
				return err
			}
			s := d.schema(cmd.Context())
			_, err = tasksOf(cmd.Context(), d, filter, true, 0, func(task *adminv1.QueuedTask) error {
				return a.printTask(s, task, true)
			})
			return err
		},
	}
	a.adminFlags(c)
	f.register(c, false, false)
	return c
}

// A queuedJSON is a task for programs.
type queuedJSON struct {
	ID        string              `json:"id"`
	Method    string              `json:"method"`
	State     string              `json:"state"`
	Attempts  uint32              `json:"attempts"`
	Enqueued  string              `json:"enqueued,omitempty"`
	NotBefore string              `json:"notBefore,omitempty"`
	Expires   string              `json:"expires,omitempty"`
	Ended     string              `json:"ended,omitempty"`
	Priority  int32               `json:"priority,omitempty"`
	Worker    string              `json:"worker,omitempty"`
	Progress  float64             `json:"progress,omitempty"` // 0 to 1
	Doing     string              `json:"progressText,omitempty"`
	Code      string              `json:"code,omitempty"`
	Error     string              `json:"error,omitempty"`
	Batch     string              `json:"batch,omitempty"`
	Metadata  map[string][]string `json:"metadata,omitempty"`
	Task      json.RawMessage     `json:"task,omitempty"`
	Result    json.RawMessage     `json:"result,omitempty"`
}

// printTask prints a task with its body, decoded where the schema knows it.
func (a *app) printTask(s *schema.Schema, t *adminv1.QueuedTask, pretty bool) error {
	out := queuedJSON{
		ID: hex.EncodeToString(t.GetId()), Method: t.GetProcedure(), State: stateWord(t.GetState()), Attempts: t.GetAttempts(),
		Enqueued: stamp(t.GetEnqueued()), NotBefore: stamp(t.GetNotBefore()), Expires: stamp(t.GetExpires()), Ended: stamp(t.GetEnded()), Priority: t.GetPriority(),
		Worker: t.GetWorker(), Code: strings.ToLower(t.GetErrorCode()), Error: reasonText(t), Batch: t.GetBatch(),
		Progress: t.GetProgress(), Doing: t.GetProgressText(),
	}
	for _, m := range t.GetMetadata() {
		if out.Metadata == nil {
			out.Metadata = map[string][]string{}
		}
		out.Metadata[m.GetKey()] = append(out.Metadata[m.GetKey()], m.GetValue())
	}
	m := queuedMethod(s, t.GetProcedure())
	out.Task = a.taskBody(s, t.GetBody(), m.Input)
	if r := t.GetResult(); r != nil {
		out.Result = a.taskBody(s, r.GetBody(), m.Output)
	}
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	if pretty {
		enc.SetIndent("", "  ")
	}
	return enc.Encode(out)
}

// queuedMethod returns the method of a task; one of which nothing is known where
// the schema does not have it.
func queuedMethod(s *schema.Schema, procedure string) *schema.Method {
	if s != nil {
		if m, err := s.Method(procedure, gozmq.PatternPushPull); err == nil {
			return m
		}
	}
	return new(schema.Method)
}

// taskBody returns a body of a task as JSON. desc describes it; nil: nothing does.
func (a *app) taskBody(s *schema.Schema, body []byte, desc protoreflect.MessageDescriptor) json.RawMessage {
	p := a.printer(s, message.JSON)
	b, err := p.JSON(body, desc)
	if err != nil {
		b, _ = p.JSON(body, nil)
	}
	return b
}

func stamp(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.RFC3339Nano)
}

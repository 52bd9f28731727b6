package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqadmin/adminv1gozmq"
)

// tasksCommand returns the verb tasks.
func tasksCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "tasks",
		Short: "Look at the tasks of an at-least-once queue, and work on them",
		Long: `tasks lists the tasks of a ventilator with at-least-once delivery that are not done,
its dead letters among them, shows them decoded, and retries, requeues, discards,
cancels, pauses and resumes them.

It talks to the admin service of the ventilator's process (gozmqadmin), whose
endpoint stands first, or is that of --admin or of a named context. What changes
something needs a process that allows changes.

Tasks are named by their ids in hexadecimal, as tasks list prints them, of which
the first digits are enough where one task alone begins with them; or all of a state
and a method are meant with --all. A ventilator that stands by has no tasks: ask the
one that owns the queue.`,
		Args: noVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(tasksList(a), tasksShow(a), tasksRetry(a), tasksRequeue(a), tasksDiscard(a), tasksCancel(a), tasksPause(a), tasksResume(a))
	return c
}

// A taskFilter selects tasks by the flags.
type taskFilter struct {
	role, method string
	states       []string
	all          bool
}

// register adds the flags to c.
func (f *taskFilter) register(c *cobra.Command, states, all bool) {
	c.Flags().StringVar(&f.role, "role", "", "the ventilator of this `NAME`, where the process has several")
	c.Flags().StringVar(&f.method, "method", "", "the tasks of this `METHOD` only")
	if states {
		c.Flags().StringSliceVar(&f.states, "state", nil, "the tasks in these `STATES` only: waiting, delayed, running, dead, done")
	}
	if all {
		c.Flags().BoolVar(&f.all, "all", false, "all that the other flags select, in place of ids")
	}
}

// filter returns the flags as the service's filter, and checks the ids, which find
// adds.
func (f *taskFilter) filter(ids []string) (*adminv1.TaskFilter, error) {
	out := &adminv1.TaskFilter{Role: f.role, Procedure: f.method}
	for _, id := range ids {
		if err := checkID(id); err != nil {
			return nil, err
		}
	}
	for _, word := range f.states {
		state, ok := adminv1.TaskState_value["TASK_STATE_"+strings.ToUpper(word)]
		if !ok || state == 0 {
			return nil, wrongf("--state %s: write waiting, delayed, running, dead or done", word)
		}
		out.States = append(out.States, adminv1.TaskState(state))
	}
	return out, nil
}

// chosen is filter for what changes tasks: it needs ids or --all.
func (f *taskFilter) chosen(ids []string) (*adminv1.TaskFilter, error) {
	switch {
	case len(ids) == 0 && !f.all:
		return nil, wrongf("no task; write ids, as gozmq tasks list prints them, or --all")
	case len(ids) > 0 && f.all:
		return nil, wrongf("both ids and --all; write one of them")
	}
	return f.filter(ids)
}

// An admin is a connection to an admin service.
type admin struct {
	adminv1gozmq.AdminClient
	target *endpoint.Target
	conn   *gozmq.Conn
}

// admin connects to the admin service that the flags and arguments name, and
// returns the other arguments.
func (a *app) admin(args []string) (*admin, []string, error) {
	t, rest, err := a.ends.Resolve(a.env, args)
	if err != nil {
		return nil, nil, wrong(err)
	}
	switch {
	case len(args) > len(rest): // the endpoint in the line
		t = t.At(args[:len(args)-len(rest)]...)
	case t.Admin != "":
		t = t.ForAdmin()
	default:
		return nil, nil, wrongf("no endpoint of an admin service; write one, as tcp://127.0.0.1:5599, or pass --admin")
	}
	conn, err := a.dial(t)
	if err != nil {
		return nil, nil, err
	}
	return &admin{AdminClient: adminv1gozmq.NewAdminClient(conn), target: t, conn: conn}, rest, nil
}

// schema returns the process's description of itself; nil if there is none.
func (d *admin) schema(ctx context.Context) *schema.Schema {
	s, err := schema.Admin(ctx, d.conn, "the system at "+d.target.String())
	if err != nil {
		return nil
	}
	return s
}

// explain returns an error of the service with advice. If the service lacks only
// this method, its own error says so.
func (d *admin) explain(ctx context.Context, err error) error {
	switch gozmq.CodeOf(err) {
	case gozmq.CodeUnimplemented:
	case gozmq.CodeInvalidArgument:
		if strings.Contains(err.Error(), "no role is named") {
			return fmt.Errorf("%w; write --role", err)
		}
		return err
	default:
		return d.target.Explain(err)
	}
	_, asked := d.DescribeRoles(ctx, &adminv1.DescribeRolesRequest{NamesOnly: true})
	if gozmq.CodeOf(asked) == gozmq.CodeUnimplemented {
		return gozmq.Errorf(gozmq.CodeUnimplemented, "%s has no admin service; register gozmqadmin in its program, and write the endpoint that it is bound to", d.target)
	}
	return err
}

// adminFlags adds the flags of an admin service to a verb.
func (a *app) adminFlags(c *cobra.Command) { a.ends.Register(c.Flags()) }

// changing returns a verb that changes tasks with these ids, or all.
func (a *app) changing(c *cobra.Command, states bool, change func(context.Context, *admin, *adminv1.TaskFilter, bool) (string, error)) *cobra.Command {
	f := &taskFilter{}
	c.Args = cobra.ArbitraryArgs
	c.ValidArgsFunction = a.completeIDs
	c.RunE = func(cmd *cobra.Command, args []string) error {
		d, ids, err := a.admin(args)
		if err != nil {
			return err
		}
		defer d.conn.Close()
		filter, err := f.chosen(ids)
		if err != nil {
			return err
		}
		if len(ids) > 0 {
			tasks, err := d.find(cmd.Context(), filter, ids)
			if err != nil {
				return err
			}
			for _, task := range tasks {
				if err := refused(cmd.Name(), task); err != nil {
					return err
				}
			}
		}
		text, err := change(cmd.Context(), d, filter, f.all)
		if err != nil {
			return d.explain(cmd.Context(), err)
		}
		a.say("%s", text)
		return nil
	}
	a.adminFlags(c)
	f.register(c, states, true)
	return c
}

func tasksRetry(a *app) *cobra.Command {
	return a.changing(&cobra.Command{
		Use:   "retry [ENDPOINT] ID... | --all",
		Short: "Run dead letters again, and delayed tasks now",
		Long: `retry gives dead letters to workers again, with all their attempts and new ids. A
task that waits for its time, because it was pushed for later or has failed, runs as
soon as a worker is free. --all alone stands for dead letters; --all --state delayed
for the tasks that wait for their time.`,
		Example: `  gozmq tasks retry tcp://127.0.0.1:5599 5f3a9c0d
  gozmq tasks retry tcp://127.0.0.1:5599 --all --state delayed
  gozmq tasks retry --admin tcp://127.0.0.1:5599 --all --method image.v1.Prints/Render`,
	}, true, retryTasks)
}

func retryTasks(ctx context.Context, d *admin, f *adminv1.TaskFilter, all bool) (string, error) {
	resp, err := d.RetryTasks(ctx, &adminv1.RetryTasksRequest{Filter: f, All: all})
	return plural(int(resp.GetRetried()), "task") + " retried", err
}

func tasksRequeue(a *app) *cobra.Command {
	return a.changing(&cobra.Command{
		Use:   "requeue [ENDPOINT] ID... | --all",
		Short: "Run dead letters again, with all their attempts",
		Long: `requeue gives dead letters to workers again, with all their attempts. Each one gets
a new id, which tasks list prints.`,
		Example: `  gozmq tasks requeue tcp://127.0.0.1:5599 5f3a9c0d
  gozmq tasks requeue tcp://127.0.0.1:5599 --all --method image.v1.Prints/Render`,
	}, false, func(ctx context.Context, d *admin, f *adminv1.TaskFilter, all bool) (string, error) {
		f.States = []adminv1.TaskState{adminv1.TaskState_TASK_STATE_DEAD}
		resp, err := d.RetryTasks(ctx, &adminv1.RetryTasksRequest{Filter: f, All: all})
		return plural(int(resp.GetRetried()), "dead letter") + " requeued", err
	})
}

func tasksDiscard(a *app) *cobra.Command {
	return a.changing(&cobra.Command{
		Use:   "discard [ENDPOINT] ID... | --all",
		Short: "Delete tasks that wait, and dead letters",
		Long: `discard deletes tasks that wait, and dead letters. A task that a worker has stays.
--all without --state deletes the tasks that wait, too; --all --state dead deletes
the dead letters alone.`,
		Example: `  gozmq tasks discard tcp://127.0.0.1:5599 5f3a9c0d
  gozmq tasks discard tcp://127.0.0.1:5599 --all --state dead`,
	}, true, func(ctx context.Context, d *admin, f *adminv1.TaskFilter, all bool) (string, error) {
		resp, err := d.DiscardTasks(ctx, &adminv1.DiscardTasksRequest{Filter: f, All: all})
		return plural(int(resp.GetDiscarded()), "task") + " discarded", err
	})
}

func tasksCancel(a *app) *cobra.Command {
	return a.changing(&cobra.Command{
		Use:   "cancel [ENDPOINT] ID... | --all",
		Short: "Give up tasks, including those at workers",
		Long: `cancel gives up tasks that wait and tasks that workers have: the context of the
handler that runs one ends, and nothing is kept of it. A worker that does not know
CANCEL, such as one in Python, runs its task to the end, which is ignored.`,
		Example: `  gozmq tasks cancel tcp://127.0.0.1:5599 5f3a9c0d
  gozmq tasks cancel tcp://127.0.0.1:5599 --all --method image.v1.Prints/Render`,
	}, true, func(ctx context.Context, d *admin, f *adminv1.TaskFilter, all bool) (string, error) {
		resp, err := d.CancelTasks(ctx, &adminv1.CancelTasksRequest{Filter: f, All: all})
		return plural(int(resp.GetCanceled()), "task") + " canceled", err
	})
}

// switching returns a subcommand that pauses or resumes a method, or all.
func (a *app) switching(c *cobra.Command, word string, run func(ctx context.Context, d *admin, role, method string) error) *cobra.Command {
	var role string
	c.Args = cobra.ArbitraryArgs
	c.ValidArgsFunction = a.completeMethods(gozmq.PatternPushPull)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		d, rest, err := a.admin(args)
		if err != nil {
			return err
		}
		defer d.conn.Close()
		method, err := oneName(rest)
		if err != nil {
			return err
		}
		if s := d.schema(cmd.Context()); s != nil && method != "" {
			m, err := s.Method(method, gozmq.PatternPushPull)
			if err != nil {
				return wrong(err)
			}
			method = m.Procedure
		}
		if err := run(cmd.Context(), d, role, method); err != nil {
			return d.explain(cmd.Context(), err)
		}
		if method == "" {
			method = "all methods"
		}
		a.say("%s %s", method, word)
		return nil
	}
	a.adminFlags(c)
	c.Flags().StringVar(&role, "role", "", "the ventilator of this `NAME`, where the process has several")
	return c
}

func tasksPause(a *app) *cobra.Command {
	return a.switching(&cobra.Command{
		Use:   "pause [ENDPOINT] [METHOD]",
		Short: "Keep waiting tasks from workers, of one method or of all",
		Example: `  gozmq tasks pause tcp://127.0.0.1:5599
  gozmq tasks pause tcp://127.0.0.1:5599 image.v1.Prints/Render`,
	}, "paused", func(ctx context.Context, d *admin, role, method string) error {
		_, err := d.PauseTasks(ctx, &adminv1.PauseTasksRequest{Role: role, Procedure: method})
		return err
	})
}

func tasksResume(a *app) *cobra.Command {
	return a.switching(&cobra.Command{
		Use:     "resume [ENDPOINT] [METHOD]",
		Short:   "End a pause",
		Example: `  gozmq tasks resume tcp://127.0.0.1:5599`,
	}, "resumed", func(ctx context.Context, d *admin, role, method string) error {
		_, err := d.ResumeTasks(ctx, &adminv1.ResumeTasksRequest{Role: role, Procedure: method})
		return err
	})
}

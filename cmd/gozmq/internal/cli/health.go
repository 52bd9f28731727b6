package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	adminv1 "github.com/gozmq/gozmq/proto/gozmq/v1/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqadmin/adminv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqhealth"
	"github.com/gozmq/gozmq/runtime/gozmqv1gozmq"
)

// healthCommand returns the verb health.
func healthCommand(a *app) *cobra.Command {
	var watch bool
	var output string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "health [ENDPOINT]... [SERVICE]",
		Short: "Print whether a server, or a whole process, is ready",
		Long: `health asks the health service of a server (gozmqhealth) and prints serving,
not_serving or service_unknown. The exit code is 0 while it is serving, else 1.
With --watch it prints each change, until Ctrl-C.

At an admin service (gozmqadmin), also that of --admin, it asks for the health of
the process, or of the role of this name: publishers, subscribers, ventilators,
workers, sinks and proxies, too. It prints why each role is not ready.`,
		Example: `  gozmq health tcp://127.0.0.1:5555
  gozmq health --admin tcp://127.0.0.1:5599 prints
  gozmq health --watch tcp://127.0.0.1:5555 greet.v1.Greeter`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.health(cmd.Context(), args, watch, output == "json", timeout)
		},
	}
	a.ends.Register(c.Flags())
	c.Flags().BoolVarP(&watch, "watch", "w", false, "print each change, until Ctrl-C")
	chooseOutput(c, &output)
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long the answer may take")
	return c
}

func (a *app) health(ctx context.Context, args []string, watch, asJSON bool, timeout time.Duration) error {
	t, rest, err := a.healthTarget(args)
	if err != nil {
		return err
	}
	service, err := oneName(rest)
	if err != nil {
		return err
	}
	conn, err := a.dial(t)
	if err != nil {
		return err
	}
	defer conn.Close()
	if watch {
		for status, err := range gozmqhealth.Watch(ctx, conn, service) {
			if err != nil {
				return t.Explain(noHealth(err))
			}
			if err := a.printHealth(service, condition{status: status}, asJSON); err != nil {
				return err
			}
		}
		return nil
	}
	found, err := askHealth(ctx, conn, service, timeout)
	if err != nil {
		return t.Explain(noHealth(err))
	}
	if err := a.printHealth(service, found, asJSON); err != nil {
		return err
	}
	if found.status != gozmqv1.HealthStatus_HEALTH_STATUS_SERVING {
		return &exitError{code: exitFailed}
	}
	return nil
}

// oneName returns the one name of a service among the arguments, if there is one.
func oneName(args []string) (string, error) {
	switch len(args) {
	case 0:
		return "", nil
	case 1:
		return args[0], nil
	}
	return "", wrongf("one service at a time, not %q", args)
}

// healthTarget is target, and the admin service's where --admin or the context has
// that endpoint alone.
func (a *app) healthTarget(args []string) (*endpoint.Target, []string, error) {
	t, rest, err := a.ends.Resolve(a.env, args)
	switch {
	case err != nil:
	case len(t.Endpoints) == 0 && t.Admin != "":
		t = t.ForAdmin()
	default:
		err = t.Check()
	}
	return t, rest, wrong(err)
}

// A condition is the health of a server, or of a process.
type condition struct {
	status  gozmqv1.HealthStatus
	process bool     // as its admin service says
	reasons []string // of each role that is not ready, why
}

// askHealth asks for the health of a server, or of one of its services. Without a
// health service it asks the admin service for the health of the process, or of one
// of its roles.
func askHealth(ctx context.Context, c gozmq.Caller, name string, timeout time.Duration) (condition, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	resp, err := gozmqv1gozmq.NewHealthClient(c).Check(ctx, &gozmqv1.HealthCheckRequest{Service: name})
	if gozmq.CodeOf(err) != gozmq.CodeUnimplemented {
		return condition{status: resp.GetStatus()}, err
	}
	found, asked := askProcess(ctx, adminv1gozmq.NewAdminClient(c), name)
	if gozmq.CodeOf(asked) == gozmq.CodeUnimplemented {
		return condition{}, err
	}
	return found, asked
}

func askProcess(ctx context.Context, c adminv1gozmq.AdminClient, name string) (condition, error) {
	if name != "" {
		roles, err := c.ListRoles(ctx, &adminv1.ListRolesRequest{})
		if err != nil {
			return condition{}, err
		}
		return roleCondition(roles.GetRoles(), name), nil
	}
	health, err := c.GetHealth(ctx, &adminv1.GetHealthRequest{})
	if err != nil {
		return condition{}, err
	}
	found := condition{status: servingIf(health.GetReady()), process: true}
	if health.GetStopping() {
		found.reasons = append(found.reasons, "the process stops")
	}
	for _, role := range health.GetUnready() {
		found.reasons = append(found.reasons, role.GetName()+": "+role.GetReason())
	}
	return found, nil
}

// roleCondition returns the health of all roles of a name: a worker has two sides.
func roleCondition(roles []*adminv1.Role, name string) condition {
	found, ready := condition{status: gozmqv1.HealthStatus_HEALTH_STATUS_SERVICE_UNKNOWN, process: true}, true
	for _, role := range roles {
		if role.GetName() != name {
			continue
		}
		if ready = ready && role.GetReady(); !role.GetReady() {
			found.reasons = append(found.reasons, role.GetReason())
		}
		found.status = servingIf(ready)
	}
	return found
}

func servingIf(ready bool) gozmqv1.HealthStatus {
	if ready {
		return gozmqv1.HealthStatus_HEALTH_STATUS_SERVING
	}
	return gozmqv1.HealthStatus_HEALTH_STATUS_NOT_SERVING
}

// noHealth says what to do where there is no health service.
func noHealth(err error) error {
	if gozmq.CodeOf(err) == gozmq.CodeUnimplemented {
		return gozmq.Errorf(gozmq.CodeUnimplemented, "the server has no health service; register gozmqhealth in it, or use gozmq check, which does without")
	}
	return err
}

// healthWord is a status in lower case.
func healthWord(s gozmqv1.HealthStatus) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "HEALTH_STATUS_"))
}

func (a *app) printHealth(service string, c condition, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.out).Encode(struct {
			Service string   `json:"service"`
			Status  string   `json:"status"`
			Reasons []string `json:"reasons,omitempty"`
		}{service, healthWord(c.status), c.reasons})
	}
	lines := append([]string{healthWord(c.status)}, c.reasons...)
	_, err := fmt.Fprintln(a.out, strings.Join(lines, "\n"))
	return err
}

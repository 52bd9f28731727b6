package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
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
		Short: "Print whether a server, or one of its services, is ready to be called",
		Long: `health asks the health service of a server (gozmqhealth) and prints serving,
not_serving or service_unknown. The exit code is 0 while it is serving, else 1.
With --watch it prints each change, until Ctrl-C.`,
		Example: `  gozmq health tcp://127.0.0.1:5555
  gozmq health --watch tcp://127.0.0.1:5555 greet.v1.Greeter`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf("--output", output, "text", "json"); err != nil {
				return err
			}
			return a.health(cmd.Context(), args, watch, output == "json", timeout)
		},
	}
	a.ends.Register(c.Flags())
	c.Flags().BoolVarP(&watch, "watch", "w", false, "print each change, until Ctrl-C")
	c.Flags().StringVarP(&output, "output", "o", "text", "`FORMAT`: text or json")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long the answer may take")
	return c
}

func (a *app) health(ctx context.Context, args []string, watch, asJSON bool, timeout time.Duration) error {
	t, rest, err := a.target(args)
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
			if err := a.printHealth(service, status, asJSON); err != nil {
				return err
			}
		}
		return nil
	}
	status, err := askHealth(ctx, conn, service, timeout)
	if err != nil {
		return t.Explain(noHealth(err))
	}
	if err := a.printHealth(service, status, asJSON); err != nil {
		return err
	}
	if status != gozmqv1.HealthStatus_HEALTH_STATUS_SERVING {
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

func askHealth(ctx context.Context, c gozmq.Caller, service string, timeout time.Duration) (gozmqv1.HealthStatus, error) {
	resp, err := gozmqv1gozmq.NewHealthClient(c).Check(ctx, &gozmqv1.HealthCheckRequest{Service: service}, gozmq.WithTimeout(timeout))
	return resp.GetStatus(), err
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

func (a *app) printHealth(service string, s gozmqv1.HealthStatus, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.out).Encode(map[string]string{"service": service, "status": healthWord(s)})
	}
	_, err := fmt.Fprintln(a.out, healthWord(s))
	return err
}

package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// checkFlags are the flags of check.
type checkFlags struct {
	format               string
	timeout, warn, limit time.Duration
}

// checkCommand returns the verb check.
func checkCommand(a *app) *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check [ENDPOINT]... [SERVICE]",
		Short: "Check a server or a process for Kubernetes, Nagios or Prometheus",
		Long: `check connects to a server, asks for the health of it or of one service, and says
so in the form of a monitoring system. A server without a health service is
healthy if it answers. At an admin service, also that of --admin, it checks the
process with all its roles, or the role of this name.

  kubernetes  one line; exit code 0, or 1 where it is not healthy: an exec probe
  nagios      one line with the time it took; exit code 0 (OK), 1 (WARNING, slower
              than --warn), 2 (CRITICAL, not healthy or slower than --critical),
              3 (UNKNOWN, the command line or a file is wrong)
  prometheus  metrics for the textfile collector; exit code 0, also where it is
              not healthy`,
		Example: `  gozmq check tcp://127.0.0.1:5555
  gozmq check --format nagios --warn 50ms --critical 1s tcp://127.0.0.1:5555 greet.v1.Greeter
  gozmq check --format prometheus --context prod > /var/lib/node_exporter/gozmq.prom`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.check(cmd.Context(), f, args)
		},
	}
	c.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		err = wrongf("%w; see %s --help", err, cmd.CommandPath())
		if a.asks("nagios") {
			return a.unknown(err)
		}
		return err
	})
	a.ends.Register(c.Flags())
	fs := c.Flags()
	choose(c, &f.format, "format", "", "kubernetes", "`FORMAT`: kubernetes, nagios or prometheus", "kubernetes", "nagios", "prometheus")
	fs.DurationVar(&f.timeout, "timeout", 5*time.Second, "how long connecting and the answer may take")
	fs.DurationVar(&f.warn, "warn", 0, "nagios: WARNING when it takes longer; 0: never")
	fs.DurationVar(&f.limit, "critical", 0, "nagios: CRITICAL when it takes longer; 0: never")
	return c
}

// A finding is the result of a check.
type finding struct {
	endpoint, service string
	up, healthy       bool
	text              string
	took              time.Duration
	warn, limit       time.Duration
}

func (a *app) check(ctx context.Context, f checkFlags, args []string) error {
	found, err := a.probe(ctx, f, args)
	if err != nil && f.format == "nagios" {
		return a.unknown(err)
	}
	if err != nil {
		return err
	}
	switch f.format {
	case "nagios":
		return found.nagios(a.out)
	case "prometheus":
		return found.prometheus(a.out)
	}
	return found.kubernetes(a.out)
}

// unknown says for Nagios that the command line is wrong.
func (a *app) unknown(err error) error {
	_, _ = fmt.Fprintf(a.out, "GOZMQ UNKNOWN - %s\n", line(err.Error()))
	return &exitError{code: 3}
}

// probe asks the server. Its error is one of the command line.
func (a *app) probe(ctx context.Context, f checkFlags, args []string) (*finding, error) {
	t, rest, err := a.healthTarget(args)
	if err != nil {
		return nil, err
	}
	service, err := oneName(rest)
	if err != nil {
		return nil, err
	}
	t.ConnectTimeout = f.timeout
	began := time.Now()
	conn, err := a.dial(t)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	found := &finding{endpoint: t.String(), service: service, warn: f.warn, limit: f.limit}
	answer, err := askHealth(ctx, conn, service, f.timeout)
	found.took = time.Since(began)
	found.take(t, answer, err)
	return found, nil
}

// take sets the result from an answer.
func (f *finding) take(t *endpoint.Target, answer condition, err error) {
	name, kind := f.service, "service"
	if answer.process {
		kind = "role"
	}
	switch {
	case name == "" && answer.process:
		name = "the process"
	case name == "":
		name = "the server"
	}
	switch {
	case err == nil && answer.status == gozmqv1.HealthStatus_HEALTH_STATUS_SERVICE_UNKNOWN && f.service != "":
		f.up, f.text = true, "there is no "+kind+" "+f.service
	case err == nil:
		f.up, f.healthy = true, answer.status == gozmqv1.HealthStatus_HEALTH_STATUS_SERVING
		f.text = name + " is " + strings.ReplaceAll(healthWord(answer.status), "_", " ")
		if len(answer.reasons) > 0 {
			f.text += ": " + line(strings.Join(answer.reasons, "; "))
		}
	case gozmq.CodeOf(err) == gozmq.CodeUnimplemented && f.service == "":
		f.up, f.healthy, f.text = true, true, "the server answers; it has no health service"
	default:
		f.up = gozmq.CodeOf(err) == gozmq.CodeUnimplemented
		f.text = line(t.Explain(noHealth(err)).Error())
	}
}

func (f *finding) kubernetes(w io.Writer) error {
	if _, err := fmt.Fprintln(w, f.text); err != nil {
		return err
	}
	if !f.healthy {
		return &exitError{code: 1}
	}
	return nil
}

func (f *finding) nagios(w io.Writer) error {
	word, code := "OK", 0
	switch {
	case !f.healthy, f.limit > 0 && f.took > f.limit:
		word, code = "CRITICAL", 2
	case f.warn > 0 && f.took > f.warn:
		word, code = "WARNING", 1
	}
	_, err := fmt.Fprintf(w, "GOZMQ %s - %s | time=%.6fs;%s;%s;0\n", word, strings.ReplaceAll(f.text, "|", "/"), f.took.Seconds(), threshold(f.warn), threshold(f.limit))
	if err == nil && code != 0 {
		return &exitError{code: code}
	}
	return err
}

func threshold(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%g", d.Seconds())
}

func (f *finding) prometheus(w io.Writer) error {
	labels := fmt.Sprintf("{endpoint=%q,service=%q}", f.endpoint, f.service)
	value := map[bool]int{true: 1}
	_, err := fmt.Fprintf(w, `# HELP gozmq_check_up Whether the server answers.
# TYPE gozmq_check_up gauge
gozmq_check_up%[1]s %[2]d
# HELP gozmq_check_healthy Whether the server, or its service, is serving.
# TYPE gozmq_check_healthy gauge
gozmq_check_healthy%[1]s %[3]d
# HELP gozmq_check_duration_seconds How long connecting and the answer took.
# TYPE gozmq_check_duration_seconds gauge
gozmq_check_duration_seconds%[1]s %[4]f
`, labels, value[f.up], value[f.healthy], f.took.Seconds())
	return err
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/endpoint"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// The exit codes. A failure with a status has exitStatus and its code.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitStatus      = 16
	exitInterrupted = 130
)

// exitHelp is the table of the exit codes, for the help.
func exitHelp() string {
	var b strings.Builder
	b.WriteString(`Exit codes:
    0  done; also when Ctrl-C ends a verb that runs until then
    1  failed, for a reason that has no status
    2  the command line, a file or the input is wrong
`)
	for c := gozmq.CodeCanceled; c <= gozmq.CodeUnauthenticated; c++ {
		fmt.Fprintf(&b, "   %d  %s\n", exitStatus+int(c), c)
	}
	b.WriteString("  130  Ctrl-C before the work was done\n")
	return b.String()
}

// An inputError is one of the command line, of a file, or of the input.
type inputError struct{ error }

func (e inputError) Unwrap() error { return e.error }

// wrong marks err as one of the input; nil stays nil.
func wrong(err error) error {
	if err == nil {
		return nil
	}
	return inputError{err}
}

// wrongf is wrong(fmt.Errorf(…)).
func wrongf(format string, args ...any) error { return inputError{fmt.Errorf(format, args...)} }

// exitError is an error with its own exit code, such as a check's.
type exitError struct {
	code int
	err  error // nil: everything has been said
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprint("exit code ", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

var errInterrupted = errors.New("interrupted")

// endless returns err, which is none when Ctrl-C has ended ctx and what is done 0
// times, which is until then.
func endless(ctx context.Context, times int, err error) error {
	if times == 0 && errors.Is(context.Cause(ctx), context.Canceled) {
		return nil
	}
	return err
}

// interrupted returns an error when Ctrl-C has ended ctx before count messages or
// tasks came. It says so when nobody was connected, also where count is 0.
func (a *app) interrupted(ctx context.Context, t *endpoint.Target, came, count int, what string) error {
	if !errors.Is(ctx.Err(), context.Canceled) || count > 0 && came >= count {
		return nil
	}
	alone := ""
	if !t.Reached() {
		alone = "nobody was connected"
		if err := t.Explain(errInterrupted); err != errInterrupted {
			alone = err.Error()
		}
	}
	switch {
	case count == 0 && alone != "":
		a.say("%s", alone)
		return nil
	case count == 0:
		return nil
	case alone != "":
		alone = "; " + alone
	}
	return fmt.Errorf("%w: %d of %s came%s", errInterrupted, came, plural(count, what), alone)
}

// exitCode returns the code for an error, and whether to print the error.
func exitCode(err error) (code int, say bool) {
	var exit *exitError
	var input inputError
	var coded *gozmq.Error
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return exitOK, false
	case errors.As(err, &exit):
		return exit.code, exit.err != nil
	case errors.Is(err, errInterrupted):
		return exitInterrupted, true
	case errors.As(err, &input):
		return exitUsage, true
	case errors.As(err, &coded):
		return exitStatus + int(coded.Code), true
	case errors.Is(err, context.DeadlineExceeded):
		return exitStatus + int(gozmq.CodeDeadlineExceeded), true
	}
	return exitFailed, true
}

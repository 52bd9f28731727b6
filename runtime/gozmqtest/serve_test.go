package gozmqtest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// A fakeTest records what a helper says to its test.
type fakeTest struct {
	exampleTest
	said []string
}

func (t *fakeTest) Errorf(format string, args ...any) {
	t.said = append(t.said, fmt.Sprintf(format, args...))
}

func (t *fakeTest) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	panic(t)
}

// failing runs f and returns what it said to its test.
func failing(f func(t gozmqtest.TB)) string {
	t := new(fakeTest)
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(t) {
				panic(r)
			}
		}()
		f(t)
	}()
	t.end()
	return strings.Join(t.said, "\n")
}

// What goes wrong fails the test, with the reason.
func TestFailuresAreReported(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name string
		run  func(t gozmqtest.TB)
		want string
	}{
		{"register", func(t gozmqtest.TB) { gozmqtest.NewConn(t, func(gozmq.Registrar) error { return broken }) }, "broken"},
		{"bind", func(t gozmqtest.TB) { gozmqtest.Serve(t, registerGreeter, gozmq.Bind("smtp://x")) }, "smtp"},
		{"dial", func(t gozmqtest.TB) { gozmqtest.NewConn(t, registerGreeter, gozmq.WithLinger(-1)) }, "WithLinger"},
		{"open", func(t gozmqtest.TB) { gozmqtest.Open(gozmq.NewSink()).For(t) }, "no endpoint"},
		{"close", func(t gozmqtest.TB) { gozmqtest.Open(closer{broken}, nil).For(t) }, "close: broken"},
		{"run", func(t gozmqtest.TB) { gozmqtest.Run(t, func(context.Context) error { return broken }) }, "broken"},
		{"proxy", func(t gozmqtest.TB) { gozmqtest.NewProxy(t, "ipc://x") }, "want tcp://host:port"},
		{"target", func(t gozmqtest.TB) { gozmqtest.NewProxy(t, "tcp://x:1").SetTarget("x:1") }, "want tcp://host:port"},
		{"nothing", func(t gozmqtest.TB) { gozmqtest.NewConn(t, registerGreeter) }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := failing(tt.run)
			if !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
}

type closer struct{ err error }

func (c closer) Close() error { return c.err }

// stop ends what Run runs; the end of the test does not run it again.
func TestRunStops(t *testing.T) {
	ended := 0
	stop := gozmqtest.Run(t, func(ctx context.Context) error {
		<-ctx.Done()
		ended++
		return nil
	})
	stop()
	stop()
	if ended != 1 {
		t.Errorf("it ended %d times", ended)
	}
}

func TestEndpointsDiffer(t *testing.T) {
	if a, b := gozmqtest.Endpoint(), gozmqtest.Endpoint(); a == b {
		t.Errorf("got %s twice", a)
	}
}

package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// What happens between the messages is told, and counted in the summary.
func TestNotices(t *testing.T) {
	notices := []struct {
		err        error
		line, json string
	}{
		{&gozmq.GapError{Topic: "a/\nb", Lost: 3}, `gap: "a/\nb": 3 messages missing`, `"notice":"gap","topic":"a/\nb","lost":3`},
		{&gozmq.PublisherRestartedError{Topic: "a", Old: 1, New: 2}, "restart: another publisher has replaced that of a", `"notice":"restart","topic":"a"`},
		{&gozmq.LagError{Topic: "a", Lag: 1500 * time.Millisecond}, "lag: a: the next message is 1.5s old", `"notice":"lag","topic":"a","lagMs":1500`},
		{&gozmq.IdleError{Since: time.Now()}, "idle: nothing has come since", `"notice":"idle"`},
		{gozmq.Errorf(gozmq.CodeUnavailable, "too many subscriptions"), "error: unavailable: too many subscriptions", `"notice":"error"`},
	}
	var out, errOut bytes.Buffer
	a := &app{out: &out, errOut: &errOut}
	lines := newSubPrinter(a, message.Printer{}, "lines", &selection{})
	json := newSubPrinter(a, message.Printer{}, "json", &selection{})
	for _, n := range notices {
		lines.notice(n.err)
		if got := errOut.String(); !strings.HasPrefix(got, n.line) || strings.Count(got, "\n") != 1 {
			t.Errorf("got %q, want %q", got, n.line)
		}
		json.notice(n.err)
		if got := out.String(); !strings.Contains(got, n.json) || strings.Count(got, "\n") != 1 {
			t.Errorf("got %q, want %q", got, n.json)
		}
		out.Reset()
		errOut.Reset()
	}
	lines.summary()
	if got := errOut.String(); !strings.Contains(got, "1 gap with 3 messages missing, 1 restart") {
		t.Error(got)
	}
}

func TestCombine(t *testing.T) {
	all, err := combine([]string{"a=1", "b=x", "a=2"})
	if err != nil || len(all) != 2 || all[0]["a"] != "1" || all[1]["a"] != "2" || all[0]["b"] != "x" || all[1]["b"] != "x" {
		t.Errorf("%v, %v", all, err)
	}
	var many []string
	for i := range 40 {
		many = append(many, "a="+strings.Repeat("x", i), "b="+strings.Repeat("x", i))
	}
	for _, filters := range [][]string{{"a"}, {"=1"}, many} {
		if _, err := combine(filters); err == nil {
			t.Errorf("%.3q passes", filters)
		}
	}
}

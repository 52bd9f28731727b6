package gozmq

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// A ventilator's list of tasks says how far a handler is, and forgets that when the
// task is tried again.
func TestReportProgress(t *testing.T) {
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"), WithRetryBackoff(0, 0))
	steps := make(chan func(*TaskInfo) error)
	work(t, []TaskHandler{HandleTaskOnly(sureLog, func(ctx context.Context, _ *number) error {
		for step := range steps {
			if err := step(TaskInfoFromContext(ctx)); err != nil {
				return err
			}
		}
		return nil
	})}, From(Connect(v.Addrs()...)), WithConcurrency(1))
	pushNumbers(t, v, sureLog, 1)
	long := strings.Repeat("x", 254) + "\u00e4"
	for _, c := range []struct {
		done, want float64
		text       string
	}{{0.25, 0.25, "page 1"}, {0.5, 0.5, ""}, {2, 1, "more than all"}, {-1, 0, "less than nothing"}, {1.0 / 3, 0.333333, long}} {
		steps <- func(i *TaskInfo) error { i.ReportProgress(c.done, c.text); return nil }
		want := strings.TrimSuffix(c.text, "\u00e4")
		if want != c.text {
			want += "?"
		}
		testkit.Eventually(t, "the progress "+c.text, func() bool {
			list, _, _ := v.Tasks(TaskFilter{})
			return len(list) == 1 && list[0].Progress == c.want && list[0].ProgressText == want
		})
	}
	steps <- func(*TaskInfo) error { return Errorf(CodeUnavailable, "later") }
	steps <- func(*TaskInfo) error { return nil } // by the second attempt
	if task := onlyTask(t, v, TaskRunning); task.Attempts != 2 || task.Progress != 0 || task.ProgressText != "" {
		t.Errorf("the second attempt begins with %+v", task)
	}
	close(steps)
	waitDone(t, v)
}

// However often a handler reports, the ventilator gets a few words, and the last
// report before the task's end.
func TestProgressOnWire(t *testing.T) {
	endpoint, accept := listenRaw(t, zmtp.Router)
	const reports = 200_000
	took := make(chan time.Duration, 1)
	var late *TaskInfo
	work(t, []TaskHandler{HandleTaskOnly(sureLog, func(ctx context.Context, _ *number) error {
		late = TaskInfoFromContext(ctx)
		began := time.Now()
		for n := range reports {
			late.ReportProgress(float64(n)/reports, "busy")
		}
		late.ReportProgress(1, "all")
		took <- time.Since(began)
		return nil
	})}, From(Connect(endpoint)), WithConcurrency(1), WithPrefetch(0))
	vent := accept()
	vent.wantFrames(string(wire.VerbCredit), "1")
	vent.send(string(wire.VerbTask), "a", sureLog.Procedure, encode(t, wrapperspb.Int64(1)), string(wire.AppendTaskHeader(nil, testHeader(1, 0))))
	words, last := 0, []string(nil)
	for {
		m := vent.recv()
		if m[0] == string(wire.VerbDone) {
			break
		}
		if words++; len(m) > 5 {
			last = m
		}
	}
	if got := strings.Join(last, " "); got != "EXTEND a 1   1 all" {
		t.Errorf("the last word before the end is %q", got)
	}
	d := <-took
	if limit := 4 + int(d/(200*time.Millisecond)); words > limit {
		t.Errorf("%d words, want at most %d", words, limit)
	}
	t.Logf("%d reports: %d words, %v each", reports, words, d/reports)
	late.ReportProgress(0.5, "too late")
	vent.send(string(wire.VerbTask), "b", "test.Sure/Unknown", "")
	m := vent.recv()
	if len(m) == 2 && m[0] == string(wire.VerbExtend) && m[1] == "b" {
		m = vent.recv() // the worker may say that it has begun b
	}
	if m[0] != string(wire.VerbFail) || m[1] != "b" {
		t.Errorf("got %q", m)
	}
	new(TaskInfo).ReportProgress(0.5, "nobody") // has no effect
}

// After a takeover the new owner learns how far a running task is from what the
// worker said before: the handler says nothing more.
func TestProgressAfterTakeover(t *testing.T) {
	standbySites(t, func(s *standbySite) {
		t, within := s.t, testkit.Within(s.t)
		s.report = func(i *TaskInfo) { i.ReportProgress(0.5, "page 2 of 4") }
		s.push(within, s.vents[0], 100)
		for _, v := range s.vents {
			testkit.Eventually(t, "the progress", func() bool {
				list, _, _ := v.Tasks(TaskFilter{State: TaskRunning})
				return len(list) == 1 && list[0].Progress == 0.5 && list[0].ProgressText == "page 2 of 4"
			})
			if v == s.vents[0] {
				s.store.Revoke()
			}
		}
		close(s.hold)
		waitDone(t, s.vents[1])
		s.wantRuns(1)
	})
}

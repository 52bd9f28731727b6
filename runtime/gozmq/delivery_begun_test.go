package gozmq

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// ventilatorOfSlow returns the ventilator of a worker whose tasks with a body wait
// for release; the others take no time.
func ventilatorOfSlow(t *testing.T, release <-chan struct{}, opts ...WorkerOption) *rawPeer {
	t.Helper()
	endpoint, accept := listenRaw(t, zmtp.Router)
	work(t, []TaskHandler{HandleTaskOnly(sureLog, func(_ context.Context, task *bytez) error {
		if len(task.GetValue()) > 0 {
			<-release
		}
		return nil
	})}, append(opts, From(Connect(endpoint)))...)
	return accept()
}

// A task that takes no time costs one word, that of its end. A ventilator hears of
// every task that runs, while it runs.
func TestBegunCostsNoWord(t *testing.T) {
	const quick, slow = 500, 4
	release := make(chan struct{})
	defer close(release)
	vent := ventilatorOfSlow(t, release, WithConcurrency(slow), WithPrefetch(quick))
	vent.wantFrames(string(wire.VerbCredit), fmt.Sprint(quick+slow))
	for i := range quick {
		vent.send(string(wire.VerbTask), fmt.Sprint(i), sureLog.Procedure, "")
	}
	words := make(map[string]int)
	for words[string(wire.VerbDone)] < quick {
		words[vent.recv()[0]]++
	}
	if n := words[string(wire.VerbExtend)]; n > quick/2 {
		t.Errorf("%d words that a task was begun, for %d tasks that took no time", n, quick)
	}
	body := encode(t, wrapperspb.Bytes([]byte("slow")))
	for i := range slow {
		vent.send(string(wire.VerbTask), fmt.Sprint("slow ", i), sureLog.Procedure, body)
	}
	running := make(map[string]bool)
	for len(running) < slow {
		if m := vent.recv(); m[0] == string(wire.VerbExtend) {
			running[m[1]] = true
		}
	}
}

// A ventilator is never told that a task has begun which waits, although its record
// at the worker is that of a quick one before.
func TestWaitingTaskIsNotBegun(t *testing.T) {
	const rounds, quick, waiting = 40, 50, 20
	release := make(chan struct{})
	defer close(release)
	vent := ventilatorOfSlow(t, release, WithPrefetch(quick+waiting))
	vent.wantFrames(string(wire.VerbCredit), fmt.Sprint(quick+waiting+1))
	slow := encode(t, wrapperspb.Bytes([]byte("slow")))
	for round := range rounds {
		done := make(map[string]bool)
		tasks := func(kind, body string, n int) {
			for i := range n {
				vent.send(string(wire.VerbTask), fmt.Sprint(kind, round, ".", i), sureLog.Procedure, body)
			}
		}
		tasks("quick", "", quick)
		tasks("slow", slow, 1)
		tasks("waits", "", waiting)
		for released := false; len(done) < quick+waiting+1; {
			switch m := vent.recv(); {
			case m[0] == string(wire.VerbDone):
				done[m[1]] = true
			case m[1][:4] == "slow" && !released:
				released = true
				release <- struct{}{}
			case m[1][:4] == "wait" && !released:
				t.Fatalf("%s of %s, before which another task runs", m[0], m[1])
			}
		}
	}
}

// A worker reads many tasks ahead while they take no time, before it knows how far
// the ventilator is. When they become slow, it returns what does not begin soon,
// also once it has noticed.
func TestQuickTasksAreReadAhead(t *testing.T) {
	const many, slow = 34, 24
	release := make(chan struct{})
	defer close(release)
	vent := ventilatorOfSlow(t, release)
	for id, holds, credit := 0, 0, 0; credit < many || holds > 0; {
		for ; credit < many && holds < credit; holds++ {
			vent.send(string(wire.VerbTask), fmt.Sprint("quick", id), sureLog.Procedure, "")
			id++
		}
		switch m := vent.recv(); m[0] {
		case string(wire.VerbCredit):
			credit, _ = strconv.Atoi(m[1])
		case string(wire.VerbDone), string(wire.VerbReturn):
			holds--
		}
	}
	body := encode(t, wrapperspb.Bytes([]byte("slow")))
	for i := range slow {
		vent.send(string(wire.VerbTask), fmt.Sprint("slow", i), sureLog.Procedure, body)
	}
	for released, ended := 0, 0; ended < slow-2; { // one runs and one is read ahead
		switch m := vent.recv(); m[0] {
		case string(wire.VerbExtend):
			if released++; released <= 3 {
				release <- struct{}{}
			}
		case string(wire.VerbDone), string(wire.VerbReturn):
			ended++
		}
	}
}

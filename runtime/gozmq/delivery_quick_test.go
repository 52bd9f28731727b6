package gozmq

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A worker says of quick tasks together that they are done. It does so although the
// next one does not end.
func TestQuickTasksBeforeOneThatHangs(t *testing.T) {
	const quick, hangs = 2000, -1
	within := testkit.Within(t)
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"))
	var ended atomic.Uint64
	begun, release := make(chan struct{}), make(chan struct{})
	w := work(t, []TaskHandler{HandleTaskOnly(sureLog, func(_ context.Context, in *number) error {
		if in.GetValue() == hangs {
			close(begun)
			<-release
		}
		ended.Add(1)
		return nil
	})}, From(Connect(v.Addrs()...)))
	for i := range quick {
		if err := v.Push(within, sureLog, &number{Value: int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Push(within, sureLog, &number{Value: hangs}); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, begun, "the task that hangs")
	// It is the last one, unless the worker, while it got no time, has returned
	// some that it had read ahead.
	n := ended.Load()
	for who, progress := range map[string]func() Progress{"ventilator": v.Progress, "worker": w.Progress} {
		testkit.Eventually(t, "word to the "+who+" of what was done before", func() bool { return progress().Done == n })
	}
	close(release)
	waitDone(t, v)
	wantProgress(t, v.Progress, Progress{Done: quick + 1})
}

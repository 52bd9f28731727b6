package gozmq

import (
	"context"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A worker says of quick tasks together that they are done. It does so although the
// next one does not end.
func TestQuickTasksBeforeOneThatHangs(t *testing.T) {
	const quick, hangs = 2000, -1
	within := testkit.Within(t)
	v := ventilator(t, DeliveryAtLeastOnce, Bind("tcp://127.0.0.1:*"))
	release := make(chan struct{})
	w := work(t, []TaskHandler{HandleTaskOnly(sureLog, func(_ context.Context, in *number) error {
		if in.GetValue() == hangs {
			<-release
		}
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
	wantProgress(t, v.Progress, Progress{Done: quick, InFlight: 1})
	wantProgress(t, w.Progress, Progress{Done: quick, InFlight: 1})
	close(release)
	waitDone(t, v)
	wantProgress(t, v.Progress, Progress{Done: quick + 1})
}

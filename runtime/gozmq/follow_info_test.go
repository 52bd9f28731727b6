package gozmq_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/runtime/internal/testproto"
)

// TestFollowStateInfo: in a loop over a followed state, each update has its own
// description, as interceptors see it, and a snapshot has the metadata of its reply
// and nothing of the publication before it.
func TestFollowStateInfo(t *testing.T) {
	c := &counters{values: make(map[string]int)}
	c.restart(t, gozmq.Bind(testkit.ClosedPort(t)))
	t.Cleanup(func() { c.pub.Close() })
	snapshots := 0
	conn := gozmqtest.NewConn(t, func(r gozmq.Registrar) error {
		return r.RegisterService(gozmq.Service{Name: "test.Counters", Handlers: []gozmq.Handler{gozmq.Handle(&readCounters, func(ctx context.Context, req *text) (*text, error) {
			snapshots++
			if err := gozmq.CallInfoFromContext(ctx).AddReplyHeader("snapshot", fmt.Sprint(snapshots)); err != nil {
				return nil, err
			}
			return c.read(ctx, req)
		})}})
	})
	proxy := gozmqtest.NewProxy(t, c.pub.Addrs()[0])
	intercepted := make(chan string, 100)
	sub, err := gozmq.NewSubscriber(gozmq.Connect(proxy.Endpoint()), gozmq.WithReconnectBackoff(time.Millisecond, 10*time.Millisecond),
		gozmq.WithInterceptors(func(ctx context.Context, call *gozmq.CallInfo, m proto.Message, next gozmq.Next) (proto.Message, error) {
			intercepted <- call.Metadata.Get("n")
			return next(ctx, m)
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()

	change := func(n int) {
		t.Helper()
		m := &testproto.Reading{Station: "a", Note: proto.String(fmt.Sprint(n))}
		if err := gozmq.Publish(gozmq.AppendMetadata(t.Context(), "n", fmt.Sprint(n)), c.pub, &counterTopic, m); err != nil {
			t.Fatal(err)
		}
	}
	wantLive := func(info *gozmq.PublicationInfo, n int, began time.Time) {
		t.Helper()
		if info.Topic != "counter/a" || info.Metadata.Get("n") != fmt.Sprint(n) || info.Metadata.Get("snapshot") != "" || info.Sequence == 0 ||
			info.Publisher != c.pub.Position().Publisher || info.Peer == nil || info.Time.Before(began.Add(-time.Second)) || info.Context() == nil {
			t.Errorf("update %d has %+v", n, info)
		}
		if got := testkit.Receive(t, intercepted, "the interceptor"); got != fmt.Sprint(n) {
			t.Errorf("the interceptor has seen %q, want %d", got, n)
		}
	}
	began, updates, seen := time.Now(), 0, 0
	cut, renewed := false, false
	var info gozmq.PublicationInfo
	for step, err := range gozmq.FollowState[text, testproto.Reading](gozmq.StoreInfo(testkit.Within(t), &info), sub, conn, &readCounters, new(text), []counterFilter{{}}) {
		switch {
		case err != nil: // of the connection that was cut
			if info.Topic != "" || info.Metadata != nil || info.Context() == nil {
				t.Errorf("%v has %+v", err, info)
			}
		case step.Snapshot != nil:
			seen++
			if len(info.Metadata) != 1 || info.Metadata.Get("snapshot") == "" || info.Topic != "" || info.Sequence != 0 || info.Peer != nil || info.Context() == nil {
				t.Errorf("snapshot %d has %+v", seen, info)
			}
			renewed = cut
			updates++
			change(updates)
		default:
			n, err := strconv.Atoi(step.Update.GetNote())
			if err != nil || n > updates {
				t.Fatalf("update %q, want %d", step.Update.GetNote(), updates)
			}
			wantLive(&info, n, began)
			switch {
			case n < updates: // a connection that is made just then asks for another snapshot
			case renewed:
				return
			case updates < 3:
				updates++
				change(updates)
			default:
				cut = true
				proxy.Reset() // asks for another snapshot
			}
		}
	}
	t.Errorf("the loop has ended after %d snapshots and %d updates", seen, updates)
}

package gozmqhealth_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqhealth"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
	"github.com/gozmq/gozmq/runtime/gozmqv1gozmq"
)

// serve runs a server with a Health and returns a Conn to it.
func serve(t *testing.T, where gozmq.Endpoints) (*gozmqhealth.Health, *gozmq.Conn) {
	t.Helper()
	var health *gozmqhealth.Health
	addrs := gozmqtest.Serve(t, func(r gozmq.Registrar) (err error) {
		health, err = gozmqhealth.Register(r)
		return err
	}, where)
	return health, gozmqtest.Open(gozmq.Dial(gozmq.Connect(addrs...))).For(t)
}

func TestHealthOverTheWire(t *testing.T) {
	for name, endpoint := range map[string]string{"tcp": "tcp://127.0.0.1:*", "ipc": "ipc://*", "inproc": gozmqtest.Endpoint()} {
		t.Run(name, func(t *testing.T) {
			health, conn := serve(t, gozmq.Bind(endpoint))
			client := gozmqv1gozmq.NewHealthClient(conn)
			resp, err := client.Check(testkit.Within(t), &gozmqv1.HealthCheckRequest{})
			if err != nil || resp.GetStatus() != gozmqv1.HealthStatus_HEALTH_STATUS_SERVING {
				t.Fatalf("Check = %v, %v", resp, err)
			}
			var wg sync.WaitGroup
			defer wg.Wait()
			for range 8 {
				wg.Go(func() {
					next, err := client.Check(testkit.Within(t), &gozmqv1.HealthCheckRequest{Version: resp.GetVersion(), MaxWait: durationpb.New(time.Minute)})
					if err != nil || next.GetStatus() != gozmqv1.HealthStatus_HEALTH_STATUS_NOT_SERVING {
						t.Errorf("Check = %v, %v", next, err)
					}
				})
			}
			health.Set("", false)
		})
	}
}

// A stream gets each change, and ends with the server's graceful stop, so that the
// client opens it elsewhere.
func TestStreamOverTheWire(t *testing.T) {
	srv, err := gozmq.NewServer(gozmq.Bind(gozmqtest.Endpoint()), gozmq.WithDrainTimeout(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	health, err := gozmqhealth.Register(srv)
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	stop := gozmqtest.Run(t, func(ctx context.Context) error { return srv.Serve(ctx) })
	client := gozmqv1gozmq.NewHealthClient(gozmqtest.Open(gozmq.Dial(gozmq.Connect(srv.Addrs()...))).For(t))
	var got []gozmqv1.HealthStatus
	var end error
	for resp, err := range client.Watch(testkit.Within(t), &gozmqv1.HealthWatchRequest{Service: "a.Service"}) {
		if err != nil {
			end = err
			break
		}
		got = append(got, resp.GetStatus())
		switch len(got) {
		case 1:
			health.Set("a.Service", true)
		case 2:
			health.Shutdown()
		case 3:
			go stop()
		}
	}
	want := []gozmqv1.HealthStatus{
		gozmqv1.HealthStatus_HEALTH_STATUS_SERVICE_UNKNOWN,
		gozmqv1.HealthStatus_HEALTH_STATUS_SERVING,
		gozmqv1.HealthStatus_HEALTH_STATUS_NOT_SERVING,
	}
	if !slices.Equal(got, want) || gozmq.CodeOf(end) != gozmq.CodeUnavailable {
		t.Errorf("got %v, %v", got, end)
	}
}

// A server that is stopped after Shutdown does not wait for those who watch.
func TestShutdownFreesTheDrain(t *testing.T) {
	srv, err := gozmq.NewServer(gozmq.Bind(gozmqtest.Endpoint()), gozmq.WithDrainTimeout(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	health, err := gozmqhealth.Register(srv)
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	stop := gozmqtest.Run(t, func(ctx context.Context) error { return srv.Serve(ctx) })
	conn := gozmqtest.Open(gozmq.Dial(gozmq.Connect(srv.Addrs()...))).For(t)
	statuses := make(chan gozmqv1.HealthStatus, 1)
	ctx, cancel := context.WithCancel(testkit.Within(t))
	var wg sync.WaitGroup
	wg.Go(func() {
		for status, err := range gozmqhealth.Watch(ctx, conn, "") {
			if err != nil {
				return // the server is gone
			}
			statuses <- status
		}
	})
	if s := <-statuses; s != gozmqv1.HealthStatus_HEALTH_STATUS_SERVING {
		t.Errorf("got %v", s)
	}
	health.Shutdown()
	if s := <-statuses; s != gozmqv1.HealthStatus_HEALTH_STATUS_NOT_SERVING {
		t.Errorf("got %v", s)
	}
	stop()
	cancel()
	wg.Wait()
}

func TestRegisterTwice(t *testing.T) {
	srv, err := gozmq.NewServer(gozmq.Bind(gozmqtest.Endpoint()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gozmqhealth.Register(srv); err != nil {
		t.Fatal(err)
	}
	if h, err := gozmqhealth.Register(srv); err == nil || h != nil || !strings.Contains(err.Error(), "registered already") {
		t.Errorf("a second Register gave %v, %v", h, err)
	}
}

// Everything at once, for the race detector: who watches sees changes only, and
// who asks after Shutdown sees nothing serving.
func TestConcurrentUse(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	health, conn := serve(t, gozmq.Bind(gozmqtest.Endpoint()))
	ctx, cancel := context.WithCancel(testkit.Within(t))
	var watching, setting sync.WaitGroup
	services := []string{"", "a.Service", "b.Service"}
	for i, service := range services {
		watching.Go(func() { wantChanges(ctx, t, conn, service) })
		setting.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for range 500 {
				health.Set(service, r.IntN(2) == 0)
			}
		})
	}
	setting.Wait()
	health.Shutdown()
	for _, service := range services {
		for status, err := range gozmqhealth.Watch(ctx, conn, service) {
			if err != nil || status != gozmqv1.HealthStatus_HEALTH_STATUS_NOT_SERVING {
				t.Errorf("%q is %v, %v after Shutdown", service, status, err)
			}
			break
		}
	}
	cancel()
	watching.Wait()
}

// wantChanges watches a service until ctx ends; no status may come twice in a
// row.
func wantChanges(ctx context.Context, t *testing.T, conn *gozmq.Conn, service string) {
	last := gozmqv1.HealthStatus_HEALTH_STATUS_UNSPECIFIED
	for status, err := range gozmqhealth.Watch(ctx, conn, service) {
		if err != nil || status == last {
			t.Errorf("%q: %v, %v came behind %v", service, status, err, last)
		}
		last = status
	}
}

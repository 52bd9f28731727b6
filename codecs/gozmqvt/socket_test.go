package gozmqvt

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/codecs/gozmqvt/internal/testvt"
	"github.com/gozmq/gozmq/internal/leak"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

func TestMain(m *testing.M) { leak.Main(m) }

var (
	readMethod  = &gozmq.Method{Procedure: "testvt.Service/Read"}
	orderMethod = &gozmq.Method{Procedure: "testvt.Service/Order"}
)

// serve runs a server that echoes, until the test ends.
func serve(t *testing.T, opts ...gozmq.ServerOption) (addr string) {
	t.Helper()
	s, err := gozmq.NewServer(append(opts, gozmq.Bind("tcp://127.0.0.1:*"))...)
	if err != nil {
		t.Fatal(err)
	}
	err = s.RegisterService(gozmqimpl.Service{Name: "testvt.Service", Handlers: []gozmqimpl.Handler{
		gozmqimpl.Handle(readMethod, func(_ context.Context, m *testvt.Reading) (*testvt.Reading, error) { return m, nil }),
		gozmqimpl.Handle(orderMethod, func(_ context.Context, m *testvt.Order) (*testvt.Order, error) { return m, nil }),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.Addrs()[0]
}

// TestCalls checks that each end chooses its codec for itself, with several
// calls at once.
func TestCalls(t *testing.T) {
	codec := New()
	for name, with := range map[string]struct{ server, client bool }{
		"both": {true, true}, "server": {true, false}, "client": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			var server []gozmq.ServerOption
			var client []gozmq.DialOption
			if with.server {
				server = append(server, gozmq.WithCodec(codec))
			}
			if with.client {
				client = append(client, gozmq.WithCodec(codec))
			}
			conn, err := gozmq.Dial(append(client, gozmq.Connect(serve(t, server...)))...)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 50 {
						got, err := gozmqimpl.Call[testvt.Reading](ctx, conn, readMethod, reading())
						if err != nil || !proto.Equal(got, reading()) {
							t.Errorf("got %v, %v", got, err)
							return
						}
					}
				})
			}
			wg.Wait()
			if _, err := gozmqimpl.Call[testvt.Order](ctx, conn, orderMethod, new(testvt.Order)); gozmq.CodeOf(err) != gozmq.CodeInvalidArgument {
				t.Errorf("a required field is not set: %v", err)
			}
			if _, err := gozmqimpl.Call[testvt.Order](ctx, conn, orderMethod, order()); err != nil {
				t.Error(err)
			}
		})
	}
}

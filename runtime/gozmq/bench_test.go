package gozmq_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// load is a unary benchmark's number of callers and size of message.
type load struct{ callers, size int }

func (l load) String() string { return fmt.Sprintf("%dB/callers=%d", l.size, l.callers) }

var loads = []load{{1, 64}, {64, 64}, {16, 1 << 10}, {16, 64 << 10}}

// run makes b.N calls, shared among the callers.
func (l load) run(b *testing.B, call func(caller int) error) {
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range l.callers {
		wg.Go(func() {
			for n := i; n < b.N; n += l.callers {
				if err := call(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

var echoMethod = &gozmq.Method{Procedure: "bench.Echo/Echo"}

// echoConns opens connections to a server over tcp, in this process, until the
// benchmark ends.
func echoConns(b *testing.B, conns int) []*gozmq.Conn {
	b.Helper()
	srv, err := gozmq.NewServer(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		b.Fatal(err)
	}
	err = srv.RegisterService(gozmqimpl.Service{Name: "bench.Echo", Handlers: []gozmqimpl.Handler{
		gozmqimpl.Handle(echoMethod, func(_ context.Context, m *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) { return m, nil }),
	}})
	if err != nil {
		b.Fatal(err)
	}
	if err := srv.Listen(); err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- srv.Serve(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	list := make([]*gozmq.Conn, conns)
	for i := range list {
		if list[i], err = gozmq.Dial(gozmq.Connect(srv.Addrs()...)); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { list[i].Close() })
		if _, err := gozmqimpl.Call[wrapperspb.BytesValue](ctx, list[i], echoMethod, wrapperspb.Bytes(nil)); err != nil {
			b.Fatal(err) // it dials in the background
		}
	}
	return list
}

// BenchmarkUnary measures calls, all callers on one connection.
func BenchmarkUnary(b *testing.B) {
	conn := echoConns(b, 1)[0]
	for _, l := range loads {
		b.Run(l.String(), func(b *testing.B) {
			req := wrapperspb.Bytes(make([]byte, l.size))
			l.run(b, func(int) error {
				_, err := gozmqimpl.Call[wrapperspb.BytesValue](context.Background(), conn, echoMethod, req)
				return err
			})
		})
	}
}

// BenchmarkUnaryConns measures calls where each caller goes round connections of
// its own.
func BenchmarkUnaryConns(b *testing.B) {
	l := load{64, 64}
	for _, each := range []int{1, 16} {
		b.Run(fmt.Sprintf("conns=%d", each*l.callers), func(b *testing.B) {
			conns := echoConns(b, each*l.callers)
			turns := make([]int, l.callers)
			req := wrapperspb.Bytes(make([]byte, l.size))
			l.run(b, func(i int) error {
				turns[i]++
				conn := conns[i*each+turns[i]%each]
				_, err := gozmqimpl.Call[wrapperspb.BytesValue](context.Background(), conn, echoMethod, req)
				return err
			})
		})
	}
}

// BenchmarkRawEcho is the floor: the same bytes over one plain tcp connection
// per caller, without any protocol.
func BenchmarkRawEcho(b *testing.B) {
	for _, l := range loads {
		b.Run(l.String(), func(b *testing.B) {
			conns := rawEcho(b, l)
			buf := make([]byte, l.callers*l.size)
			l.run(b, func(i int) error {
				own := buf[i*l.size:][:l.size]
				if _, err := conns[i].Write(own); err != nil {
					return err
				}
				_, err := io.ReadFull(conns[i], own)
				return err
			})
		})
	}
}

func rawEcho(b *testing.B, l load) []net.Conn {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	conns := make([]net.Conn, l.callers)
	var wg sync.WaitGroup
	b.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
		ln.Close()
		wg.Wait()
	})
	for i := range conns {
		if conns[i], err = net.Dial("tcp", ln.Addr().String()); err != nil {
			b.Fatal(err)
		}
		peer, err := ln.Accept()
		if err != nil {
			b.Fatal(err)
		}
		wg.Go(func() {
			defer peer.Close()
			buf := make([]byte, l.size)
			for {
				if _, err := io.ReadFull(peer, buf); err != nil {
					return
				}
				if _, err := peer.Write(buf); err != nil {
					return
				}
			}
		})
	}
	return conns
}

// BenchmarkPush measures tasks from a ventilator straight to a sink over tcp.
func BenchmarkPush(b *testing.B) {
	method := &gozmq.Method{Procedure: "bench.Task", Bare: true}
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			vent, err := gozmq.NewVentilator(gozmq.Bind("tcp://127.0.0.1:*"))
			if err != nil {
				b.Fatal(err)
			}
			defer vent.Close()
			sink, err := gozmq.NewSink(gozmq.Connect(vent.Addrs()...))
			if err != nil {
				b.Fatal(err)
			}
			defer sink.Close()
			ctx := context.Background()
			if err := vent.WaitForWorkers(ctx, 1); err != nil {
				b.Fatal(err)
			}
			task := wrapperspb.Bytes(make([]byte, size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			go func() {
				for range b.N {
					if err := gozmqimpl.Push(ctx, vent, method, task); err != nil {
						b.Error(err)
						return
					}
				}
			}()
			n := 0
			for _, err := range gozmqimpl.Results[wrapperspb.BytesValue](ctx, sink, method) {
				if err != nil {
					b.Fatal(err)
				}
				if n++; n == b.N {
					break
				}
			}
		})
	}
}

// BenchmarkPublish measures what publishing costs, by who listens: nobody, or
// one subscriber that takes what it can.
func BenchmarkPublish(b *testing.B) {
	const name = "bench.Feed/Topic"
	topic := gozmqimpl.NewTopic[wrapperspb.BytesValue](name, name)
	msg := wrapperspb.Bytes(make([]byte, 64))
	for _, subscribers := range []int{0, 1} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			pub, err := gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*"))
			if err != nil {
				b.Fatal(err)
			}
			defer pub.Close()
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			defer wg.Wait()
			defer cancel()
			for range subscribers {
				sub, err := gozmq.NewSubscriber(gozmq.Connect(pub.Addrs()...))
				if err != nil {
					b.Fatal(err)
				}
				wg.Go(func() {
					defer sub.Close()
					for range gozmqimpl.SubscribeAll(ctx, sub, topic) {
					}
				})
			}
			if err := pub.WaitForSubscribers(ctx, name, subscribers); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if err := gozmqimpl.Publish(ctx, pub, topic, msg); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(pub.Dropped())/float64(b.N), "dropped/op")
		})
	}
}

package gozmq

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
)

// TestDefaultEventHandler checks who hears of the events of a socket.
func TestDefaultEventHandler(t *testing.T) {
	common, own := newRecorder(), newRecorder()
	SetDefaultEventHandler(common.Record)
	t.Cleanup(func() { SetDefaultEventHandler(nil) })
	server := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers())
	common.wait(t, EventListening, 1)
	mustEcho(t, dial(t, Connect(server.addr()), own.option()))
	own.wait(t, EventConnected, 1)
	common.wait(t, EventConnected, 1)
	for _, e := range common.all() {
		if e.SocketType != "ROUTER" {
			t.Errorf("the default handler got %v of a socket that has its own", e)
		}
	}
	SetDefaultEventHandler(nil)
	if o := newObserver(nil, nil); o.wanted() {
		t.Error("there is an observer although nobody listens")
		o.close()
	}
}

func TestEnvironmentLog(t *testing.T) {
	const listening, probed = "zeromq listening", "zeromq probed"
	for _, tt := range []struct {
		value      string
		want, lack []string
	}{
		{"", nil, []string{"zeromq", "GOZMQ_LOG"}},
		{"off", nil, []string{"zeromq", "GOZMQ_LOG"}},
		{"info", []string{listening}, []string{probed}},
		{"debug", []string{listening, "level=DEBUG msg=\"" + probed + "\""}, nil},
		{"loud", []string{`GOZMQ_LOG="loud" is not known: want info, debug or off`}, []string{listening}},
	} {
		t.Run(tt.value, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestEnvironmentLogHelper$")
			cmd.Env = append(os.Environ(), "GOZMQ_LOG="+tt.value, "GOZMQ_LOG_HELPER=1")
			var out bytes.Buffer
			cmd.Stderr = &out
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v: %s", err, &out)
			}
			for _, want := range tt.want {
				if strings.Count(out.String(), want) != 1 {
					t.Errorf("want %q once in:\n%s", want, &out)
				}
			}
			for _, lack := range tt.lack {
				if strings.Contains(out.String(), lack) {
					t.Errorf("want no %q in:\n%s", lack, &out)
				}
			}
		})
	}
}

// TestEnvironmentLogHelper is the program that TestEnvironmentLog runs.
func TestEnvironmentLogHelper(t *testing.T) {
	if os.Getenv("GOZMQ_LOG_HELPER") == "" {
		t.Skip("run by TestEnvironmentLog")
	}
	events := newRecorder()
	server := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), events.option())
	probe(t, server.addr())
	events.wait(t, EventProbed, 1)
}

// probe connects as a load balancer does.
func probe(t *testing.T, endpoint string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// TestProbe checks that a connection without a byte is one event, below Info.
func TestProbe(t *testing.T) {
	events := newRecorder()
	server := serve(t, Bind("tcp://127.0.0.1:*"), echoHandlers(), events.option())
	const probes = 5
	for range probes {
		probe(t, server.addr())
	}
	events.wait(t, EventProbed, probes)
	mustEcho(t, dial(t, Connect(server.addr())))
	if s := server.Stats(); s.Probed != probes || s.HandshakesFailed != 0 {
		t.Errorf("counted %d probes and %d failed handshakes, want %d and none", s.Probed, s.HandshakesFailed, probes)
	}
	if n := events.count(EventHandshakeFailed); n > 0 {
		t.Errorf("%d failed handshakes were reported", n)
	}
}

// TestGoodbyeIsNoWarning checks that ends that go as they should are no warnings,
// on both sides of each pattern, also while messages are on their way.
func TestGoodbyeIsNoWarning(t *testing.T) {
	overEach(t, func(t *testing.T, s site) {
		events := newRecorder()
		server := serve(t, Bind(s.endpoint), echoHandlers(), events.option())
		c := dial(t, Connect(server.addr()), events.option())
		mustEcho(t, c)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		c = dial(t, Connect(server.addr()), events.option(), WithHeartbeat(0, 0))
		mustEcho(t, c)
		if err := server.stop(); err != nil {
			t.Error(err)
		}
		p := publisher(t, Bind(s.endpoint), events.option())
		sub := subscriber(t, Connect(p.Addrs()[0]), events.option())
		listen(t, p, sub)
		ctx, cancel := context.WithCancel(testkit.Within(t))
		published := make(chan struct{})
		go func() {
			defer close(published)
			for ctx.Err() == nil {
				publish(t, p, at("ams", "x"))
			}
		}()
		gone := events.count(EventDisconnected)
		if err := sub.Close(); err != nil {
			t.Error(err)
		}
		events.wait(t, EventDisconnected, gone+2)
		cancel()
		<-published
		pipelineGoodbyes(t, s, events)
		for _, e := range events.all() {
			if e.Kind == EventDisconnected && e.Level() > 0 {
				t.Errorf("a goodbye is logged at %v: %v", e.Level(), e)
			}
		}
	})
}

// pipelineGoodbyes ends the roles of a pipeline, with each guarantee, one after the
// other: the worker while its peers stay, then the rest.
func pipelineGoodbyes(t *testing.T, s site, events *recorder) {
	t.Helper()
	for i, m := range []*Method{squareMethod, sureMethod} {
		at := s
		if strings.HasPrefix(s.endpoint, "inproc") {
			at.endpoint += fmt.Sprint("/tasks", i)
		}
		p := at.pipeline(t, []VentilatorOption{m.Delivery, events.option().(VentilatorOption)}, []SinkOption{m.Delivery, events.option().(SinkOption)})
		w := work(t, []TaskHandler{HandleTask(m, squares)}, p.from, p.to, events.option().(WorkerOption))
		pushNumbers(t, p.Ventilator, m, 3)
		n := 0
		ctx, stop := context.WithCancel(testkit.Within(t))
		for _, err := range Results[number](ctx, p.Sink, m) {
			if err != nil {
				t.Error(err)
			}
			if n++; n == 3 {
				stop()
			}
		}
		stop()
		if m.Delivery == DeliveryAtLeastOnce {
			waitDone(t, p.Ventilator)
		}
		gone := events.count(EventDisconnected)
		if err := w.stop(); err != nil {
			t.Error(err)
		}
		if err := p.Ventilator.Close(); err != nil {
			t.Error(err)
		}
		if err := p.Sink.Close(); err != nil {
			t.Error(err)
		}
		events.wait(t, EventDisconnected, gone+4)
	}
}

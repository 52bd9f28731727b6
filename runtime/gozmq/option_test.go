package gozmq

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

// constructors makes every kind of socket with an option that all of them
// take, and returns what that fails with.
var constructors = map[string]func(SocketOption, Endpoints) (io.Closer, error){
	"dial":       func(o SocketOption, e Endpoints) (io.Closer, error) { return closer(Dial(o, e)) },
	"publisher":  func(o SocketOption, e Endpoints) (io.Closer, error) { return closer(NewPublisher(o, e)) },
	"subscriber": func(o SocketOption, e Endpoints) (io.Closer, error) { return closer(NewSubscriber(o, e)) },
	"ventilator": func(o SocketOption, e Endpoints) (io.Closer, error) { return closer(NewVentilator(o, e)) },
	"sink":       func(o SocketOption, e Endpoints) (io.Closer, error) { return closer(NewSink(o, e)) },
	"server": func(o SocketOption, e Endpoints) (io.Closer, error) {
		s, err := idleServer(o, e)
		if err != nil {
			return nil, err
		}
		if err := s.Listen(); err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
		return s, nil
	},
	"worker test.Tasks": func(o SocketOption, e Endpoints) (io.Closer, error) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return nil, RunWorker(ctx, "test.Tasks", noHandlers, o, From(e))
	},
}

func noHandlers() []TaskHandler { return nil }

// closer keeps a nil pointer from becoming an interface that is not nil.
func closer[C io.Closer](c C, err error) (io.Closer, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

func TestSocketOptions(t *testing.T) {
	tests := []struct {
		name string
		bad  SocketOption
		part string
	}{
		{"identity too long", WithRoutingID(strings.Repeat("x", 256)), "WithRoutingID: identity has 256 bytes"},
		{"identity with a zero byte", WithRoutingID("\x00x"), "WithRoutingID: identity \"\\x00x\" begins with a zero byte"},
		{"no message size", WithMaxMessageSize(0), "WithMaxMessageSize: 0 bytes"},
		{"negative message size", WithMaxMessageSize(-1), "WithMaxMessageSize: -1 bytes"},
		{"no messages in the queue", WithSendQueue(0, 1), "WithSendQueue: 0 messages and 1 bytes"},
		{"no bytes in the queue", WithSendQueue(1, 0), "WithSendQueue: 1 messages and 0 bytes"},
		{"heartbeat timeout too short", WithHeartbeat(10*time.Second, 19*time.Second), "WithHeartbeat: timeout 19s, want at least twice the interval of 10s"},
		{"heartbeat timeout without an interval", WithHeartbeat(0, time.Second), "WithHeartbeat: timeout 1s without an interval"},
		{"negative heartbeat", WithHeartbeat(-1, time.Second), "WithHeartbeat: interval -1ns"},
		{"reconnect limit below first", WithReconnectBackoff(2*time.Second, time.Second), "WithReconnectBackoff: first 2s and limit 1s"},
		{"no reconnect pause", WithReconnectBackoff(0, time.Second), "WithReconnectBackoff: first 0s"},
		{"no connect timeout", WithConnectTimeout(0, time.Second), "WithConnectTimeout: 0s and 1s"},
		{"no handshake timeout", WithConnectTimeout(time.Second, 0), "WithConnectTimeout: 1s and 0s"},
		{"no handshakes", WithMaxHandshakes(0), "WithMaxHandshakes: 0"},
		{"no peers", WithMaxPeers(0), "WithMaxPeers: 0"},
		{"no peers of an address", WithMaxPeersPerAddress(0), "WithMaxPeersPerAddress: 0"},
		{"negative linger", WithLinger(-1), "WithLinger: -1ns"},
	}
	for kind, open := range constructors {
		t.Run(kind, func(t *testing.T) {
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					_, err := open(tt.bad, Bind("inproc://"+t.Name()))
					wantText(t, err, kind+": ", tt.part)
				})
			}
		})
	}
}

func TestSocketOptionsGood(t *testing.T) {
	good := []SocketOption{
		WithRoutingID("me"), WithMaxMessageSize(1), WithSendQueue(1, 1), WithHeartbeat(0, 0), WithHeartbeat(time.Second, 2*time.Second),
		WithReconnectBackoff(1, 1), WithConnectTimeout(time.Second, time.Second), WithMaxHandshakes(1), WithMaxPeers(1), WithMaxPeersPerAddress(1), WithLinger(0), WithStopWhenRefused(), WithEventHandler(nil), WithResolver(nil),
	}
	for kind, open := range constructors {
		t.Run(kind, func(t *testing.T) {
			for _, o := range good {
				c, err := open(o, Bind("inproc://"+t.Name()))
				if err != nil {
					t.Fatal(err)
				}
				if c != nil && c.Close() != nil {
					t.Error("Close failed")
				}
			}
		})
	}
}

// The defaults are what the documentation says, for every role.
func TestDefaults(t *testing.T) {
	for _, kind := range []zmtp.SocketType{zmtp.Dealer, zmtp.Router, zmtp.Pub, zmtp.Sub, zmtp.Push, zmtp.Pull} {
		c := newSocketConfig(kind, "")
		for _, tt := range []struct {
			name      string
			got, want any
		}{
			{"send queue", c.SendQueue, 1000},
			{"send queue in bytes", c.SendQueueBytes, 4 << 20},
			{"linger", c.linger, time.Second},
			{"first reconnect pause", c.ReconnectMin, 100 * time.Millisecond},
			{"longest reconnect pause", c.ReconnectMax, 30 * time.Second},
			{"connect timeout", c.ConnectTimeout, 10 * time.Second},
			{"handshake timeout", c.HandshakeTimeout, 10 * time.Second},
			{"handshakes", c.MaxHandshakes, 256},
			{"peers", c.MaxPeers, 65536},
			{"peers of an address", c.MaxPeersPerAddress, 4096},
			{"heartbeat interval", c.HeartbeatInterval, 10 * time.Second},
			{"heartbeat timeout", c.HeartbeatTimeout, 30 * time.Second},
			{"heartbeat time to live", c.HeartbeatTTL, 30 * time.Second},
			{"message size", c.MaxMessageSize, 4 << 20},
			{"identity", c.Identity, ""},
			{"announced as ours", c.Plain, false},
			{"socket type", c.SocketType, kind},
			{"what is wrong", c.check(), error(nil)},
		} {
			if tt.got != tt.want {
				t.Errorf("%s: %s is %v, want %v", kind, tt.name, tt.got, tt.want)
			}
		}
	}
	if want := (queueConfig{1000, 1 << 20}); defaultQueue != want {
		t.Errorf("the receive queue is %+v, want %+v", defaultQueue, want)
	}
	s, c := newServer(t, Bind("inproc://x")), dial(t, Bind("inproc://"+t.Name()))
	if s.cfg.concurrency != 10000 || s.cfg.queue != 0 || s.cfg.drain != 10*time.Second || c.client.Ready != 10*time.Second {
		t.Errorf("the server has %+v, a Conn waits %v for a server", s.cfg, c.client.Ready)
	}
	w := newWorkerConfig([]WorkerOption{From(Bind("inproc://x"))})
	if err := w.check(false); err != nil || w.concurrency != 1 || w.drain != 10*time.Second {
		t.Errorf("the worker has %+v, %v", w, err)
	}
}

// Everything that is wrong is said at once.
func TestOptionsReportEverything(t *testing.T) {
	_, err := Dial(Bind("inproc://"+t.Name()), WithMaxPeers(0), WithLinger(-1), WithMaxMessageSize(0))
	wantText(t, err, "dial: ", "WithMaxPeers", "WithLinger", "WithMaxMessageSize")
}

func TestEndpointErrors(t *testing.T) {
	taken := serve(t, Bind("tcp://127.0.0.1:*", "inproc://"+t.Name()+"/taken"), nil)
	tests := []struct {
		name      string
		endpoints Endpoints
		parts     []string
	}{
		{"none", Endpoints{}, []string{"no endpoint: pass gozmq.Bind or gozmq.Connect"}},
		{"none bound", Bind(), []string{"no endpoint"}},
		{"no scheme", Bind("127.0.0.1:1"), []string{"127.0.0.1:1"}},
		{"unknown scheme", Connect("udp://127.0.0.1:1"), []string{"udp"}},
		{"no port", Connect("tcp://127.0.0.1"), []string{"tcp://127.0.0.1"}},
		{"connect to any host", Connect("tcp://*:1"), []string{"tcp://*:1"}},
		{"connect to any port", Connect("tcp://127.0.0.1:*"), []string{"tcp://127.0.0.1:*"}},
		{"second one wrong", Bind("inproc://"+t.Name()+"/free", "what://"), []string{"what"}},
		{"wrong one to connect beside a good one to bind", Endpoints{bind: targets([]string{"inproc://x"}), connect: targets([]string{"what://"})}, []string{"what"}},
		{"port taken", Bind(taken.Addrs()[0]), []string{taken.Addrs()[0], "in use"}},
		{"name taken", Bind(taken.Addrs()[1]), []string{taken.Addrs()[1], "in use"}},
		{"interface that is not there", Bind("tcp://nosuchinterface0:1"), []string{"nosuchinterface0"}},
		{"ipc in no folder", Bind("ipc:///no/such/folder/x"), []string{"/no/such/folder/x"}},
	}
	for kind, open := range constructors {
		t.Run(kind, func(t *testing.T) {
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					_, err := open(WithLinger(0), tt.endpoints)
					if kind == "worker test.Tasks" && strings.HasPrefix(tt.name, "none") {
						wantText(t, err, kind, "no endpoint for tasks: pass gozmq.From")
						return
					}
					wantText(t, err, append(tt.parts, kind+": ")...)
				})
			}
		})
	}
}

func TestRoleOptions(t *testing.T) {
	where := Bind("inproc://" + t.Name())
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	worker := func(opts ...WorkerOption) error {
		return RunWorker(ended, "test.Tasks", noHandlers, append(opts, From(where))...)
	}
	result := func() []TaskHandler {
		return []TaskHandler{HandleTask(&Method{Procedure: "test.Tasks/T"}, echo)}
	}
	tests := []struct {
		name string
		err  error
		part string
	}{
		{"server concurrency", errOf(NewServer(WithConcurrency(0), where)), "server: WithConcurrency: 0, want at least 1"},
		{"server queue", errOf(NewServer(WithMaxWaiting(-1), where)), "server: WithMaxWaiting: -1, want 0 or more"},
		{"server drain", errOf(NewServer(WithDrainTimeout(-1), where)), "server: WithDrainTimeout: -1ns, want 0 or more"},
		{"ready timeout", errOf(Dial(WithReadyTimeout(-1), where)), "dial: WithReadyTimeout: -1ns, want 0 or more"},
		{"nil interceptor of a Conn", errOf(Dial(WithInterceptors(nil), where)), "dial: WithInterceptors"},
		{"nil interceptor of a publisher", errOf(NewPublisher(WithInterceptors(nil), where)), "publisher: WithInterceptors"},
		{"nil interceptor of a subscriber", errOf(NewSubscriber(WithInterceptors(nil), where)), "subscriber: WithInterceptors"},
		{"nil interceptor of a ventilator", errOf(NewVentilator(WithInterceptors(nil), where)), "ventilator: WithInterceptors"},
		{"nil interceptor of a sink", errOf(NewSink(WithInterceptors(nil), where)), "sink: WithInterceptors"},
		{"nil interceptor of a worker", worker(WithInterceptors(nil)), "worker test.Tasks: WithInterceptors"},
		{"server without services", newServer(t, where).Serve(ended), "serve: no service is registered: call the generated Register"},
		{"nil interceptor of a server", errOf(NewServer(WithInterceptors(nil), where)), "server: WithInterceptors"},
		{"subscriptions", errOf(NewPublisher(WithMaxSubscriptions(0), where)), "publisher: WithMaxSubscriptions: 0, want at least 1"},
		{"subscriber queue", errOf(NewSubscriber(WithReceiveQueue(0, 1), where)), "subscriber: WithReceiveQueue: 0 messages and 1 bytes"},
		{"idle error", errOf(NewSubscriber(WithIdleError(-1), where)), "subscriber: WithIdleError: -1ns, want 0 or more"},
		{"sink queue", errOf(NewSink(WithReceiveQueue(1, 0), where)), "sink: WithReceiveQueue: 1 messages and 0 bytes"},
		{"worker concurrency", worker(WithConcurrency(0)), "worker test.Tasks: WithConcurrency: 0, want at least 1"},
		{"worker drain", worker(WithDrainTimeout(-1)), "WithDrainTimeout: -1ns, want 0 or more"},
		{"worker without results that has a sink", worker(To(where)), "gozmq.To is given, but no method has a result"},
		{"worker with results that has none", RunWorker(ended, "test.Tasks", result, From(where)), "no endpoint for results: pass gozmq.To(gozmq.Connect(...))"},
		{"worker with a bad sink", RunWorker(ended, "test.Tasks", result, From(where), To(Bind("what://"))), "worker test.Tasks: results: "},
		{"worker with a bad source", RunWorker(ended, "test.Tasks", noHandlers, From(Bind("what://"))), "worker test.Tasks: tasks: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantText(t, tt.err, tt.part) })
	}
}

// errOf closes what was opened and returns the error.
func errOf[C io.Closer](c C, err error) error {
	if err == nil {
		c.Close()
	}
	return err
}

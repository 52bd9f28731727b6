package socket

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/transport"
)

// TestPushSaysWhyItWaited checks what Send says of a wait that its context has
// ended.
func TestPushSaysWhyItWaited(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	tests := []struct {
		name  string
		setUp func(t *testing.T) *Push
		want  string
	}{
		{"nobody has connected", func(t *testing.T) *Push {
			p, _ := pushing(t, pushConfig(), tcp, 0)
			return p
		}, "deadline exceeded (no peer is connected)"},
		{"nobody to connect to", func(t *testing.T) *Push {
			return dialed(t, "ipc://"+t.TempDir()+"/none", link.DialFailed)
		}, "deadline exceeded (no peer is connected) (last attempt: "},
		{"no handshake yet", func(t *testing.T) *Push {
			return dialed(t, "tcp://"+silent.Addr().String(), 0)
		}, "deadline exceeded (no peer is connected) (tcp://" + silent.Addr().String() + " has not answered yet)"},
		{"all are full", func(t *testing.T) *Push {
			cfg := pushConfig()
			cfg.SendQueue = 1
			p, _ := pushing(t, cfg, "inproc://"+t.Name(), 2)
			return p
		}, "deadline exceeded (the queues of all peers are full: 2)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.setUp(t)
			var err error
			for n := 0; err == nil && n < 1000; n++ {
				short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
				err = p.Send(short, parcel{number: n, size: 30000})
				cancel()
			}
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

// dialed returns a push socket that dials an endpoint and has seen that kind of
// event there; 0: none is waited for.
func dialed(t *testing.T, endpoint string, kind link.EventKind) *Push {
	t.Helper()
	ep, err := transport.ParseConnect(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	cfg, events := pushConfig(), newRecorder()
	cfg.Observe = events.Record
	p := NewPush(cfg)
	closing(t, p.Shutdown)
	connect(t, p.Links(), ep)
	if kind != 0 {
		events.await(t, kind, 1)
	}
	return p
}

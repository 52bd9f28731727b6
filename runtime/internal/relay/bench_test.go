package relay

import (
	"bytes"
	"io"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

const (
	benchBody = 1 << 10
	// benchBatch is how many messages a sender writes at once, and benchWindow how
	// many batches are on their way, so that no queue is ever full.
	benchBatch  = 60
	benchWindow = 8
)

// passOn measures a relay between bare connections, which encode and decode
// nothing. to receives what from writes, unchanged.
func passOn(b *testing.B, from, to *zmtptest.Peer, frames ...string) {
	message := zmtptest.Message(append(frames, string(make([]byte, benchBody)))...)
	batch := bytes.Repeat(message, benchBatch)
	size := func(n int) int { return len(message) * min(benchBatch, b.N-n) }
	window := make(chan struct{}, benchWindow)
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for n := 0; n < b.N; n += benchBatch {
			window <- struct{}{}
			if _, err := from.Write(batch[:size(n)]); err != nil {
				return
			}
		}
	}()
	got := make([]byte, len(batch))
	for n := 0; n < b.N; n += benchBatch {
		if _, err := io.ReadFull(to, got[:size(n)]); err != nil {
			b.Fatal(err)
		}
		<-window
	}
}

// benchConfig is that of a proxy with its default options.
func benchConfig(cfg *Config) {
	cfg.Capture = nil
	cfg.Socket.SendQueue, cfg.Socket.SendQueueBytes = 1000, 4<<20
}

func BenchmarkPushPull(b *testing.B) {
	r := start(b, NewPushPull, benchConfig)
	worker, vent := r.join(b, r.back, zmtp.Pull), r.join(b, r.front, zmtp.Push)
	passOn(b, vent, worker)
}

func BenchmarkPubSub(b *testing.B) {
	r := start(b, NewPubSub, benchConfig)
	pub, sub := r.join(b, r.front, zmtp.Pub), r.join(b, r.back, zmtp.Sub)
	r.subscribe(b, sub, "\x01", "topic")
	passOn(b, pub, sub, "topic")
}

// The server echoes: a request has the route that a reply is to have.
func BenchmarkReqRep(b *testing.B) {
	r := start(b, NewReqRep, benchConfig)
	server, client := r.join(b, r.back, zmtp.Dealer), r.join(b, r.front, zmtp.Dealer)
	go func() { _, _ = io.Copy(server, server) }()
	passOn(b, client, client, "call", "")
}

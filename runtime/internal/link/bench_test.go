package link

import (
	"fmt"
	"net"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/handshake"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// An endless connection takes whatever is written and repeats the same
// messages for ever: what is measured is all but the kernel.
type endless struct {
	net.Conn
	in []byte
	at int
}

func (e *endless) RemoteAddr() net.Addr { return nil }

func (e *endless) TryWrite(p []byte) (int, error) { return len(p), nil }

func (e *endless) Write(p []byte) (int, error) { return len(p), nil }

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		m := copy(p[n:], e.in[e.at:])
		n, e.at = n+m, (e.at+m)%len(e.in)
	}
	return n, nil
}

var benchSizes = []int{64, 1 << 10, 64 << 10}

func benchConn(size int) *Conn {
	cfg := testConfig(zmtp.Router, newRecorder())
	in := zmtptest.Message("12345678", "", "pkg.Service/Method", string(make([]byte, size)))
	cfg.incoming = newIncomingShare(&cfg, nil)
	return newConn(&endless{in: in}, &handshake.Peer{Minor: 1}, "", &cfg)
}

// BenchmarkWrite is the way of a message into a connection that nobody else
// writes to.
func BenchmarkWrite(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c, body := benchConn(size), make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				buf, err := c.Begin()
				if err != nil {
					b.Fatal(err)
				}
				c.Commit(zmtp.AppendFrame(buf, 0, body))
			}
		})
	}
}

// BenchmarkRead is the way of a message from a connection, one at a time.
func BenchmarkRead(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := benchConn(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if frames, err := c.Next(); err != nil || len(frames) != 4 {
					b.Fatal(len(frames), err)
				}
			}
		})
	}
}

// BenchmarkReadBatch is that of one-way traffic, as many at a time as are there.
func BenchmarkReadBatch(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := benchConn(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var batch *Batch
			next := 0
			for b.Loop() {
				if batch == nil {
					var err error
					if batch, err = c.NextBatch(4096); err != nil {
						b.Fatal(err)
					}
					next = 0
				}
				if len(batch.Message(next)) != 4 {
					b.Fatal("wrong frames")
				}
				if next++; next == batch.Len() {
					batch.Release()
					batch = nil
				}
			}
		})
	}
}

package transport

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// benchPairs runs a benchmark over the pipe, with the system's loopback beside
// it for comparison.
func benchPairs(b *testing.B, bench func(b *testing.B, near, far net.Conn)) {
	b.Run("pipe", func(b *testing.B) {
		near, far := Pipe("x")
		defer near.Close()
		defer far.Close()
		bench(b, near, far)
	})
	b.Run("tcp", func(b *testing.B) {
		near, far := connect(b, mustListen(b, "tcp://127.0.0.1:0"))
		bench(b, near, far)
	})
}

func BenchmarkStream(b *testing.B) {
	for _, size := range []int{64, 1024, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			benchPairs(b, func(b *testing.B, near, far net.Conn) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				done := make(chan struct{})
				go func() {
					defer close(done)
					buf := make([]byte, 64<<10)
					for {
						if _, err := far.Read(buf); err != nil {
							return
						}
					}
				}()
				msg := make([]byte, size)
				for b.Loop() {
					if _, err := near.Write(msg); err != nil {
						b.Fatal(err)
					}
				}
				near.Close()
				<-done
			})
		})
	}
}

func BenchmarkPingPong(b *testing.B) {
	for _, size := range []int{64, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			benchPairs(b, func(b *testing.B, near, far net.Conn) {
				b.ReportAllocs()
				done := make(chan struct{})
				go func() {
					defer close(done)
					buf := make([]byte, size)
					for {
						if _, err := io.ReadFull(far, buf); err != nil {
							return
						}
						if _, err := far.Write(buf); err != nil {
							return
						}
					}
				}()
				msg := make([]byte, size)
				for b.Loop() {
					if _, err := near.Write(msg); err != nil {
						b.Fatal(err)
					}
					if _, err := io.ReadFull(near, msg); err != nil {
						b.Fatal(err)
					}
				}
				near.Close()
				<-done
			})
		})
	}
}

func BenchmarkReadDeadline(b *testing.B) {
	near, far := Pipe("x")
	defer near.Close()
	defer far.Close()
	at := time.Now().Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		near.SetReadDeadline(at)
	}
}

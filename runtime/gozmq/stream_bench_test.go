package gozmq

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"
)

// benchStreams serves Watch without end and Chat as an echo, with messages of that
// size that are decoded into the same memory.
func benchStreams(b *testing.B, size int) *Conn {
	b.Helper()
	handlers := watching(func(ctx context.Context, _ *bytez, s ServerStream) error {
		m := wrapperspb.Bytes(make([]byte, size))
		for {
			if err := s.Send(ctx, m); err != nil {
				return err
			}
		}
	})
	handlers = append(handlers, chatting(func(ctx context.Context, s ServerStream) error {
		m := new(bytez)
		for {
			more, err := s.Receive(m)
			if err != nil || !more {
				return err
			}
			if err := s.Send(ctx, m); err != nil {
				return err
			}
		}
	})...)
	handlers = append(handlers, uploading(func(_ context.Context, s ServerStream) (*bytez, error) {
		m := new(bytez)
		for {
			if more, err := s.Receive(m); err != nil || !more {
				return m, err
			}
		}
	})...)
	_, c := here.pair(b, handlers, nil, nil)
	return c
}

// BenchmarkServerStream measures what one stream, or several on one connection,
// bring in.
func BenchmarkServerStream(b *testing.B) {
	for _, l := range []struct{ streams, size int }{{1, 64}, {1, 64 << 10}, {100, 64}} {
		b.Run(fmt.Sprintf("%dB/streams=%d", l.size, l.streams), func(b *testing.B) {
			c := benchStreams(b, l.size)
			ctx := context.Background()
			streams := make([]Stream, l.streams)
			for i := range streams {
				streams[i] = c.Stream(ctx, watchMethod)
				defer streams[i].Close()
				if err := streams[i].Send(ctx, new(bytez)); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(l.size))
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for i, s := range streams {
				wg.Go(func() {
					m := new(bytez)
					for n := i; n < b.N; n += len(streams) {
						if more, err := s.Receive(ctx, m); !more {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// BenchmarkUpload measures what one stream takes out.
func BenchmarkUpload(b *testing.B) {
	for _, size := range []int{64, 64 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			c := benchStreams(b, size)
			ctx := context.Background()
			s := c.Stream(ctx, uploadMethod)
			m := wrapperspb.Bytes(make([]byte, size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if err := s.Send(ctx, m); err != nil {
					b.Fatal(err)
				}
			}
			if err := s.CloseSend(ctx); err != nil {
				b.Fatal(err)
			}
			if more, err := s.Receive(ctx, m); !more {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkPingPong measures one message there and back.
func BenchmarkPingPong(b *testing.B) {
	c := benchStreams(b, 64)
	ctx := context.Background()
	s := c.Stream(ctx, chatMethod)
	defer s.Close()
	m := wrapperspb.Bytes(make([]byte, 64))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Send(ctx, m); err != nil {
			b.Fatal(err)
		}
		if more, err := s.Receive(ctx, m); !more {
			b.Fatal(err)
		}
	}
}

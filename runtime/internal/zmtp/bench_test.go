package zmtp

import (
	"fmt"
	"testing"
	"time"
)

func BenchmarkParseHeader(b *testing.B) {
	for _, size := range []int{64, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			head := AppendHeader(nil, FlagMore, size)
			for b.Loop() {
				if _, ok, err := ParseHeader(head); !ok || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendHeader(b *testing.B) {
	for _, size := range []int{64, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			buf := make([]byte, 0, 16)
			for b.Loop() {
				buf = AppendHeader(buf[:0], FlagMore, size)
			}
		})
	}
}

// BenchmarkScanner is the cost per message of a request's shape.
func BenchmarkScanner(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			in := message("12345678", "", "pkg.Service/Method", string(make([]byte, size)))
			s := Scanner{Limits: Limits{MaxFrame: 1 << 20, MaxMessage: 1 << 20, MaxFrames: 64, MaxCommand: 1 << 10}}
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if token, err := s.Next(in); token != Message || err != nil {
					b.Fatal(token, err)
				}
				if len(s.Frames(in)) != 4 || s.Skip() != len(in) {
					b.Fatal("wrong frames")
				}
			}
		})
	}
}

// BenchmarkPing makes a PING and takes it apart.
func BenchmarkPing(b *testing.B) {
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendPing(buf[:0], 30*time.Second)
		_, body, err := ParseCommand(buf[shortHeader:])
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := ParsePing(body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMetadata makes the properties of READY and takes them apart.
func BenchmarkMetadata(b *testing.B) {
	m := Metadata{{Name: PropertySocketType, Value: "DEALER"}, {Name: PropertyIdentity, Value: "me"}, {Name: PropertyGozmq, Value: "1"}}
	buf := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		buf = m.Append(buf[:0])
		if got, err := ParseMetadata(buf); err != nil || len(got) != len(m) {
			b.Fatal(got, err)
		}
	}
}

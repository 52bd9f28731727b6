package gozmq

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/runtime/internal/call"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

var benchSizes = []int{64, 1 << 10, 64 << 10}

// BenchmarkBody encodes a message as a frame, and decodes it.
func BenchmarkBody(b *testing.B) {
	c := bodies{limit: defaultMaxMessageSize}
	for _, size := range benchSizes {
		m := wrapperspb.Bytes(make([]byte, size))
		b.Run(fmt.Sprintf("encode/%d", size), func(b *testing.B) {
			buf := make([]byte, 0, size+64)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.append(buf, 0, m); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("decode/%d", size), func(b *testing.B) {
			body := []byte(encode(b, m))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.decode(body, new(bytez)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRequest makes a request behind its envelope, with and without a
// header, and decodes it as a server does.
func BenchmarkRequest(b *testing.B) {
	body := bodies{limit: defaultMaxMessageSize}
	h := (&Server{bodies: body}).newHandler(Handle(echoMethod, echo))
	for name, x := range map[string]*exchange{
		"plain":    {},
		"deadline": {Exchange: call.Exchange{Deadline: time.Now().Add(time.Hour)}},
		"metadata": {Exchange: call.Exchange{Metadata: wire.Metadata{"key": {"value"}}}},
	} {
		x.Method, x.Message, x.req, x.bodies = echoMethod.engine(), x, wrapperspb.Bytes(make([]byte, 64)), &body
		b.Run("encode/"+name, func(b *testing.B) {
			buf := make([]byte, 0, 1<<10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := x.AppendRequest(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("decode/"+name, func(b *testing.B) {
			frames := framesOf(b, x)
			b.ReportAllocs()
			for b.Loop() {
				c := servedCall{handler: h}
				if r, err := wire.ParseRequest(frames); err != nil || (*servedWork)(&c).Decode(r.Body) != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// framesOf returns the frames that a request consists of.
func framesOf(b *testing.B, x *exchange) [][]byte {
	b.Helper()
	request, err := x.AppendRequest(nil)
	if err != nil {
		b.Fatal(err)
	}
	scanner := zmtp.Scanner{Limits: zmtp.Limits{MaxFrame: 1 << 20, MaxMessage: 1 << 20, MaxFrames: 8}}
	if token, err := scanner.Next(request); token != zmtp.Message || err != nil {
		b.Fatal(token, err)
	}
	return scanner.Frames(request)
}

// BenchmarkStatus makes an error's status and parses it.
func BenchmarkStatus(b *testing.B) {
	err := Errorf(CodeNotFound, "no such thing")
	b.ReportAllocs()
	for b.Loop() {
		if got := parseStatus(encodeStatus(err, defaultMaxMessageSize)); CodeOf(got) != CodeNotFound {
			b.Fatal(got)
		}
	}
}

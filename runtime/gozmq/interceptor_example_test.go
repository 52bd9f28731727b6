package gozmq_test

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// authenticate lets calls through that carry the token in their metadata.
func authenticate(token string) gozmq.Interceptor {
	return func(ctx context.Context, call *gozmq.CallInfo, req proto.Message, next gozmq.Next) (proto.Message, error) {
		if subtle.ConstantTimeCompare([]byte(call.Metadata.Get("authorization")), []byte("Bearer "+token)) != 1 {
			return nil, gozmq.Errorf(gozmq.CodeUnauthenticated, "%s: no valid token", call.Method.Procedure)
		}
		return next(ctx, req)
	}
}

// withToken puts the token into the metadata of every call of a Conn.
func withToken(token string) gozmq.Interceptor {
	return func(ctx context.Context, _ *gozmq.CallInfo, req proto.Message, next gozmq.Next) (proto.Message, error) {
		return next(gozmq.AppendMetadata(ctx, "authorization", "Bearer "+token), req)
	}
}

// A server that asks for a token, and a client that has it. Metadata travels in
// the clear: without encryption a token is for networks that you trust.
func ExampleInterceptor_authentication() {
	stop := serveGreeter("inproc://example-auth", gozmq.WithInterceptors(authenticate("sesame")))
	defer stop()
	for _, token := range []string{"sesame", "open"} {
		conn, err := gozmq.Dial(gozmq.Connect("inproc://example-auth"), gozmq.WithInterceptors(withToken(token)))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(hello(context.Background(), conn, "Ada"))
		conn.Close()
	}
	// Output:
	// hello, Ada <nil>
	//  unauthenticated: greet.v1.Greeter/SayHello: no valid token
}

// A bucket has a token for each call that may be made now: at most burst, and
// one more every so often.
type bucket struct {
	burst int
	every time.Duration
	now   func() time.Time

	mu     sync.Mutex
	tokens int
	since  time.Time // tokens are counted up to then
}

// take takes a token; it returns false when there is none.
func (b *bucket) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if b.since.IsZero() {
		b.tokens, b.since = b.burst, now
	}
	if n := int(now.Sub(b.since) / b.every); n > 0 {
		b.tokens = min(b.tokens+n, b.burst)
		b.since = b.since.Add(time.Duration(n) * b.every)
	}
	if b.tokens == 0 {
		return false
	}
	b.tokens--
	return true
}

// limitRate refuses calls for which the bucket has no token.
func limitRate(b *bucket) gozmq.Interceptor {
	return func(ctx context.Context, call *gozmq.CallInfo, req proto.Message, next gozmq.Next) (proto.Message, error) {
		if !b.take() {
			return nil, gozmq.Errorf(gozmq.CodeResourceExhausted, "%s: more than %d calls at once and one every %v", call.Method.Procedure, b.burst, b.every)
		}
		return next(ctx, req)
	}
}

// A server that limits how often it is called. A bucket per call.Peer limits
// each caller by itself.
func ExampleInterceptor_rateLimit() {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // stands still but for the line below
	limit := &bucket{burst: 2, every: time.Second, now: func() time.Time { return clock }}
	stop := serveGreeter("inproc://example-rate", gozmq.WithInterceptors(limitRate(limit)))
	defer stop()
	conn, err := gozmq.Dial(gozmq.Connect("inproc://example-rate"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	for range 3 {
		_, err = hello(context.Background(), conn, "Ada")
		fmt.Println(err)
	}
	var coded *gozmq.Error
	fmt.Println(errors.As(err, &coded) && coded.Code == gozmq.CodeResourceExhausted)
	clock = clock.Add(time.Second)
	fmt.Println(hello(context.Background(), conn, "Ada"))
	// Output:
	// <nil>
	// <nil>
	// resource_exhausted: greet.v1.Greeter/SayHello: more than 2 calls at once and one every 1s
	// true
	// hello, Ada <nil>
}

package soak

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

// goodIdentity is the identity of the good peer that attacks may name.
const goodIdentity = "good"

// An attack is what a hostile peer does, on some connections at a time, over
// and over.
type attack struct {
	name string
	feed bool // to a publisher, else to a server
	kept bool // the publisher has many retained topics
	deaf bool // run says when it has begun, and nothing is read
	at   int  // connections at a time
	// run does it on a connection that was just made; n counts them. What is
	// left to do is wait for its end.
	run func(ctx context.Context, c net.Conn, n int)

	told gozmq.EventKind // a kind of event that tells of it; 0: none

	// What the process may take more while it lasts.
	memory      int // MiB of heap and stacks
	descriptors int
}

// attacks are those of TestHostile. The good peers, and the connections that the
// system has not yet given back, take some of what is allowed.
func attacks() []attack {
	return append([]attack{
		{name: "stalled readers", deaf: true, at: 10, run: stall, memory: 96, descriptors: 40},
		{name: "one byte a second", at: 200, run: trickle, memory: 16, descriptors: 240},
		{name: "connections that say nothing", at: many(), run: sayNothing, memory: 32, descriptors: 256 + 64},
		{name: "connections that shake hands", at: many(), run: shakeHands, memory: 4 + many()/32, descriptors: many() + 64},
		{name: "endless MORE frames", at: 4, run: endlessly(bytes.Repeat([]byte{rawzmtp.FlagMore, 0}, 500)), memory: 16, descriptors: 64},
		{name: "endless large MORE frames", at: 4, run: endlessly(rawzmtp.Frame(rawzmtp.FlagMore, make([]byte, 64<<10))), memory: 64, descriptors: 64},
		{name: "oversized headers", at: 4, run: one(oversized()), memory: 16, descriptors: 64},
		{name: "requests that are too large", at: 4, run: endlessly(requestOf(5 << 20)), memory: 16, descriptors: 64},
		{name: "requests that are a little too large", at: 4, run: endlessly(requestOf(4<<20 + 1)), memory: 16, descriptors: 64},
		{name: "large requests that lack a byte", at: 50 + many()/20, run: lackAByte(), memory: 256 + 96, descriptors: 50 + many()/20 + 64},
		{name: "malformed commands before the handshake", at: 4, run: oneBefore(malformed()), memory: 16, descriptors: 64},
		{name: "malformed commands after it", at: 4, run: one(malformed()), memory: 16, descriptors: 64},
		{name: "an identity that is taken", at: 4, run: impersonate, memory: 16, descriptors: 64},
		{name: "subscriptions without end", feed: true, at: 4, run: subscribeEndlessly(""), memory: 160, descriptors: 64},
		{name: "unknown methods", at: 4, run: endlessly(bytes.Repeat(rawzmtp.Message("id", "", "nobody", ""), 200)), memory: 16, descriptors: 64},
		{name: "cancels of no call", at: 4, run: endlessly(bytes.Repeat(rawzmtp.Message("id", "", ""), 200)), memory: 16, descriptors: 64},
		{name: "streams with absurd credit, never read", deaf: true, at: 4, run: openUnread("\x22\x18\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x20\x01"), memory: 96, descriptors: 64},
		{name: "many streams, never read", deaf: true, at: 4, run: openUnread("\x22\x08\x08\x40\x10\x80\x80\x04\x20\x01"), memory: 96, descriptors: 64},
		{name: "messages of no stream", at: 4, run: endlessly(bytes.Repeat(rawzmtp.Message("none", "", "", ""), 200)), memory: 16, descriptors: 64},
		{name: "PINGs without end", at: 4, run: endlessly(bytes.Repeat(rawzmtp.Command("PING", "\x00\x010123456789abcdef"), 200)), memory: 16, descriptors: 64},
		{name: "a subscription and its end", feed: true, at: 4, run: toggle, memory: 32, descriptors: 64},
		{name: "a subscription to retained topics and its end", feed: true, kept: true, at: 4, run: toggle, memory: 96, descriptors: 64},
		{name: "a connection for retained topics", feed: true, kept: true, at: 4, run: resubscribe, memory: 96, descriptors: 128},
		{name: "long subscriptions without end", feed: true, at: 4, run: subscribeEndlessly(strings.Repeat("x", 1000)), memory: 160, descriptors: 64},
	}, streamAttacks()...)
}

// many is how many connections are many.
func many() int {
	if *hostileFor > 0 {
		return 10_000
	}
	return 1000
}

// stall asks and asks and does not read the answers, until it is not read
// either.
func stall(ctx context.Context, c net.Conn, n int) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	_, err := c.Write(rawzmtp.Hello("DEALER"))
	request := rawzmtp.Message("id", "", echoMethod.Procedure, "\x0a\x80\x08"+strings.Repeat("x", 1024))
	for err == nil {
		_ = c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		_, err = c.Write(request)
	}
	say("made", n)
	<-ctx.Done()
}

// openUnread opens streams without end that send without end, and reads none,
// until it is not read either. header is that of the starts.
func openUnread(header string) func(context.Context, net.Conn, int) {
	return func(ctx context.Context, c net.Conn, n int) {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(4 << 10)
		}
		_, err := c.Write(rawzmtp.Hello("DEALER"))
		for i := 0; err == nil && i < 1000; i++ {
			_ = c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			_, err = c.Write(rawzmtp.Message(strconv.Itoa(i), "", endlessMethod.Procedure, "\x0a\x80\x08"+strings.Repeat("x", 1024), header))
		}
		say("made", n)
		<-ctx.Done()
	}
}

func trickle(ctx context.Context, c net.Conn, _ int) {
	for _, b := range rawzmtp.Hello("DEALER") {
		if _, err := c.Write([]byte{b}); err != nil || !wait(ctx, time.Second) {
			return
		}
	}
}

func sayNothing(context.Context, net.Conn, int) {}

func shakeHands(_ context.Context, c net.Conn, _ int) { _, _ = c.Write(rawzmtp.Hello("DEALER")) }

func impersonate(_ context.Context, c net.Conn, _ int) {
	_, _ = c.Write(rawzmtp.Hello("DEALER", "Identity", goodIdentity))
}

// endlessly sends the same bytes until it is stopped.
func endlessly(b []byte) func(context.Context, net.Conn, int) {
	return func(ctx context.Context, c net.Conn, _ int) {
		_, err := c.Write(rawzmtp.Hello("DEALER"))
		for err == nil && ctx.Err() == nil {
			_, err = c.Write(b)
		}
	}
}

// lackAByte sends the largest request without its last byte.
func lackAByte() func(context.Context, net.Conn, int) {
	part := sync.OnceValue(func() []byte {
		b := append(rawzmtp.Hello("DEALER"), requestOf(4<<20)...)
		return b[:len(b)-1]
	})
	return func(ctx context.Context, c net.Conn, _ int) {
		if _, err := c.Write(part()); err == nil {
			wait(ctx, time.Minute)
		}
	}
}

func subscribeEndlessly(prefix string) func(context.Context, net.Conn, int) {
	return func(ctx context.Context, c net.Conn, _ int) {
		_, err := c.Write(rawzmtp.Hello("SUB"))
		for i := 0; err == nil && ctx.Err() == nil; i += 100 {
			var b []byte
			for n := range 100 {
				b = append(b, rawzmtp.Command("SUBSCRIBE", prefix+strconv.Itoa(i+n))...)
			}
			_, err = c.Write(b)
		}
	}
}

// toggle subscribes to everything and cancels that, without end.
func toggle(ctx context.Context, c net.Conn, _ int) {
	_, err := c.Write(rawzmtp.Hello("SUB"))
	b := bytes.Repeat(slices.Concat(rawzmtp.Command("SUBSCRIBE", ""), rawzmtp.Command("CANCEL", "")), 100)
	for err == nil && ctx.Err() == nil {
		_, err = c.Write(b)
	}
}

// resubscribe subscribes to everything and goes soon.
func resubscribe(ctx context.Context, c net.Conn, _ int) {
	_, _ = c.Write(slices.Concat(rawzmtp.Hello("SUB"), rawzmtp.Command("SUBSCRIBE", "")))
	wait(ctx, 10*time.Millisecond)
	c.Close()
}

// one sends one of the list after a good handshake.
func one(list [][]byte) func(context.Context, net.Conn, int) {
	return func(_ context.Context, c net.Conn, n int) {
		_, _ = c.Write(slices.Concat(rawzmtp.Hello("DEALER"), list[n%len(list)]))
	}
}

// oneBefore sends one of the list in place of READY.
func oneBefore(list [][]byte) func(context.Context, net.Conn, int) {
	return func(_ context.Context, c net.Conn, n int) {
		_, _ = c.Write(slices.Concat(rawzmtp.Greeting(3, 1, "NULL"), list[n%len(list)]))
	}
}

func oversized() (list [][]byte) {
	for _, flags := range []byte{0, rawzmtp.FlagMore, rawzmtp.FlagCommand} {
		for _, size := range []uint64{1 << 31, 1 << 46, 1 << 62, 1<<64 - 1} {
			list = append(list, binary.BigEndian.AppendUint64([]byte{flags | rawzmtp.FlagLong}, size))
		}
	}
	return list
}

// requestOf is a request whose body, a string of zeros, has that many bytes.
func requestOf(size int) []byte {
	head := protowire.AppendVarint([]byte{0x0a}, uint64(size))
	return rawzmtp.Message("id", "", echoMethod.Procedure, string(append(head, make([]byte, size-len(head))...)))
}

func malformed() [][]byte {
	return [][]byte{
		{rawzmtp.FlagCommand, 0}, {rawzmtp.FlagCommand, 1, 0}, {rawzmtp.FlagCommand | rawzmtp.FlagMore, 2, 1, 'x'}, {0x80 | rawzmtp.FlagCommand, 2, 1, 'x'},
		[]byte("\x04\x05\x09PING"), rawzmtp.Command("PING", ""), rawzmtp.Command("PING", make([]byte, 19)),
		rawzmtp.Command("ERROR", []byte("\xffno")), rawzmtp.Command("READY", []byte("\x0bSocket-Type\xff\xff\xff\xffDEALER")),
		rawzmtp.Command("X", make([]byte, 9000)), {rawzmtp.FlagLong | rawzmtp.FlagCommand, 0, 0},
	}
}

// childHostile carries an attack out until ctx ends, each of its connections at
// most once a millisecond.
func childHostile(ctx context.Context, name, addr, at string) error {
	conns, err := strconv.Atoi(at)
	if err != nil {
		return err
	}
	for _, a := range attacks() {
		if a.name != name {
			continue
		}
		var wg sync.WaitGroup
		var made atomic.Int64
		for i := range conns {
			wg.Go(func() {
				for paced(ctx) {
					a.once(ctx, addr, &made)
				}
			})
			if i%10 == 9 && !paced(ctx) { // or the system refuses some
				break
			}
		}
		wg.Wait()
		return nil
	}
	return fmt.Errorf("attack %q is not known", name)
}

// kernelBuffer is the size of the kernel's buffers on both sides of an attack: what
// is in them when it ends is read nevertheless.
const kernelBuffer = 256 << 10

// once attacks on one connection, and ends with it.
func (a *attack) once(ctx context.Context, addr string, made *atomic.Int64) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return
	}
	defer c.Close()
	if err := c.(*net.TCPConn).SetWriteBuffer(kernelBuffer); err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	n := made.Add(1)
	if !a.deaf {
		say("made", n)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}()
		defer func() { <-done }()
	}
	a.run(ctx, c, int(n))
}

// wait waits for d; it returns false when ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

package gozmq

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// The targets here send a socket any bytes behind a good handshake, as a peer of
// the type that it talks to. Whatever they are, nothing panics or hangs, and a
// good peer on another connection is served afterwards.

// addTraffic adds seeds: what spoils a good message of these frames.
func addTraffic(f *testing.F, good ...string) {
	message := zmtptest.Message(good...)
	last := len(good) - 1
	for _, frames := range [][]string{
		good, append(slices.Clone(good), "\x08\x01"), append(slices.Clone(good), "", ""), good[:1], good[:last], good[1:],
		append(slices.Clone(good[:last]), "\xff\xff"), append(slices.Clone(good[:last]), ""), {"", "", ""}, {""},
	} {
		f.Add(zmtptest.Message(frames...))
	}
	f.Add([]byte(nil))
	f.Add(message[:len(message)-1])
	f.Add(append(bytes.Clone(message), message...))
	f.Add(append(zmtp.AppendPing(nil, time.Second), message...))
	f.Add(zmtp.AppendCommand(nil, zmtp.CommandError, []byte("\x03400")))
	f.Add(zmtp.AppendCommand(nil, zmtp.CommandSubscribe, []byte("x")))
	f.Add([]byte{zmtp.FlagLong, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add(bytes.Repeat([]byte{zmtp.FlagMore, 0}, 2000))
}

// fresh is an endpoint that no one has used.
func fresh() string { return "inproc://" + strconv.FormatInt(unique.Add(1), 10) }

// say connects as a socket of that type, sends in and closes.
func say(t *testing.T, endpoint string, as zmtp.SocketType, in []byte) {
	t.Helper()
	p := dialRaw(t, endpoint, as)
	go func() { _, _ = io.Copy(io.Discard, p.Conn) }() // so that neither side waits to write
	_, _ = p.Write(in)                                 // it may be closed before all is written
	p.Close()
}

// FuzzClientReceive answers a call with any bytes, then properly, and goes. The
// call ends with the answer, or with an error that has a code.
func FuzzClientReceive(f *testing.F) {
	const first, next = "\x00\x00\x00\x01\x00\x00\x00\x00", "\x00\x00\x00\x02\x00\x00\x00\x00"
	body := encode(f, wrapperspb.Bytes([]byte("hello")))
	addTraffic(f, first, "", "", body)
	for _, frames := range [][]string{
		{first, "", "\x08\x05\x12\x04gone", ""}, {first, "", "\xff", body}, {next, "", "", body}, {"\x00\x00\x00\x01\xff\xff\xff\xff", "", "", body},
	} {
		f.Add(zmtptest.Message(frames...))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c := dial(t, Bind(fresh()), WithMaxMessageSize(1<<16))
		p := dialRaw(t, c.Addrs()[0], zmtp.Router)
		done := make(chan error, 1)
		go func() {
			_, err := Call[bytez](context.Background(), c, echoMethod, wrapperspb.Bytes([]byte("hello")))
			done <- err
		}()
		id := p.recv()[0]
		_, _ = p.Write(in)
		_, _ = p.Write(zmtptest.Message(id, "", "", body))
		p.Close()
		if err := testkit.Receive(t, done, "the end of the call"); err != nil && !errors.As(err, new(*Error)) {
			t.Fatalf("the call ended with %v", err)
		}
	})
}

// FuzzClientStreamReceive answers a stream with any bytes, then properly, and goes.
// The stream yields messages and ends, well or with an error that has a code.
func FuzzClientStreamReceive(f *testing.F) {
	const first = "\x00\x00\x00\x01\x00\x00\x00\x00"
	body := encode(f, wrapperspb.Bytes([]byte("hello")))
	for _, frames := range [][]string{
		{first, "", "", body, "\x22\x00"}, {first, "", "", "", "\x22\x04\x08\x7f\x18\x01"}, {first, "", "\x08\x05", "", "\x22\x00"},
		{first, "", "", "", "\x0a\x06\x0a\x01k\x12\x01v\x22\x02\x18\x01"}, {first, "", "\x08\x05\x12\x04gone", "", "\x18\x01"}, {first, "", "", body},
	} {
		f.Add(zmtptest.Message(frames...))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c := dial(t, Bind(fresh()), WithMaxMessageSize(1<<16))
		p := dialRaw(t, c.Addrs()[0], zmtp.Router)
		s := c.Stream(testkit.Within(t), chatMethod)
		defer s.Close()
		mustSend(t, s, "hello")
		id := p.recv()[0]
		_, _ = p.Write(in)
		_, _ = p.Write(zmtptest.Message(id, "", "", ""))
		p.Close()
		for more := true; more; {
			var err error
			if more, err = s.Receive(testkit.Within(t), new(bytez)); err != nil && (more || !errors.As(err, new(*Error))) {
				t.Fatalf("the stream ended with %v, %v", more, err)
			}
		}
	})
}

// FuzzSubscriberReceive publishes any bytes. What is yielded is a message, or
// an error that says that one could not be decoded, or that the publisher has ended
// the connection, which it may do in those bytes.
func FuzzSubscriberReceive(f *testing.F) {
	good := at("ams", "good")
	addTraffic(f, "weather/ams/temperature", encode(f, good))
	f.Fuzz(func(t *testing.T, in []byte) {
		sub := subscriber(t, Bind(fresh()), WithMaxMessageSize(1<<16))
		s := follow(t, func(ctx context.Context) seq[*reading] { return Subscribe[reading](ctx, sub, []stationFilter{}) })
		p := publisher(t, Connect(sub.Addrs()[0]))
		if err := p.WaitForSubscribers(testkit.Within(t), "weather/last/temperature", 1); err != nil {
			t.Fatal(err)
		}
		say(t, sub.Addrs()[0], zmtp.Pub, in)
		publish(t, p, at("last", "the last"))
		for {
			i := testkit.Receive(t, s.items, "the last message")
			if code := CodeOf(i.err); i.err != nil && code != CodeDataLoss && code != CodeUnavailable {
				t.Fatalf("got error %v", i.err)
			}
			if i.msg.GetStation() == "last" {
				return
			}
		}
	})
}

// FuzzWorkerReceive sends a worker any bytes as tasks.
func FuzzWorkerReceive(f *testing.F) {
	addTraffic(f, squareMethod.Procedure, encode(f, wrapperspb.Int64(3)))
	f.Fuzz(func(t *testing.T, in []byte) {
		from, to := fresh(), fresh()
		w := work(t, squaring(squares), From(Bind(from)), To(Bind(to)), WithMaxMessageSize(1<<16))
		results := dialRaw(t, to, zmtp.Pull)
		say(t, from, zmtp.Push, in)
		good := dialRaw(t, from, zmtp.Push)
		good.send(squareMethod.Procedure, encode(t, wrapperspb.Int64(1e6)))
		for want := encode(t, wrapperspb.Int64(1e12)); ; {
			if m := results.recv(); len(m) < 2 || len(m) > 3 || m[0] != squareMethod.Procedure { // a header comes back
				t.Fatalf("got result %q", m)
			} else if m[1] == want {
				break
			}
		}
		good.Close()
		// What was said may have been more tasks, whose results come behind.
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			results.Drained()
			results.Close()
		}()
		err := w.stop()
		if <-drained; err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzSinkReceive sends a sink any bytes as results. A method whose results no
// one iterates over holds its own connection up.
func FuzzSinkReceive(f *testing.F) {
	addTraffic(f, squareMethod.Procedure, encode(f, wrapperspb.Int64(3)))
	f.Fuzz(func(t *testing.T, in []byte) {
		k, err := NewSink(Bind(fresh()), WithMaxMessageSize(1<<16), WithLinger(0))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			// A PING may just be being answered, for which there is no time.
			if err := k.Close(); err != nil && !errors.Is(err, errLinger) {
				t.Errorf("Sink.Close: %v", err)
			}
		})
		s := follow(t, func(ctx context.Context) seq[*number] { return Results[number](ctx, k, squareMethod) })
		say(t, k.Addrs()[0], zmtp.Push, in)
		dialRaw(t, k.Addrs()[0], zmtp.Push).send(squareMethod.Procedure, encode(t, wrapperspb.Int64(1e12)))
		for {
			i := testkit.Receive(t, s.items, "the last result")
			if i.err != nil && CodeOf(i.err) != CodeDataLoss {
				t.Fatalf("got error %v", i.err)
			}
			if i.msg.GetValue() == 1e12 {
				return
			}
		}
	})
}

// FuzzProxyReceive sends a proxy any bytes on both of its sides: envelopes that
// are none, and routes that lead nowhere.
func FuzzProxyReceive(f *testing.F) {
	body := encode(f, wrapperspb.Bytes([]byte("hello")))
	addTraffic(f, "\x00\x00\x00\x00\x00\x00\x00\x00\x01", "id", "", echoMethod.Procedure, body)
	p := proxy(f, PatternReqRep, Bind("inproc://fuzz-front"), Bind("inproc://fuzz-back"), WithMaxMessageSize(1<<16))
	serve(f, Connect(p.BackAddrs()[0]), echoHandlers())
	c := dial(f, Connect(p.FrontAddrs()[0]))
	mustEcho(f, c)
	f.Fuzz(func(t *testing.T, in []byte) {
		say(t, p.FrontAddrs()[0], zmtp.Dealer, in)
		say(t, p.BackAddrs()[0], zmtp.Router, in)
		testkit.Eventually(t, "one peer on each side", func() bool {
			return len(p.FrontStats().Peers) == 1 && len(p.BackStats().Peers) == 1
		})
		mustEcho(t, c)
	})
}

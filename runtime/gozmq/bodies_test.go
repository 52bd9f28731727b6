package gozmq

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// A countingCodec is google.golang.org/protobuf that counts, and can be told to
// fail.
type countingCodec struct {
	encoded, decoded atomic.Int64
	broken           error // of both directions
	grow             int   // what Size says beside the truth
}

func (c *countingCodec) Size(m proto.Message) int { return proto.Size(m) + c.grow }

func (c *countingCodec) MarshalAppend(b []byte, m proto.Message, _ int) ([]byte, error) {
	c.encoded.Add(1)
	if c.broken != nil {
		return append(b, "half"...), c.broken
	}
	return proto.MarshalOptions{}.MarshalAppend(b, m)
}

func (c *countingCodec) Unmarshal(b []byte, m proto.Message) error {
	c.decoded.Add(1)
	if c.broken != nil {
		return c.broken
	}
	return proto.Unmarshal(b, m)
}

// want checks how often a codec was used since the last check.
func (c *countingCodec) want(t *testing.T, who string, encoded, decoded int64) {
	t.Helper()
	if e, d := c.encoded.Swap(0), c.decoded.Swap(0); e != encoded || d != decoded {
		t.Errorf("%s: encoded %d and decoded %d messages, want %d and %d", who, e, d, encoded, decoded)
	}
}

// TestCodecOfEveryRole checks that each role encodes and decodes every body with
// the codec that it was given, and with it only.
func TestCodecOfEveryRole(t *testing.T) {
	t.Run("calls", func(t *testing.T) {
		client, server := new(countingCodec), new(countingCodec)
		s := serve(t, Bind("inproc://"+t.Name()), echoHandlers(), WithCodec(server))
		mustEcho(t, dial(t, Connect(s.addr()), WithCodec(client)))
		client.want(t, "client", 1, 1)
		server.want(t, "server", 1, 1)
		mustEcho(t, dial(t, Connect(s.addr()))) // the other side need not have it
		server.want(t, "server of a plain client", 1, 1)
	})
	t.Run("topics", func(t *testing.T) {
		pub, sub := new(countingCodec), new(countingCodec)
		p := publisher(t, Bind("inproc://"+t.Name()), WithCodec(pub))
		f := listen(t, p, subscriber(t, Connect(p.Addrs()...), WithCodec(sub)))
		publish(t, p, at("ams", "one"))
		wantEqual(t, f.next(t), at("ams", "one"))
		pub.want(t, "publisher", 1, 0)
		sub.want(t, "subscriber", 0, 1)
	})
	t.Run("tasks", func(t *testing.T) {
		vent, mid, end := new(countingCodec), new(countingCodec), new(countingCodec)
		p := site{endpoint: "inproc://" + t.Name()}.pipeline(t, []VentilatorOption{WithCodec(vent)}, []SinkOption{WithCodec(end)})
		work(t, squaring(squares), p.from, p.to, WithCodec(mid))
		p.push(t, 3)
		p.wantSquares(t, 3)
		vent.want(t, "ventilator", 3, 0)
		mid.want(t, "worker", 3, 3)
		end.want(t, "sink", 0, 3)
	})
	t.Run("tasks at least once", func(t *testing.T) {
		vent, mid, end := new(countingCodec), new(countingCodec), new(countingCodec)
		p := site{endpoint: "inproc://" + t.Name()}.surePipeline(t, []VentilatorOption{WithCodec(vent)}, []SinkOption{WithCodec(end)})
		work(t, surely(squares), p.from, p.to, WithCodec(mid))
		p.pushSure(t, sureMethod, 3)
		p.wantSureSquares(t, 3)
		waitDone(t, p.Ventilator)
		vent.want(t, "ventilator", 3, 0)
		mid.want(t, "worker", 3, 3)
		end.want(t, "sink", 0, 3)
	})
}

// TestCodecThatFails checks that what a codec cannot do fails one message and
// leaves the connection as it was.
func TestCodecThatFails(t *testing.T) {
	broken := errors.New("broken codec")
	tests := []struct {
		name           string
		client, server *countingCodec
		code           Code
		text           string
	}{
		{"client encodes", &countingCodec{broken: broken}, nil, CodeInvalidArgument, "encode google.protobuf.BytesValue: broken codec"},
		{"server decodes", nil, &countingCodec{broken: broken}, CodeInvalidArgument, "decode google.protobuf.BytesValue of 11 bytes: broken codec"},
		{"size is wrong", &countingCodec{grow: 1}, nil, CodeInternal, "changed while it was sent"},
		{"size of the reply is wrong", nil, &countingCodec{grow: -1}, CodeInternal, "changed while it was sent"},
		{"size is too large", &countingCodec{grow: defaultMaxMessageSize}, nil, CodeResourceExhausted, "exceeds the limit"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var server []ServerOption
			var client []DialOption
			if test.server != nil {
				server = append(server, WithCodec(test.server))
			}
			if test.client != nil {
				client = append(client, WithCodec(test.client))
			}
			s := serve(t, Bind("inproc://"+t.Name()), echoHandlers(), server...)
			c := dial(t, append(client, Connect(s.addr()))...)
			for range 2 {
				_, err := Call[bytez](testkit.Within(t), c, echoMethod, wrapperspb.Bytes([]byte("nine char")))
				wantCode(t, err, test.code, test.text)
			}
			for _, codec := range []*countingCodec{test.client, test.server} {
				if codec != nil {
					codec.broken, codec.grow = nil, 0
				}
			}
			mustEcho(t, c)
		})
	}
}

func TestNilCodec(t *testing.T) {
	none := WithCodec(nil)
	where := Bind("inproc://" + t.Name())
	for name, construct := range map[string]func() error{
		"dial":       func() error { _, err := Dial(none, where); return err },
		"server":     func() error { _, err := NewServer(none, where); return err },
		"publisher":  func() error { _, err := NewPublisher(none, where); return err },
		"subscriber": func() error { _, err := NewSubscriber(none, where); return err },
		"ventilator": func() error { _, err := NewVentilator(none, where); return err },
		"sink":       func() error { _, err := NewSink(none, where); return err },
		"worker": func() error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return RunWorker(ctx, "test.Tasks", noHandlers, none, From(where))
		},
	} {
		t.Run(name, func(t *testing.T) { wantText(t, construct(), "WithCodec: nil") })
	}
}

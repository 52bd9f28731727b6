package publication

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/link"
	"github.com/gozmq/gozmq/runtime/internal/socket"
	"github.com/gozmq/gozmq/runtime/internal/status"
	"github.com/gozmq/gozmq/runtime/internal/transport"
	"github.com/gozmq/gozmq/runtime/internal/wire"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
	"github.com/gozmq/gozmq/runtime/internal/zmtptest"
)

// A body is the text of a message. It counts how often it was encoded.
type body struct {
	text    string
	err     error
	encoded int
}

func (b *body) AppendBody(to []byte, flags byte) ([]byte, error) {
	b.encoded++
	if b.err != nil {
		return to, b.err
	}
	return zmtp.AppendFrame(to, flags, []byte(b.text)), nil
}

// open returns a publisher that is bound to loopback tcp, and closes it at the end.
func open(t *testing.T) (*Publisher, transport.Endpoint) {
	t.Helper()
	p := NewPublisher(Config{
		Link: link.Config{
			SocketType: zmtp.Pub, Observe: func(link.Event) {},
			MaxMessageSize: 1 << 20, SendQueue: 100, SendQueueBytes: 1 << 20,
			ConnectTimeout: testkit.Patience(), HandshakeTimeout: testkit.Patience(), MaxHandshakes: 64, MaxPeers: 100,
			ReconnectMin: time.Millisecond, ReconnectMax: 20 * time.Millisecond,
		},
		MaxSubscriptions: 10, KeptTopics: 10, KeptBytes: 1 << 20,
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = p.Shutdown(ctx)
	})
	ep, err := transport.ParseBind("tcp://127.0.0.1:*")
	if err != nil {
		t.Fatal(err)
	}
	if ep, err = p.Links().Bind(ep); err != nil {
		t.Fatal(err)
	}
	return p, ep
}

// subscribe connects a peer that has subscribed to a prefix.
func subscribe(t *testing.T, p *Publisher, ep transport.Endpoint, prefix string) *zmtptest.Peer {
	t.Helper()
	peer := zmtptest.DialAs(t, ep, zmtp.Sub)
	peer.Send(zmtptest.Message("\x01" + prefix))
	if err := p.WaitSubscribers(testkit.Within(t), []byte(prefix), 1); err != nil {
		t.Fatal(err)
	}
	return peer
}

// TestFrames checks which frames a subscriber gets, and what their header says.
func TestFrames(t *testing.T) {
	metadata := wire.EncodeMetadata(nil, wire.Metadata{"k": {"v"}})
	tests := []struct {
		name     string
		traits   socket.Traits
		metadata wire.EncodedMetadata
		header   bool
		numbered bool
	}{
		{"plain", 0, nil, false, false},
		{"metadata", 0, metadata, true, false},
		{"latest only", socket.LatestOnly, nil, false, false},
		{"latest only with metadata", socket.LatestOnly, metadata, true, false},
		{"sequenced", socket.Sequenced, nil, true, true},
		{"sequenced with metadata", socket.Sequenced, metadata, true, true},
		{"retained", socket.Retained, nil, true, true},
	}
	p, ep := open(t)
	peer := subscribe(t, p, ep, "t/")
	var m Message // the buffers of all
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m.Topic, m.Traits, m.Metadata = append(m.Topic[:0], "t/"+tt.name...), tt.traits, tt.metadata
			if err := p.Publish(&m, &body{text: "hello"}); err != nil {
				t.Fatal(err)
			}
			frames := peer.Message()
			got, err := wire.ParsePublication(frames)
			if err != nil || string(got.Topic) != "t/"+tt.name || string(got.Body) != "hello" || (got.Header != nil) != tt.header {
				t.Fatalf("frames %q, %v, want a topic, a body, and a header: %v", frames, err, tt.header)
			}
			var h wire.PublicationHeader
			if !tt.header {
				return
			}
			if !h.Parse(got.Header) || h.Publisher != p.ID() || h.Numbered() != tt.numbered || h.Time().IsZero() || !slices.Equal(h.Metadata, tt.metadata) {
				t.Errorf("header %+v of publisher %d, want numbered %v and metadata %q", h, p.ID(), tt.numbered, tt.metadata)
			}
		})
	}
}

// TestEncodesOnlyForReceivers checks that a body is encoded only if somebody gets
// it, and that one message of several traits is numbered all the same.
func TestEncodesOnlyForReceivers(t *testing.T) {
	for _, tt := range []struct {
		name     string
		traits   socket.Traits
		encoded  int
		position uint64
	}{
		{"plain", 0, 0, 0},
		{"latest only", socket.LatestOnly, 0, 0},
		{"sequenced", socket.Sequenced, 0, 1},
		{"retained", socket.Retained, 1, 1}, // for later subscribers
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, ep := open(t)
			subscribe(t, p, ep, "other")
			b := &body{text: "hello"}
			if err := p.Publish(&Message{Topic: []byte("t"), Traits: tt.traits}, b); err != nil {
				t.Fatal(err)
			}
			if b.encoded != tt.encoded || p.Position() != tt.position {
				t.Errorf("encoded %d times, position %d, want %d and %d", b.encoded, p.Position(), tt.encoded, tt.position)
			}
		})
	}
}

// TestBare checks that subscriptions to bare messages apply to their bodies.
func TestBare(t *testing.T) {
	p, ep := open(t)
	var m Message
	b := &body{text: "hello"}
	if err := p.PublishBare(&m, b); err != nil || b.encoded != 0 {
		t.Errorf("without subscribers: %v, encoded %d times, want 0", err, b.encoded)
	}
	peer := subscribe(t, p, ep, "he")
	for _, text := range []string{"other", "hello"} {
		if err := p.PublishBare(&m, &body{text: text}); err != nil {
			t.Fatal(err)
		}
	}
	if got := peer.Message(); len(got) != 1 || string(got[0]) != "hello" {
		t.Errorf("got %q, want one frame, hello", got)
	}
}

// TestErrors checks that a message that cannot be sent has no effect.
func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	p, ep := open(t)
	peer := subscribe(t, p, ep, "")
	for _, traits := range []socket.Traits{0, socket.LatestOnly, socket.Sequenced, socket.Retained} {
		m := Message{Topic: []byte("t"), Traits: traits}
		if err := p.Publish(&m, &body{err: broken}); err != broken {
			t.Errorf("traits %b: %v, want the body's error as it is", traits, err)
		}
		m.Topic = make([]byte, MaxTopic+1)
		if err := p.Publish(&m, new(body)); status.CodeOf(err) != status.InvalidArgument {
			t.Errorf("traits %b: %v, want that the topic is too long", traits, err)
		}
	}
	if err := p.PublishBare(new(Message), &body{err: broken}); err != broken {
		t.Errorf("bare: %v, want the body's error as it is", err)
	}
	if p.Position() != 0 {
		t.Errorf("position %d, want 0: nothing was published", p.Position())
	}
	if err := p.Publish(&Message{Topic: []byte("end")}, new(body)); err != nil {
		t.Fatal(err)
	}
	if got := peer.Message(); string(got[0]) != "end" {
		t.Errorf("got %q, want the only message that was sent", got)
	}
}

// TestReusable checks that large buffers are not kept.
func TestReusable(t *testing.T) {
	p, ep := open(t)
	peer := subscribe(t, p, ep, "")
	for _, size := range []int{10, maxKept + 1} {
		m := Message{Topic: []byte("t")}
		if err := p.Publish(&m, &body{text: string(make([]byte, size))}); err != nil {
			t.Fatal(err)
		}
		if m.Reusable() != (size < maxKept) {
			t.Errorf("after %d bytes Reusable is %v", size, m.Reusable())
		}
		peer.Message()
	}
}

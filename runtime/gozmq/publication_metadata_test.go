package gozmq

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// publishAs publishes with metadata under a topic with these traits.
func publishAs(t testing.TB, p *Publisher, traits TopicTraits, r *reading, pairs ...string) {
	t.Helper()
	topic := temperature
	topic.Traits = traits
	ctx := testkit.Within(t)
	if len(pairs) > 0 {
		ctx = AppendMetadata(ctx, pairs...)
	}
	if err := Publish(ctx, p, &topic, r); err != nil {
		t.Fatal(err)
	}
}

// described reads n messages with their descriptions.
func readInfos(t testing.TB, s Subscription[*reading, stationFilter], n int) (list []PublicationInfo) {
	t.Helper()
	var info PublicationInfo
	for m, err := range s.All(StoreInfo(testkit.Within(t), &info)) {
		if err != nil {
			t.Fatal(err)
		}
		if want := "weather/" + m.GetStation() + "/temperature"; info.Topic != want {
			t.Errorf("%v has topic %q, want %q", m, info.Topic, want)
		}
		if list = append(list, info); len(list) == n {
			return list
		}
	}
	t.Fatalf("got %d messages, want %d", len(list), n)
	return nil
}

// TestPublicationMetadata has metadata come with messages of every kind of
// topic, in loops, and none with a message that has none.
func TestPublicationMetadata(t *testing.T) {
	want := Metadata{"trace": {"1", "2"}, "bin": {"\x00\xff"}}
	for _, traits := range []TopicTraits{0, Sequenced, Retained, LatestOnly, Sequenced | Retained, Retained | LatestOnly} {
		t.Run(fmt.Sprintf("traits %d", traits), func(t *testing.T) {
			everywhere(t, func(t *testing.T, s site) {
				p, _, sub := s.feed(t, nil, nil)
				one := open(t, sub, nil)
				ready(t, sub)
				publishAs(t, p, traits, at("ams", "1"), "trace", "1", "trace", "2", "bin", "\x00\xff")
				publishAs(t, p, traits, at("oslo", "2"))
				infos := readInfos(t, one, 2)
				first, second := infos[0], infos[1]
				if !reflect.DeepEqual(first.Metadata, want) || second.Metadata != nil {
					t.Errorf("got %q and %q", first.Metadata, second.Metadata)
				}
				if first.Publisher != p.pub.ID() || time.Since(first.Time).Abs() > time.Minute || first.Replayed {
					t.Errorf("got %+v", first)
				}
				if (first.Sequence == 1) != (traits&Sequenced != 0) {
					t.Errorf("sequence %d with traits %d", first.Sequence, traits)
				}
				if second.Time.IsZero() != (traits&(Sequenced|Retained) == 0) {
					t.Errorf("without metadata: %+v", second)
				}
				if first.Peer == nil || first.Peer.SocketType != "PUB" || first.Peer != second.Peer || first.Context() == nil {
					t.Errorf("came from %+v and %+v", first.Peer, second.Peer)
				}
			})
		})
	}
}

// TestRetainedMetadata has a retained message keep its metadata: for a
// subscriber that comes later, over proxies as well, and for a further stream
// of a subscriber.
func TestRetainedMetadata(t *testing.T) {
	overChains(t, PatternPubSub, func(t *testing.T, c chain) {
		p, s := publisher(t, Connect(c.front())), subscriber(t, Connect(c.back()))
		publishAs(t, p, Retained, at("ams", "old"), "k", "gone")
		publishAs(t, p, Retained, at("ams", "1"), "k", "v")
		for range 2 {
			info := readInfos(t, open(t, s, nil), 1)[0]
			if !info.Replayed || info.Metadata.Get("k") != "v" || info.Peer == nil {
				t.Errorf("got %+v", info)
			}
		}
		live := open(t, s, stations("ams"))
		readInfos(t, live, 1)
		publishAs(t, p, Retained, at("ams", "2"))
		if info := readInfos(t, live, 1)[0]; info.Replayed || info.Metadata != nil {
			t.Errorf("got %+v, want no metadata any more", info)
		}
	})
}

// The newest message of a latest_only topic keeps its metadata in the subscriber's
// queue, and in the publisher's.
func TestLatestOnlyMetadata(t *testing.T) {
	p, _, s := site{endpoint: "tcp://127.0.0.1:*"}.feed(t, []PublisherOption{WithSendQueue(2, 1<<10)}, nil)
	pattern := stationFilter{}.TopicPattern().Marked(LatestOnly)
	sub, err := OpenSubscription[reading](s, []TopicPattern{pattern}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	ready(t, s)
	const last = 2000
	for i := range last + 1 {
		publishAs(t, p, LatestOnly, at("ams", strings.Repeat("x", 1000)), "n", fmt.Sprint(i))
	}
	var info PublicationInfo
	for _, err := range sub.All(StoreInfo(testkit.Within(t), &info)) {
		if err != nil {
			t.Fatal(err)
		}
		if info.Metadata.Get("n") == fmt.Sprint(last) {
			break
		}
	}
}

// What a plain subscriber gets has two frames, and a third with metadata only.
func TestPublicationMetadataFrames(t *testing.T) {
	p := publisher(t, Bind("tcp://127.0.0.1:*"))
	raw := dialRaw(t, p.Addrs()[0], "SUB")
	raw.subscribe(0, true, "weather/")
	wantSubscribers(t, p, "weather/", 1)
	publishAs(t, p, 0, at("ams", "1"))
	publishAs(t, p, 0, at("ams", "2"), "k", "v")
	if plain := raw.recv(); len(plain) != 2 {
		t.Errorf("without metadata there are %d frames", len(plain))
	}
	frames := raw.recv()
	var h wire.PublicationHeader
	if len(frames) != 3 || !h.Parse([]byte(frames[2])) || h.Publisher != p.pub.ID() || h.Numbered() || h.Time().IsZero() {
		t.Fatalf("got %q, header %+v", frames, h)
	}
	if m, err := h.Metadata.Decode(); err != nil || m["k"][0] != "v" {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestPublicationMetadataErrors(t *testing.T) {
	p := publisher(t, Bind("inproc://"+t.Name()))
	bare := Topic[*reading]{Name: "test.Bare/Event", Bare: true}
	for _, tt := range []struct {
		name  string
		topic *Topic[*reading]
		pairs []string
		code  Code
		text  string
	}{
		{"key", &temperature, []string{"Bad Key", "v"}, CodeInvalidArgument, `metadata key "Bad Key"`},
		{"no value", &temperature, []string{"k"}, CodeInvalidArgument, "has no value"},
		{"too much", &retained, []string{"k", strings.Repeat("x", 16<<10)}, CodeResourceExhausted, "metadata has 16385 bytes"},
		{"bare", &bare, []string{"k", "v"}, CodeInvalidArgument, "bare framing has no place for metadata"},
	} {
		err := Publish(AppendMetadata(testkit.Within(t), tt.pairs...), p, tt.topic, at("ams", ""))
		wantCode(t, err, tt.code, tt.text)
	}
}

// Metadata that a foreign publisher sends and that breaks the rules is none,
// and costs neither the message nor the connection.
func TestPublicationMetadataForeign(t *testing.T) {
	endpoint, accept := listenRaw(t, "PUB")
	s := subscriber(t, Connect(endpoint))
	one := open(t, s, nil)
	raw := accept()
	bad := wire.PublicationHeader{Publisher: 7, TimeUs: 5, Metadata: wire.EncodeMetadata(nil, wire.Metadata{"Not Allowed": {"v"}})}
	raw.send("weather/ams/temperature", encode(t, at("ams", "")), string(bad.Append(nil)))
	raw.send("weather/ams/temperature", encode(t, at("ams", "")), "\xff\xff")
	infos := readInfos(t, one, 2)
	if infos[0].Metadata != nil || infos[0].Publisher != 7 || infos[1].Publisher != 0 {
		t.Errorf("got %+v", infos)
	}
}

// TestHandlerInfo has handlers find the description in their context as long as
// they run, and afterwards if they have asked for it.
func TestHandlerInfo(t *testing.T) {
	p, _, s := site{endpoint: "tcp://127.0.0.1:*"}.feed(t, nil, nil)
	contexts := make(chan context.Context, 10)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- HandleTopics(ctx, s, "test.Feed", func() []TopicHandler {
			return []TopicHandler{HandleTopic(&temperature, stationFilter{}, func(ctx context.Context, m *reading) error {
				if m.GetNote() != "silent" {
					info := PublicationInfoFromContext(ctx)
					if info == nil || info.Topic != "weather/ams/temperature" || info.Metadata.Get("note") != m.GetNote() || PeerFromContext(ctx) != info.Peer || info.Peer == nil {
						t.Errorf("%s has %+v", m.GetNote(), info)
					}
				}
				contexts <- ctx
				return nil
			})}
		}, nil)
	}()
	wantSubscribers(t, p, "weather/any/temperature", 1)
	for _, note := range []string{"one", "silent", "two"} {
		publishAs(t, p, 0, at("ams", note), "note", note)
	}
	one, silent, two := testkit.Receive(t, contexts, "one"), testkit.Receive(t, contexts, "silent"), testkit.Receive(t, contexts, "two")
	for note, ctx := range map[string]context.Context{"one": one, "two": two} {
		if info := PublicationInfoFromContext(ctx); info == nil || info.Metadata.Get("note") != note {
			t.Errorf("%s has %+v afterwards", note, info)
		}
	}
	if info := PublicationInfoFromContext(silent); info != nil || PeerFromContext(silent) != nil {
		t.Errorf("who did not ask in time has %+v", info)
	}
	cancel()
	if err := testkit.Receive(t, ended, "the end"); err != nil {
		t.Error(err)
	}
}

// TestPublicationCosts holds what is not used to no allocation: a publication
// without metadata, and a loop that does not ask for descriptions.
func TestPublicationCosts(t *testing.T) {
	p, _, s := site{endpoint: "inproc://" + t.Name()}.feed(t, nil, []SubscriberOption{WithReceiveQueue(10, 1<<20)})
	m := at("ams", "")
	ctx := context.WithValue(t.Context(), outgoingKey{}, outgoingMetadata{})
	if n := testing.AllocsPerRun(200, func() {
		if err := Publish(ctx, p, &temperature, m); err != nil {
			t.Fatal(err)
		}
	}); n > 1 && !raced() { // the test's value of the topic
		t.Errorf("publishing allocates %v times", n)
	}
	header := wire.PublicationHeader{Publisher: 1, TimeUs: 5, Metadata: wire.EncodeMetadata(nil, wire.Metadata{"k": {"v"}})}
	pub := &wire.Publication{Topic: []byte("weather/ams/temperature"), Body: []byte(encode(t, m)), Header: header.Append(nil)}
	fresh := func() proto.Message { m.Reset(); return m }
	loop := s.newLoop(t.Context(), subscribed, fresh, func(proto.Message, error) bool { return true })
	bare := testing.AllocsPerRun(200, func() { _, _ = decodeBody(&s.bodies, pub.Body, fresh) })
	if n := testing.AllocsPerRun(200, func() { loop.deliver(pub) }); n > bare && !raced() {
		t.Errorf("a loop allocates %v times per message, decoding alone %v", n, bare)
	}
	var contexts publicationContexts
	if n := testing.AllocsPerRun(320, func() { contexts.begin(ctx, pub); contexts.end() }); n >= 1 && !raced() {
		t.Errorf("a handler's context costs %v allocations", n)
	}
}

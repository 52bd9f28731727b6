package goldens

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/testdata/golden/edition2023"
	"github.com/gozmq/gozmq/testdata/golden/edition2023/edition2023gozmq"
	"github.com/gozmq/gozmq/testdata/golden/message/messagegozmq"
	"github.com/gozmq/gozmq/testdata/golden/names"
	"github.com/gozmq/gozmq/testdata/golden/names/namesgozmq"
	"github.com/gozmq/gozmq/testdata/golden/pubsub"
	"github.com/gozmq/gozmq/testdata/golden/pubsub/pubsubgozmq"
)

// A values makes up values.
type values struct{ *rand.Rand }

// newValues notes its seed in the test's log.
func newValues(t *testing.T) values {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return values{rand.New(rand.NewPCG(seed, 0))}
}

// text is a string of up to 6 bytes, among them all that mean something in a
// topic.
func (v values) text() string {
	const special = "%/.-_~ \t\x00\xff\xc3\xa9AZaz09é"
	b := make([]byte, v.IntN(7))
	for i := range b {
		if b[i] = byte(v.Uint32()); v.IntN(2) == 0 {
			b[i] = special[v.IntN(len(special))]
		}
	}
	return string(b)
}

// number is one of any size.
func (v values) number() uint64 { return v.Uint64() >> v.IntN(64) }

func (v values) reading() *pubsub.Reading {
	return &pubsub.Reading{
		I32: int32(v.number()), S32: -int32(v.number()), X32: int32(v.number()), U32: uint32(v.number()), F32: uint32(v.number()),
		I64: int64(v.number()), S64: -int64(v.number()), X64: int64(v.number()), U64: v.number(), F64: v.number(),
		Ok: v.IntN(2) == 0, Kind: pubsub.Kind(v.IntN(4) - 1),
		Place:   &pubsub.Place{Inner: &pubsub.Place_Inner{Id: int64(v.number())}, Name: v.text(), Kind: pubsub.Place_Kind(v.IntN(4) - 1)},
		Station: v.text(), PlaceName: v.text(), TopicPattern: v.text(), Reset_: v.text(),
	}
}

// rebuilt is the topic of a message that has the fields.
func rebuilt(f pubsubgozmq.FeedEverythingFields) string {
	return pubsubgozmq.FeedEverythingTopic(&pubsub.Reading{
		I32: f.I32, S32: f.S32, X32: f.X32, U32: f.U32, F32: f.F32, I64: f.I64, S64: f.S64, X64: f.X64, U64: f.U64, F64: f.F64,
		Ok: f.Ok, Kind: f.Kind, Station: f.Station,
		Place: &pubsub.Place{Inner: &pubsub.Place_Inner{Id: f.PlaceInnerId}, Name: f.PlaceName, Kind: f.PlaceKind},
	})
}

// What a topic is built from is what parsing finds in it.
func TestParseTopicReturnsWhatWasBuilt(t *testing.T) {
	v := newValues(t)
	for range 5000 {
		m := v.reading()
		f, err := pubsubgozmq.ParseFeedEverythingTopic(pubsubgozmq.FeedEverythingTopic(m))
		if err != nil {
			t.Fatalf("%v: %v", m, err)
		}
		want := pubsubgozmq.FeedEverythingFields{
			I32: m.I32, S32: m.S32, X32: m.X32, U32: m.U32, F32: m.F32, I64: m.I64, S64: m.S64, X64: m.X64, U64: m.U64, F64: m.F64,
			Ok: m.Ok, Kind: m.Kind, PlaceInnerId: m.Place.Inner.Id, PlaceName: m.Place.Name, Station: m.Station, PlaceKind: m.Place.Kind,
		}
		if f != want {
			t.Fatalf("got  %+v\nwant %+v", f, want)
		}
		twice, err := pubsubgozmq.ParseFeedTwiceTopic(pubsubgozmq.FeedTwiceTopic(m))
		if err != nil || twice.Station != m.Station {
			t.Fatalf("%q: got %+v, %v", m.Station, twice, err)
		}
		same, err := pubsubgozmq.ParseFeedNamesTopic(pubsubgozmq.FeedNamesTopic(m))
		if err != nil || same != (pubsubgozmq.FeedNamesFields{PlaceName: m.PlaceName, Place_Name: m.Place.Name, TopicPattern_: m.TopicPattern, Reset: m.Reset_}) {
			t.Fatalf("%v: got %+v, %v", m, same, err)
		}
		chosen, err := pubsubgozmq.ParseFeedChosenTopic(pubsubgozmq.FeedChosenTopic(&pubsub.Reading{Choice: &pubsub.Reading_A{A: m.Station}, Maybe: &m.I32}))
		if err != nil || chosen != (pubsubgozmq.FeedChosenFields{A: m.Station, Maybe: m.I32}) {
			t.Fatalf("%v: got %+v, %v", m, chosen, err)
		}
		number, text := int64(v.number()), v.text()
		account := edition2023.Account_builder{Id: &number, Owner: edition2023.Account_Owner_builder{Name: text}.Build(), Kind: edition2023.Kind_KIND_PUBLIC.Enum()}.Build()
		booked, err := edition2023gozmq.ParseLedgerBookedTopic(edition2023gozmq.LedgerBookedTopic(account))
		if err != nil || booked.Id != number || booked.OwnerName != text || booked.Kind != edition2023.Kind_KIND_PUBLIC {
			t.Fatalf("%v: got %+v, %v", account, booked, err)
		}
		strange, err := namesgozmq.ParseInterfaceRangeTopic(namesgozmq.InterfaceRangeTopic(&names.Var{Map: m.Station, Ctx: m.PlaceName, B: text, M: m.TopicPattern, P: m.Reset_}))
		if err != nil || strange != (namesgozmq.InterfaceRangeFields{Map: m.Station, Ctx: m.PlaceName, B: text, M: m.TopicPattern, P: m.Reset_}) {
			t.Fatalf("got %+v, %v", strange, err)
		}
	}
}

// Any other topic is an error: what parses is built again, byte by byte.
func TestParseTopicRefusesForeignTopics(t *testing.T) {
	v := newValues(t)
	passed := 0
	for range 20_000 {
		topic := []byte(pubsubgozmq.FeedEverythingTopic(v.reading()))
		for range 1 + v.IntN(2) {
			i := v.IntN(len(topic) + 1)
			switch v.IntN(3) {
			case 0:
				topic = topic[:i]
			case 1:
				topic = append(topic[:i:i], v.text()...)
			case 2:
				topic = append(append(append([]byte(nil), topic[:i]...), v.text()...), topic[i:]...)
			}
		}
		f, err := pubsubgozmq.ParseFeedEverythingTopic(string(topic))
		switch {
		case err == nil && rebuilt(f) != string(topic):
			t.Fatalf("%q was parsed as %+v, which builds %q", topic, f, rebuilt(f))
		case err == nil:
			passed++
		case f != (pubsubgozmq.FeedEverythingFields{}) || gozmq.CodeOf(err) != gozmq.CodeInvalidArgument:
			t.Fatalf("%q: %+v, %v", topic, f, err)
		}
	}
	t.Logf("%d of 20000 were topics after all", passed)
	for _, topic := range []string{
		"", "weather", "weather/", "weather/ams", "weather/ams/temperature/", "Weather/ams/temperature", "weather/a/b/temperature",
		"weather/S o/temperature", "weather/%2f/temperature", "weather/%61/temperature", "weather/%/temperature", "weather/%4/temperature",
		"weather/%zz/temperature", "weather/\xff/temperature", "weather/%+1/temperature",
	} {
		if f, err := pubsubgozmq.ParseFeedTemperatureTopic(topic); err == nil {
			t.Errorf("%q was parsed as %+v", topic, f)
		}
	}
	for _, topic := range []string{"readings/ams/-1", "readings/ams/007", "readings/ams/+1", "readings/ams/", "readings/ams/4294967296", "readings/ams/99999999999999999999", "readings/ams/1e3"} {
		if f, err := messagegozmq.ParseReadingTopic(topic); err == nil {
			t.Errorf("%q was parsed as %+v", topic, f)
		}
	}
	for _, topic := range []string{"twice/a-b", "twice/a-a-", "twice/a"} {
		if f, err := pubsubgozmq.ParseFeedTwiceTopic(topic); err == nil {
			t.Errorf("%q was parsed as %+v", topic, f)
		}
	}
	for _, topic := range []string{"place/1", "place/VILLAGE", "place/town", "place/4294967297"} { // 1 has a name
		if f, err := pubsubgozmq.ParsePlaceTopic(topic); err == nil {
			t.Errorf("%q was parsed as %+v", topic, f)
		}
	}
}

func FuzzParseTopic(f *testing.F) {
	f.Add(pubsubgozmq.FeedEverythingTopic(&pubsub.Reading{Station: "a/b", Kind: 7}))
	f.Add("all/-1.2.3.4.5.-6.7.8.9.10/true/KIND_INDOOR/11/%C3%A9é%\t99")
	f.Fuzz(func(t *testing.T, topic string) {
		if fields, err := pubsubgozmq.ParseFeedEverythingTopic(topic); err == nil && rebuilt(fields) != topic {
			t.Errorf("%q was parsed as %+v", topic, fields)
		}
	})
}

// A feed handles three topics and leaves the others to what it embeds.
type feed struct {
	pubsubgozmq.UnimplementedFeedHandler
	got chan string
}

func (f feed) Temperature(_ context.Context, m *pubsub.Reading) error {
	f.got <- "temperature " + m.GetStation()
	return nil
}

func (f feed) Alert(_ context.Context, m *pubsub.Reading) error {
	f.got <- "alert " + m.GetStation()
	return errors.New("as asked")
}

func (f feed) Placed(_ context.Context, m *pubsub.Place) error {
	f.got <- "placed " + m.GetName()
	return nil
}

type nilFeed struct {
	*pubsubgozmq.UnimplementedFeedHandler
}

// TestHandler drives the generated handler, and a subscription that is held.
func TestHandler(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience())
	defer cancel()
	publisher, err := gozmq.NewPublisher(gozmq.Bind("inproc://" + t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	subscriber, err := gozmq.NewSubscriber(gozmq.Connect("inproc://" + t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	defer subscriber.Close()
	pub, sub := pubsubgozmq.NewFeedPublisher(publisher), pubsubgozmq.NewFeedSubscriber(subscriber)
	for name, impl := range map[string]pubsubgozmq.FeedHandler{"nil": nil, "nil embedded": nilFeed{}} {
		if err := pubsubgozmq.HandleFeed(ctx, subscriber, impl); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	held, err := sub.TemperatureSubscription([]pubsubgozmq.FeedTemperatureFilter{{Station: gozmq.Eq("b")}}, gozmq.WithOverflow(gozmq.OverflowDropOldest))
	if err != nil {
		t.Fatal(err)
	}
	held.Add(pubsubgozmq.FeedTemperatureFilter{Station: gozmq.Eq("c")})
	held.Remove(pubsubgozmq.FeedTemperatureFilter{Station: gozmq.Eq("b")})
	h, failed, subscribed, done := feed{got: make(chan string, 20)}, make(chan error, 20), make(chan struct{}), make(chan error, 1)
	handling, stop := context.WithCancel(ctx)
	go func() {
		done <- pubsubgozmq.HandleFeed(handling, subscriber, h,
			gozmq.WithSubscribedHandler(func() { close(subscribed) }),
			gozmq.WithTopicErrorHandler(func(_ context.Context, topic string, err error) { failed <- err }))
	}()
	<-subscribed
	if err := subscriber.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	for _, station := range []string{"a", "b", "c"} {
		r := &pubsub.Reading{Station: station}
		for _, publish := range []func(context.Context, *pubsub.Reading) error{pub.Temperature, pub.Twice, pub.Alert} {
			if err := publish(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		if err := pub.Placed(ctx, &pubsub.Place{Name: station}); err != nil {
			t.Fatal(err)
		}
	}
	for _, station := range []string{"a", "b", "c"} {
		for _, want := range []string{"temperature ", "alert ", "placed "} {
			if got := <-h.got; got != want+station {
				t.Fatalf("got %q, want %q", got, want+station)
			}
		}
	}
	if err := <-failed; gozmq.CodeOf(err) != gozmq.CodeUnimplemented {
		t.Errorf("the topic that is not handled failed with %v", err)
	}
	for range 3 {
		if err := <-failed; err.Error() != "as asked" {
			t.Errorf("a handler that fails was reported as %v", err)
		}
	}
	for m, err := range held.All(ctx) {
		if err != nil || !proto.Equal(m, &pubsub.Reading{Station: "c"}) {
			t.Errorf("the subscription got %v, %v", m, err)
		}
		break
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Package goldens compiles the golden files, and tries what they contain.
package goldens

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
	"github.com/gozmq/gozmq/testdata/golden/edition2023"
	"github.com/gozmq/gozmq/testdata/golden/edition2023/edition2023gozmq"
	"github.com/gozmq/gozmq/testdata/golden/message"
	"github.com/gozmq/gozmq/testdata/golden/message/messagegozmq"
	"github.com/gozmq/gozmq/testdata/golden/names"
	"github.com/gozmq/gozmq/testdata/golden/names/namesgozmq"
	"github.com/gozmq/gozmq/testdata/golden/proto2"
	"github.com/gozmq/gozmq/testdata/golden/proto2/proto2gozmq"
	"github.com/gozmq/gozmq/testdata/golden/pubsub"
	"github.com/gozmq/gozmq/testdata/golden/pubsub/pubsubgozmq"
	"github.com/gozmq/gozmq/testdata/golden/reqrep"
	"github.com/gozmq/gozmq/testdata/golden/reqrep/reqrepgozmq"
)

// A caller keeps what it was last called with. streams_test.go has its streams.
type caller struct {
	method *gozmq.Method
	req    proto.Message
}

func (c *caller) Call(_ context.Context, m *gozmq.Method, req, _ proto.Message, _ ...gozmq.CallOption) error {
	c.method, c.req = m, req
	return nil
}

func TestClient(t *testing.T) {
	c, ctx := &caller{}, context.Background()
	client := reqrepgozmq.NewLibraryClient(c)
	find, lend := &reqrep.FindRequest{}, &reqrep.LendRequest{}
	for _, tt := range []struct {
		name string
		call func() error
		want gozmq.Method
		req  proto.Message
	}{
		{"timeout and retry", func() error { _, err := client.Find(ctx, find); return err },
			gozmq.Method{Procedure: "golden.reqrep.Library/Find", Idempotency: gozmq.IdempotencyNoSideEffects, Timeout: 2 * time.Second, MaxAttempts: 3}, find},
		{"timeout", func() error { _, err := client.Lend(ctx, lend); return err },
			gozmq.Method{Procedure: "golden.reqrep.Library/Lend", Timeout: 250 * time.Millisecond}, lend},
		{"idempotent", func() error { _, err := client.Return(ctx, lend); return err },
			gozmq.Method{Procedure: "golden.reqrep.Library/Return", Idempotency: gozmq.IdempotencyIdempotent, Timeout: time.Second, MaxAttempts: 10}, lend},
		{"bare", func() error { _, err := reqrepgozmq.NewArchiveClient(c).Fetch(ctx, find); return err },
			gozmq.Method{Procedure: "golden.reqrep.Archive/Fetch", Bare: true}, find},
		{"spelling of the .proto", func() error {
			_, err := namesgozmq.NewSnakeCaseServiceClient(c).SayHello(ctx, &names.String{})
			return err
		}, gozmq.Method{Procedure: "golden.names.snake_case_service/say_hello"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(); err != nil {
				t.Fatal(err)
			}
			if *c.method != tt.want {
				t.Errorf("method is %+v, want %+v", *c.method, tt.want)
			}
			if tt.req != nil && c.req != tt.req {
				t.Errorf("request is %v, want %v", c.req, tt.req)
			}
		})
	}
}

// A registrar keeps what is registered.
type registrar struct{ services []gozmqimpl.Service }

func (r *registrar) RegisterService(s gozmqimpl.Service) error {
	r.services = append(r.services, s)
	return nil
}

type library struct {
	reqrepgozmq.UnimplementedLibraryServer
}

type nilLibrary struct {
	*reqrepgozmq.UnimplementedLibraryServer
}

func TestRegister(t *testing.T) {
	r := &registrar{}
	if err := reqrepgozmq.RegisterLibraryServer(r, library{}); err != nil {
		t.Fatal(err)
	}
	s := r.services[0]
	if s.Name != "golden.reqrep.Library" || string(s.Descriptor.FullName()) != s.Name || len(s.Handlers) != s.Descriptor.Methods().Len() {
		t.Errorf("registered %q with %d handlers, described by %v", s.Name, len(s.Handlers), s.Descriptor)
	}
	for name, impl := range map[string]reqrepgozmq.LibraryServer{"nil": nil, "nil embedded": nilLibrary{}} {
		if err := reqrepgozmq.RegisterLibraryServer(r, impl); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if len(r.services) != 1 {
		t.Errorf("%d services are registered, want 1", len(r.services))
	}
	_, err := library{}.Find(context.Background(), nil)
	if gozmq.CodeOf(err) != gozmq.CodeUnimplemented {
		t.Errorf("an unimplemented method returns %v", err)
	}
}

func TestTopics(t *testing.T) {
	account := edition2023.Account_builder{Id: proto.Int64(-7), Kind: edition2023.Kind_KIND_PUBLIC.Enum()}.Build()
	for _, tt := range []struct{ name, got, want string }{
		{"string", pubsubgozmq.FeedTemperatureTopic(&pubsub.Reading{Station: "ams"}), "weather/ams/temperature"},
		{"delimiter in the value", pubsubgozmq.FeedTemperatureTopic(&pubsub.Reading{Station: "a/b c"}), "weather/a%2Fb%20c/temperature"},
		{"empty", pubsubgozmq.FeedTemperatureTopic(&pubsub.Reading{}), "weather//temperature"},
		{"nil", pubsubgozmq.FeedTemperatureTopic(nil), "weather//temperature"},
		{"every kind", pubsubgozmq.FeedEverythingTopic(&pubsub.Reading{
			I32: -1, S32: 2, X32: 3, U32: 4, F32: 5, I64: -6, S64: 7, X64: 8, U64: 9, F64: 10, Ok: true, Kind: pubsub.Kind_KIND_INDOOR,
			Place: &pubsub.Place{Inner: &pubsub.Place_Inner{Id: 11}, Name: "é", Kind: pubsub.Place_Kind(99)}, Station: "x",
		}), "all/-1.2.3.4.5.-6.7.8.9.10/true/KIND_INDOOR/11/%C3%A9éx\t99"},
		{"through nothing", pubsubgozmq.FeedChosenTopic(&pubsub.Reading{}), "chosen//0/0"},
		{"the same field twice", pubsubgozmq.FeedTwiceTopic(&pubsub.Reading{Station: "a-b"}), "twice/a%2Db-a-b"},
		{"without a template", pubsubgozmq.FeedDefaultTopic(nil), "golden.pubsub.Feed/Default"},
		{"of the message", pubsubgozmq.FeedPlacedTopic(&pubsub.Place{Kind: pubsub.Place_TOWN}), "place/TOWN"},
		{"message", messagegozmq.ReadingTopic(&message.Reading{Station: "ams", Sensor: 3}), "readings/ams/3"},
		{"nested message", messagegozmq.ReadingSampleTopic(nil), "samples"},
		{"defaults of proto2", proto2gozmq.ChangesChangedTopic(&proto2.Item{}), "none/0/0/RED"},
		{"opaque", edition2023gozmq.LedgerBookedTopic(account), "booked//-7/KIND_PUBLIC/"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: topic is %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestFilters(t *testing.T) {
	for _, tt := range []struct {
		name   string
		filter gozmq.Filter
		want   string
	}{
		{"nothing", pubsubgozmq.FeedTemperatureFilter{}, "weather/*/temperature"},
		{"string", pubsubgozmq.FeedTemperatureFilter{Station: gozmq.Eq("a/b")}, "weather/a%2Fb/temperature"},
		{"integers and enums", pubsubgozmq.FeedEverythingFilter{I32: gozmq.Eq(int32(-1)), Kind: gozmq.Eq(pubsub.Kind_KIND_INDOOR), PlaceInnerId: gozmq.Eq(int64(2))},
			"all/-1.*.*.*.*.*.*.*.*.*/*/KIND_INDOOR/2/*é*\t*"},
		{"both places of one field", pubsubgozmq.FeedTwiceFilter{Station: gozmq.Eq("x")}, "twice/x-x"},
		{"message", messagegozmq.ReadingFilter{Sensor: gozmq.Eq(uint32(3))}, "readings/*/3"},
	} {
		if got := tt.filter.TopicPattern().String(); got != tt.want {
			t.Errorf("%s: pattern is %q, want %q", tt.name, got, tt.want)
		}
	}
}

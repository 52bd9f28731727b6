package gozmq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
)

type marked struct{}

// markStation adds the message's station to the metadata of what is published.
func markStation(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
	return next(AppendMetadata(ctx, "station", req.(*reading).GetStation(), "topic", call.Publication.Topic), req)
}

// TestPublicationInterceptors has interceptors of a publisher add metadata, which
// those of the subscriber see, in a loop and in a handler.
func TestPublicationInterceptors(t *testing.T) {
	everywhere(t, func(t *testing.T, s site) {
		var r trace
		see := func(ctx context.Context, call *CallInfo, req proto.Message, next Next) (proto.Message, error) {
			info := PublicationInfoFromContext(ctx)
			if call.Operation != OperationReceive || call.Publication != info || call.Metadata.Get("topic") != info.Topic || call.Peer == nil || PeerFromContext(ctx) != call.Peer {
				t.Errorf("got %+v with %+v", call, info)
			}
			return next(context.WithValue(ctx, marked{}, call.Metadata.Get("station")), req)
		}
		p, _, sub := s.feed(t,
			[]PublisherOption{WithInterceptors(r.interceptor("p1"), r.interceptor("p2")), WithInterceptors(markStation)},
			[]SubscriberOption{WithInterceptors(r.interceptor("s1"), see)})
		one := open(t, sub, nil)
		ready(t, sub)
		publish(t, p, at("ams", "1"))
		var info PublicationInfo
		for m, err := range one.All(StoreInfo(testkit.Within(t), &info)) {
			if err != nil || info.Context().Value(marked{}) != m.GetStation() || info.Metadata.Get("station") != "ams" {
				t.Errorf("got %v, %v with %+v", m, err, info)
			}
			r.add("body")
			break
		}
		if got, want := strings.Join(r.steps, " "), "p1> p2> <p2 <p1 s1> body <s1"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		one.Close()
		got, subscribed := make(chan any, 1), make(chan struct{})
		go func() {
			_ = HandleTopics(t.Context(), sub, "test.Feed", func() []TopicHandler {
				return []TopicHandler{HandleTopic(&temperature, stationFilter{}, func(ctx context.Context, _ *reading) error {
					got <- ctx.Value(marked{})
					return nil
				})}
			}, []TopicHandlerOption{WithSubscribedHandler(func() { close(subscribed) })})
		}()
		testkit.Receive(t, subscribed, "the subscription")
		ready(t, sub)
		publish(t, p, at("oslo", "2"))
		if station := testkit.Receive(t, got, "the handled message"); station != "oslo" {
			t.Errorf("the handler's context has %v", station)
		}
	})
}

// byNote does what a message's note says.
func byNote(ctx context.Context, _ *CallInfo, req proto.Message, next Next) (proto.Message, error) {
	switch note := req.(*reading).GetNote(); note {
	case "skip":
		return nil, nil
	case "fail":
		return nil, Errorf(CodePermissionDenied, "as asked")
	case "panic":
		panic("as asked")
	case "fail late":
		_, err := next(ctx, req)
		return nil, errors.Join(err, errors.New("too late"))
	case "panic late":
		_, _ = next(ctx, req)
		panic("too late")
	case "twice":
		_, _ = next(ctx, req)
		_, err := next(ctx, req)
		return nil, err
	case "other":
		return next(ctx, new(bytez))
	case "nothing":
		return next(ctx, nil)
	case "replace":
		return next(ctx, at("replaced", note))
	}
	return next(ctx, req)
}

// TestPublicationLoopInterceptor checks what a loop has of what an interceptor
// does.
func TestPublicationLoopInterceptor(t *testing.T) {
	events := newRecorder()
	p, _, s := site{endpoint: "inproc://" + t.Name()}.feed(t, nil, []SubscriberOption{WithInterceptors(byNote), events.option().(SubscriberOption)})
	one := open(t, s, nil)
	ready(t, s)
	for _, tt := range []struct{ note, station, err, event string }{
		{"plain", "ams", "", ""},
		{"skip", "", "", ""},
		{"fail", "", "permission_denied: as asked", ""},
		{"panic", "", "internal: ", "panic: as asked"},
		{"fail late", "ams", "", "too late"},
		{"panic late", "ams", "", "panic: too late"},
		{"twice", "ams", "", "called next a second time"},
		{"other", "", "passed on google.protobuf.BytesValue", ""},
		{"nothing", "", "passed on nil message", ""},
		{"replace", "replaced", "", ""},
	} {
		t.Run(tt.note, func(t *testing.T) {
			mark := len(events.all())
			publish(t, p, at("ams", tt.note), at("end", "end"))
			var got []string
			for m, err := range one.All(testkit.Within(t)) {
				if err != nil {
					got = append(got, err.Error())
					continue
				}
				if m.GetStation() == "end" {
					break
				}
				got = append(got, m.GetStation())
			}
			want := tt.station + tt.err
			if all := strings.Join(got, " "); want == "" && all != "" || !strings.Contains(all, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if tt.event != "" {
				events.Wait(t, mark, 1, tt.event, func(e Event) bool { return e.Err != nil && strings.Contains(e.Err.Error(), tt.event) })
			}
		})
	}
}

// A panic of the loop's body passes through the interceptors, and a loop that
// is left is over; the next one goes on.
func TestPublicationLoopInterceptorBody(t *testing.T) {
	events := newRecorder()
	p, _, s := site{endpoint: "inproc://" + t.Name()}.feed(t, nil, []SubscriberOption{WithInterceptors(byNote, byNote), events.option().(SubscriberOption)})
	one := open(t, s, nil)
	ready(t, s)
	publish(t, p, at("a", ""), at("b", ""), at("c", ""))
	func() {
		defer func() {
			if v := recover(); v != "of the body" {
				t.Errorf("recovered %v", v)
			}
		}()
		for range one.All(testkit.Within(t)) {
			panic("of the body")
		}
	}()
	for _, want := range []string{"b", "c"} {
		for m, err := range one.All(testkit.Within(t)) {
			if err != nil || m.GetStation() != want {
				t.Errorf("got %v, %v, want %s", m, err, want)
			}
			break
		}
	}
	if events.count(EventPanic) > 0 {
		t.Errorf("the panic was reported: %v", events.all())
	}
}

// TestPublishInterceptor checks what Publish returns of what an interceptor does.
func TestPublishInterceptor(t *testing.T) {
	events := newRecorder()
	p := publisher(t, Bind("inproc://"+t.Name()), WithInterceptors(byNote), events.option())
	for _, tt := range []struct {
		note string
		code Code
	}{
		{"plain", 0}, {"skip", 0}, {"fail", CodePermissionDenied}, {"panic", CodeInternal}, {"fail late", CodeUnknown},
		{"twice", 0}, {"other", CodeInternal}, {"nothing", CodeInternal}, {"replace", 0},
	} {
		err := Publish(testkit.Within(t), p, &temperature, at("ams", tt.note))
		if tt.code == 0 {
			if err != nil {
				t.Errorf("%s: %v", tt.note, err)
			}
			continue
		}
		wantCode(t, err, tt.code)
	}
	events.wait(t, EventPanic, 1)
}

// An error of an interceptor of a handler is one of the handler.
func TestHandlerInterceptorErrors(t *testing.T) {
	p, _, s := site{endpoint: "inproc://" + t.Name()}.feed(t, nil, []SubscriberOption{WithInterceptors(byNote)})
	failures := make(chan string, 10)
	handling(t, s, func(m *reading) error { failures <- "handled " + m.GetNote(); return nil }, func(*bytez) error { return nil },
		WithTopicErrorHandler(func(ctx context.Context, topic string, err error) {
			failures <- fmt.Sprint(topic == PublicationInfoFromContext(ctx).Topic, " ", err)
		}))
	publish(t, p, at("ams", "skip"), at("ams", "fail"), at("ams", "panic"), at("ams", "other"), at("ams", "plain"))
	for _, want := range []string{"true permission_denied", "true handler panicked", "true internal: test.Feed/Temperature: an interceptor passed on", "handled plain"} {
		if got := testkit.Receive(t, failures, want); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

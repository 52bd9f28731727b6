package conformance

import (
	"sync"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// A publisher is one of ours.
type publisher struct {
	*gozmq.Publisher
	*recorder
}

func publish(t *testing.T, where gozmq.Endpoints, opts ...gozmq.PublisherOption) *publisher {
	t.Helper()
	p := &publisher{recorder: newRecorder()}
	var err error
	if p.Publisher, err = gozmq.NewPublisher(append(withQuick(append([]gozmq.PublisherOption{p.option()}, opts...)), where)...); err != nil {
		t.Fatal(err)
	}
	closing(t, p)
	return p
}

// tell publishes what is its own topic.
func (p *publisher) tell(t *testing.T, list ...string) {
	t.Helper()
	for _, s := range list {
		if err := gozmqimpl.Publish(testkit.Within(t), p.Publisher, gozmqimpl.NewTopic[text]("conformance.News", s), words(s)); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitSubscribers waits until n peers are subscribed to a topic.
func (p *publisher) awaitSubscribers(t *testing.T, topic string, n int) {
	t.Helper()
	if err := p.WaitForSubscribers(testkit.Within(t), topic, n); err != nil {
		t.Fatal(err)
	}
}

// about returns the frames of a publication.
func about(t *testing.T, s string) []string {
	t.Helper()
	return []string{s, encode(t, s)}
}

// A subscriber is one of ours.
type subscriber struct {
	*gozmq.Subscriber
	*recorder
}

func subscribe(t *testing.T, where gozmq.Endpoints, opts ...gozmq.SubscriberOption) *subscriber {
	t.Helper()
	s := &subscriber{recorder: newRecorder()}
	var err error
	if s.Subscriber, err = gozmq.NewSubscriber(append(withQuick(append([]gozmq.SubscriberOption{s.option()}, opts...)), where)...); err != nil {
		t.Fatal(err)
	}
	closing(t, s)
	return s
}

// under is the filter that takes what begins with a text and goes on with
// letters and digits.
type under string

func (u under) TopicPattern() gozmq.TopicPattern {
	return gozmqimpl.NewTopic("under", string(u)+"{rest}", gozmqimpl.String((*text).String)).Pattern()
}

// exactly is the filter that takes one topic.
type exactly string

func (e exactly) TopicPattern() gozmq.TopicPattern {
	return gozmqimpl.NewTopic[text]("exactly", string(e)).Pattern()
}

// listen subscribes to what a filter takes; the subscription has begun when it
// returns.
func listen[F gozmq.Filter](t *testing.T, s *subscriber, filters ...F) *stream {
	t.Helper()
	sub, err := gozmqimpl.Open(s.Subscriber, news, filters, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := follow(t, sub.All)
	end := f.stop
	f.stop = sync.OnceFunc(func() { _ = sub.Close(); end() })
	t.Cleanup(f.stop)
	return f
}

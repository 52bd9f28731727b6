package gozmq

import (
	"fmt"
	"testing"

	"github.com/gozmq/gozmq/runtime/internal/bridge"
	"github.com/gozmq/gozmq/runtime/internal/topic"
)

// routes returns n handlers of the topics "service/t<i>/*", and one each of the
// topics "*", "service/*/tail" and "service".
func routes(n int) (*topicRoutes, []bridge.TopicHandler[Method]) {
	var list []bridge.TopicHandler[Method]
	add := func(literals ...string) {
		p := topic.Literal(literals[0])
		for _, text := range literals[1:] {
			delim := byte(0)
			if text != "" {
				delim = text[0]
			}
			p.AddOpen(delim)
			p.AddLiteral(text)
		}
		list = append(list, bridge.TopicHandler[Method]{Name: p.String(), Pattern: p})
	}
	for i := range n {
		add(fmt.Sprintf("service/t%d/", i), "")
	}
	add("", "")
	add("service/", "/tail")
	add("service")
	r := new(topicRoutes)
	for i := range list {
		r.add(&list[i])
	}
	return r, list
}

func TestTopicRoutes(t *testing.T) {
	r, list := routes(30)
	find := func(name string) string {
		if h := r.find([]byte(name)); h != nil {
			return h.Name
		}
		return ""
	}
	for name, want := range map[string]string{
		"service/t7/x":    "service/t7/*",
		"service/t7/":     "service/t7/*",
		"service/t29/y":   "service/t29/*",
		"service/x/tail":  "service/*/tail",
		"elsewhere":       "*",
		"service/t30/x":   "",
		"service/t7/x/y":  "",
		"service/t7/a/b/": "",
	} {
		if got := find(name); got != want {
			t.Errorf("%q goes to %q, want %q", name, got, want)
		}
	}
	r.remove(&list[7])
	if got := find("service/t7/x"); got != "" {
		t.Errorf("a topic that was removed goes to %q", got)
	}
	if got := find("service/t8/x"); got != "service/t8/*" {
		t.Errorf("its neighbor goes to %q", got)
	}
	bare := bridge.TopicHandler[Method]{Name: "bare", Bare: true}
	if r.add(&bare); find("anything") != "bare" {
		t.Error("a message without a topic does not go to its handler")
	}
}

// TestTopicRoutesGrow checks that many handlers cost a lookup no more than few,
// and that it allocates nothing.
func TestTopicRoutesGrow(t *testing.T) {
	for _, n := range []int{10, 10_000} {
		r, _ := routes(n)
		tried := 0
		r.visit = func(h *bridge.TopicHandler[Method]) { tried++; r.match(h) }
		name := []byte("service/t9/x")
		if h := r.find(name); h == nil || h.Name != "service/t9/*" {
			t.Fatalf("found %v", h)
		}
		if tried > 4 {
			t.Errorf("with %d handlers, %d patterns were tried", n, tried)
		}
		if got := testing.AllocsPerRun(100, func() { r.find(name) }); got > 0 {
			t.Errorf("with %d handlers, a lookup allocates %v times", n, got)
		}
	}
}

func BenchmarkTopicRoutes(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, _ := routes(n)
			name := fmt.Appendf(nil, "service/t%d/x", n-1)
			b.ReportAllocs()
			for b.Loop() {
				r.find(name)
			}
		})
	}
}

package topic

import (
	"fmt"
	"testing"
)

// routes returns n routes of the topics "service/t<i>/*", and one each of the
// topics "*", "service/*/tail" and "service".
func routes(n int) (*Routes[string], []Route[string]) {
	var list []Route[string]
	add := func(literals ...string) {
		p := Literal(literals[0])
		for _, text := range literals[1:] {
			delim := byte(0)
			if text != "" {
				delim = text[0]
			}
			p.AddOpen(delim)
			p.AddLiteral(text)
		}
		list = append(list, Route[string]{Pattern: p, Handler: p.String()})
	}
	for i := range n {
		add(fmt.Sprintf("service/t%d/", i), "")
	}
	add("", "")
	add("service/", "/tail")
	add("service")
	r := new(Routes[string])
	for i := range list {
		r.Add(&list[i])
	}
	return r, list
}

func TestRoutes(t *testing.T) {
	r, list := routes(30)
	find := func(name string) string {
		if h := r.Find([]byte(name)); h != nil {
			return h.Handler
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
	r.Remove(&list[7])
	if got := find("service/t7/x"); got != "" {
		t.Errorf("a topic that was removed goes to %q", got)
	}
	if got := find("service/t8/x"); got != "service/t8/*" {
		t.Errorf("its neighbor goes to %q", got)
	}
	bare := Route[string]{Handler: "bare"}
	if r.AddBare(&bare); find("anything") != "bare" {
		t.Error("a message without a topic does not go to its handler")
	}
}

// TestRoutesGrow checks that many handlers cost a lookup no more than few,
// and that it allocates nothing.
func TestRoutesGrow(t *testing.T) {
	for _, n := range []int{10, 10_000} {
		r, _ := routes(n)
		tried := 0
		r.visit = func(h *Route[string]) { tried++; r.match(h) }
		name := []byte("service/t9/x")
		if h := r.Find(name); h == nil || h.Handler != "service/t9/*" {
			t.Fatalf("found %v", h)
		}
		if tried > 4 {
			t.Errorf("with %d handlers, %d patterns were tried", n, tried)
		}
		if got := testing.AllocsPerRun(100, func() { r.Find(name) }); got > 0 {
			t.Errorf("with %d handlers, a lookup allocates %v times", n, got)
		}
	}
}

func BenchmarkRoutes(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, _ := routes(n)
			name := fmt.Appendf(nil, "service/t%d/x", n-1)
			b.ReportAllocs()
			for b.Loop() {
				r.Find(name)
			}
		})
	}
}

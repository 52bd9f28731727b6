package interop

import (
	"slices"
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// overSecuredProxies runs a test with our proxy between libzmq's sockets, one of
// which has to come with credentials and the other has none.
func overSecuredProxies(t *testing.T, pattern gozmq.Pattern, front, back string, test func(t *testing.T, front, back *probe)) {
	python(t)
	for _, l := range newLocks(t) {
		if !l.weServe {
			continue
		}
		for _, guarded := range []string{"front", "back"} {
			t.Run(l.name+" at the "+guarded, func(t *testing.T) {
				leakChecked(t)
				sides := [2]gozmq.Endpoints{gozmq.Bind(anyPort), gozmq.Bind(anyPort)}
				options := [2]map[string]any{}
				i := slices.Index([]string{"front", "back"}, guarded)
				sides[i], options[i] = sides[i].Secured(l.ours), l.theirs
				_, frontAt, backAt := newProxy(t, pattern, sides[0], sides[1])
				a, b := newProbe(t, front, options[0]), newProbe(t, back, options[1])
				a.connect(frontAt)
				b.connect(backAt)
				test(t, a, b)
			})
		}
	}
}

func TestSecuredProxyReqRep(t *testing.T) {
	overSecuredProxies(t, gozmq.PatternReqRep, "REQ", "REP", func(t *testing.T, req, rep *probe) {
		for range 3 {
			req.send([]byte("question"), make([]byte, 100_000))
			wantFrames(t, rep.receive(), []byte("question"), make([]byte, 100_000))
			rep.send([]byte("answer"))
			wantFrames(t, req.receive(), []byte("answer"))
		}
	})
}

func TestSecuredProxyPubSub(t *testing.T) {
	overSecuredProxies(t, gozmq.PatternPubSub, "XPUB", "SUB", func(t *testing.T, pub, sub *probe) {
		sub.set("SUBSCRIBE", []byte(amsTopic))
		wantFrames(t, pub.receive(), []byte("\x01"+amsTopic))
		pub.send([]byte("elsewhere"), []byte("1"))
		pub.send(reading(t, amsTopic, "ams")...)
		wantFrames(t, sub.receive(), reading(t, amsTopic, "ams")...)
	})
}

func TestSecuredProxyPushPull(t *testing.T) {
	overSecuredProxies(t, gozmq.PatternPushPull, "PUSH", "PULL", func(t *testing.T, push, pull *probe) {
		for _, task := range []string{"a", "b", "c"} {
			push.send([]byte(renderMethod), []byte(task))
		}
		for _, task := range []string{"a", "b", "c"} {
			wantFrames(t, pull.receive(), []byte(renderMethod), []byte(task))
		}
	})
}

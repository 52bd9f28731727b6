package conformance

import (
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A proxy is one of ours.
type proxy struct {
	*gozmq.Proxy
	*recorder
}

// relay opens a proxy, both sides of which bind.
func relay(t *testing.T, at *env, pattern gozmq.Pattern, opts ...gozmq.ProxyOption) *proxy {
	t.Helper()
	p := &proxy{recorder: newRecorder()}
	opts = withQuick(append([]gozmq.ProxyOption{gozmq.Front(gozmq.Bind(at.endpoint())), gozmq.Back(gozmq.Bind(at.endpoint())), p.option()}, opts...))
	var err error
	if p.Proxy, err = gozmq.NewProxy(pattern, opts...); err != nil {
		t.Fatal(err)
	}
	closing(t, p)
	return p
}

package gozmq

import (
	"context"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/internal/zmtp"
)

func TestProxyOptions(t *testing.T) {
	any := Bind("inproc://proxy-options")
	for _, test := range []struct {
		name        string
		pattern     Pattern
		front, back Endpoints
		opts        []ProxyOption
		want        []string
	}{
		{"no pattern", 0, any, any, nil, []string{"pattern 0", "gozmq.PatternReqRep"}},
		{"unknown pattern", 9, any, any, nil, []string{"pattern 9"}},
		{"no front", PatternReqRep, Endpoints{}, any, nil, []string{"front: ", "no endpoint"}},
		{"no back", PatternPubSub, any, Endpoints{}, nil, []string{"back: ", "no endpoint"}},
		{"malformed", PatternPushPull, any, Connect("tcp://"), nil, []string{"back: "}},
		{"taken", PatternReqRep, any, any, nil, []string{"front: ", "inproc://proxy-options"}},
		{"socket option", PatternReqRep, any, any, []ProxyOption{WithMaxMessageSize(0)}, []string{"WithMaxMessageSize"}},
		{"subscriptions", PatternPubSub, any, any, []ProxyOption{WithMaxSubscriptions(0)}, []string{"WithMaxSubscriptions"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := NewProxy(test.pattern, append(test.opts, Front(test.front), Back(test.back))...)
			if p != nil {
				t.Error("got a proxy")
			}
			wantText(t, err, append(test.want, "proxy: ")...)
		})
	}
}

// Run ends with its context, or when someone else closes the proxy.
func TestProxyRun(t *testing.T) {
	for _, pattern := range []Pattern{PatternReqRep, PatternPubSub, PatternPushPull} {
		t.Run(pattern.String(), func(t *testing.T) {
			for _, end := range []string{"context", "Close"} {
				p := proxy(t, pattern, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"))
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- p.Run(ctx) }()
				if end == "Close" {
					if err := p.Close(); err != nil {
						t.Error(err)
					}
				} else {
					cancel()
				}
				if err := testkit.Receive(t, done, "the end of Run"); err != nil {
					t.Error(err)
				}
				cancel()
			}
		})
	}
}

// Closing a proxy frees those who wait for it.
func TestProxyCloseEndsCalls(t *testing.T) {
	p := proxy(t, PatternReqRep, Bind("tcp://127.0.0.1:*"), Bind("tcp://127.0.0.1:*"))
	conn := dial(t, Connect(p.FrontAddrs()...))
	server := dialRaw(t, p.BackAddrs()[0], zmtp.Rep)
	done := make(chan error, 1)
	go func() { done <- callEcho(testkit.Within(t), conn, "open") }()
	server.recv()
	go p.Close()
	server.wantClosed()
	server.Close()
	wantCode(t, testkit.Receive(t, done, "the end of the call"), CodeUnavailable)
}

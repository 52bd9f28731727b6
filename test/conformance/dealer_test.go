package conformance

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/test/internal/rawzmtp"
)

func dealerRoundRobin(t *testing.T, at *env) {
	p := relay(t, at, gozmq.PatternReqRep)
	var servers []peer
	for i := range 3 {
		servers = append(servers, at.dial(t, "REP", p.BackAddrs()[0]))
		p.await(t, gozmq.EventConnected, i+1)
	}
	client := at.dial(t, "DEALER", p.FrontAddrs()[0])
	for i := range 9 {
		client.send("", fmt.Sprint(i))
	}
	first := map[int]bool{}
	for _, s := range servers {
		var numbers [3]int
		for i := range numbers {
			if _, err := fmt.Sscan(s.recv()[0], &numbers[i]); err != nil {
				t.Fatal(err)
			}
			s.send("done")
		}
		if numbers[1] != numbers[0]+3 || numbers[2] != numbers[0]+6 {
			t.Errorf("a server got the requests %v, want every third", numbers)
		}
		first[numbers[0]] = true
	}
	if len(first) != 3 {
		t.Errorf("the first requests went to %v", first)
	}
	for range 9 {
		want(t, "the reply", client.recv(), []string{"", "done"})
	}
}

// dealerFair has one server that answers each request many times.
func dealerFair(t *testing.T, at *env) {
	p := relay(t, at, gozmq.PatternReqRep)
	greedy := at.dial(t, "DEALER", p.BackAddrs()[0])
	p.await(t, gozmq.EventConnected, 1)
	client := at.dial(t, "DEALER", p.FrontAddrs()[0])
	client.send("me", "", "for greedy")
	request := greedy.recv()
	modest := at.dial(t, "REP", p.BackAddrs()[0])
	p.await(t, gozmq.EventConnected, 3)
	stop := floods(at, greedy, append(request[:len(request)-1:len(request)-1], "me first")...)
	defer stop()
	seen := make(chan struct{})
	go func() { // as many as it takes until one goes to modest
		defer close(seen)
		modest.recv()
		modest.send("modest")
	}()
	client.send("me", "", "for one of them")
	client.send("me", "", "for the other")
	for {
		if got := client.recv(); got[len(got)-1] == "modest" {
			break
		}
	}
	<-seen
}

func invalidReply(t *testing.T, at *env) {
	p, where := at.bind(t, "ROUTER")
	c := dial(t, gozmq.Connect(where))
	done := c.begin(testkit.Within(t), "hello")
	request := p.recv()
	id := request[0]
	malformed := [][]string{
		{"no id, no delimiter"},
		{id, "no delimiter", encode(t, "wrong")},
		{id[:7], "", encode(t, "wrong")},
		{"", "", encode(t, "wrong")},
		{"", encode(t, "wrong")},
	}
	for _, reply := range malformed {
		p.send(reply...)
	}
	p.send(id, "", encode(t, "right"))
	wantReply(t, done, "right")
	c.await(t, gozmq.EventMalformed, len(malformed))
	if n := c.count(gozmq.EventMalformed); n != len(malformed) {
		t.Errorf("%d replies were reported, want %d:\n%s", n, len(malformed), c)
	}
}

func reqRelaxed(t *testing.T, at *env) {
	p, where := at.bind(t, "ROUTER")
	c := dial(t, gozmq.Connect(where))
	for range 3 {
		ctx, cancel := context.WithCancel(testkit.Within(t))
		late := c.begin(ctx, "late")
		first := p.recv()
		cancel()
		wantCode(t, late, gozmq.CodeCanceled)
		next := c.begin(testkit.Within(t), "next")
		second := p.recv()
		p.send(first[0], "", encode(t, "late"))
		p.send(second[0], "", encode(t, "next"))
		wantReply(t, next, "next")
	}
}

func reqRelaxedServer(t *testing.T, at *env) {
	goOn := make(chan struct{})
	s := at.serve(t, func(_ context.Context, req *text) (*text, error) {
		if string(req.GetValue()) == "slow" {
			<-goOn
		}
		return req, nil
	})
	z := at.socket(t, "REQ", options{"REQ_RELAXED": 1, "REQ_CORRELATE": 1})
	z.connect(s.endpoint)
	z.send(encode(t, "slow"))
	z.send(encode(t, "quick"))
	want(t, "the reply", z.recv(), []string{encode(t, "quick")})
	close(goOn)
	z.send(encode(t, "another"))
	want(t, "the reply", z.recv(), []string{encode(t, "another")})
}

// routerFull sends requests with large replies and reads none until all are
// sent.
func routerFull(t *testing.T, at *env) {
	const n = 300
	s := at.serve(t, echo, gozmq.WithSendQueue(10, 64<<10))
	p := at.dial(t, "DEALER", s.endpoint).(*rawPeer)
	padding := strings.Repeat("x", 64<<10)
	wrote := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < n && err == nil; i++ {
			_, err = p.conn.Write(rawzmtp.Message(fmt.Sprint(i), "", encode(t, padding)))
		}
		wrote <- err
	}()
	seen := map[string]int{}
	for range n {
		seen[p.recv()[0]]++
	}
	if err := testkit.Receive(t, wrote, "the end of writing"); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if seen[fmt.Sprint(i)] != 1 {
			t.Errorf("request %d had %d replies", i, seen[fmt.Sprint(i)])
		}
	}
}

func probeRouter(t *testing.T, at *env) {
	s := at.serve(t, echo)
	var p peer
	if at.isLibzmq() {
		z := at.socket(t, "REQ", options{"PROBE_ROUTER": 1})
		z.connect(s.endpoint)
		p = z
	} else {
		p = at.dial(t, "REQ", s.endpoint)
		p.(*rawPeer).write(rawzmtp.Message(""))
	}
	p.send(encode(t, "hello"))
	want(t, "the reply", p.recv(), []string{encode(t, "hello")})

	var where string
	if at.isLibzmq() {
		z := at.socket(t, "ROUTER", options{"PROBE_ROUTER": 1})
		where = z.bind(at.endpoint())
		p = z
	} else {
		p, where = at.bind(t, "ROUTER")
	}
	c := dial(t, gozmq.Connect(where))
	if r, ok := p.(*rawPeer); ok {
		r.send("")
	}
	done := c.begin(testkit.Within(t), "hello")
	p.send(p.recv()...)
	wantReply(t, done, "hello")
	if n := s.count(gozmq.EventMalformed) + c.count(gozmq.EventMalformed); n > 0 {
		t.Errorf("a probe was reported as malformed:\n%s%s", s, c)
	}
}

func issue566(t *testing.T, at *env) {
	s := at.serve(t, echo)
	for i := range 100 {
		p := at.dialAs(t, "DEALER", s.endpoint, fmt.Sprint("peer", i))
		p.send("", encode(t, fmt.Sprint(i)))
		want(t, "the reply", p.recv(), []string{"", encode(t, fmt.Sprint(i))})
		p.close()
	}
}

// reqrepDevice chains two proxies: the second's front connects to the first's
// back.
func reqrepDevice(t *testing.T, at *env) {
	first := relay(t, at, gozmq.PatternReqRep)
	events := newRecorder()
	second, err := gozmq.NewProxy(gozmq.PatternReqRep, gozmq.Front(gozmq.Connect(first.BackAddrs()[0])), gozmq.Back(gozmq.Bind(at.endpoint())), gozmq.WithLinger(0), events.option())
	if err != nil {
		t.Fatal(err)
	}
	closing(t, second)
	front, back := first.FrontAddrs()[0], second.BackAddrs()[0]

	server := at.dial(t, "REP", back)
	req, dealer := at.dial(t, "REQ", front), at.dial(t, "DEALER", front)
	for range 2 {
		req.send("from REQ")
		dealer.send("a", "bb", "", "from DEALER", "", "more")
		for range 2 {
			server.send(server.recv()...)
		}
		want(t, "the reply", req.recv(), []string{"from REQ"})
		want(t, "the reply", dealer.recv(), []string{"a", "bb", "", "from DEALER", "", "more"})
	}
	ours := dial(t, gozmq.Connect(front))
	done := ours.begin(testkit.Within(t), "ours")
	server.send(server.recv()...)
	wantReply(t, done, "ours")
	server.close()
	events.await(t, gozmq.EventDisconnected, 1)

	serveAt(t, gozmq.Connect(back), echo)
	reply, err := ours.call(testkit.Within(t), "both are ours", gozmq.WithWaitForReady())
	if err != nil || reply != "both are ours" {
		t.Fatalf("got %q, %v", reply, err)
	}
}

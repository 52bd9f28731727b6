package soak

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

// hostileRounds is how often the good peer's rate is measured, with the attack
// and without.
const hostileRounds = 3

// TestHostile has a process attack a socket while a good peer is served. The
// socket lives, and takes no more memory and descriptors than is stated for each
// attack. With -hostile it also measures which part of its rate the good peer
// keeps; all processes share the machine, so that what the attacker itself
// computes counts against us.
func TestHostile(t *testing.T) {
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			open := newServerVictim
			switch {
			case a.kept:
				open = newRetainingVictim
			case a.feed:
				open = newPublisherVictim
			}
			v := open(t)
			v.serve(t, 50) // what is opened once is open
			before := takings(t)
			round, rounds := *hostileFor, hostileRounds
			if round == 0 {
				round, rounds = 50*time.Millisecond, 1
			}
			var ratios []float64
			var most taking
			for range rounds {
				alone, costs := v.rate(t, round)
				made, stop := a.begin(t, v.addr)
				beside, costsBeside := v.rate(t, round)
				most = most.max(takings(t))
				v.serve(t, 10)
				count := made()
				if a.told != 0 {
					testkit.Eventually(t, "what tells of it", func() bool { return v.told.count(a.told) > 0 })
				}
				stop()
				ratios = append(ratios, beside/alone)
				t.Logf("alone %.0f/s, beside %d hostile connections %.0f/s: %.2f; the attack takes %.2f processors of ours, a turn %v alone",
					alone, count, beside, beside/alone, beside*(costsBeside-costs).Seconds(), costs)
			}
			v.serve(t, 10)
			slices.Sort(ratios)
			kept := ratios[len(ratios)/2]
			t.Logf("| %s | %.2f | %d | %d |", a.name, kept, (most.bytes-before.bytes)>>20, most.descriptors-before.descriptors)
			if grown := (most.bytes - before.bytes) >> 20; grown > a.memory {
				t.Errorf("%d MiB more were in use, at most %d are allowed", grown, a.memory)
			}
			if grown := most.descriptors - before.descriptors; grown > a.descriptors {
				t.Errorf("%d descriptors more were open, at most %d are allowed", grown, a.descriptors)
			}
			wantBack(t, "descriptors", before.descriptors, func() int { return openDescriptors(t) })
			if *hostileFor > 0 && kept < 0.5 {
				t.Errorf("the good peer keeps %.2f of its rate, want at least half", kept)
			}
		})
	}
}

// begin starts the attack and returns once it has begun. made returns how many
// connections it has made; stop ends it.
func (a *attack) begin(t *testing.T, addr string) (made func() int, stop func()) {
	t.Helper()
	var mu sync.Mutex
	count, begun := 0, make(chan struct{})
	c := &child{t: t, role: "hostile", args: func(int) []string { return []string{a.name, strings.TrimPrefix(addr, "tcp://"), strconv.Itoa(a.at)} }}
	c.heard = func(int, string, string) {
		mu.Lock()
		defer mu.Unlock()
		if count++; count == a.at {
			close(begun)
		}
	}
	c.start()
	testkit.Receive(t, begun, "as many connections as the attack has at a time")
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return count
	}, c.stop
}

// A taking is what the process takes of the system.
type taking struct{ bytes, descriptors int }

func (a taking) max(b taking) taking {
	return taking{max(a.bytes, b.bytes), max(a.descriptors, b.descriptors)}
}

// takings returns the least of three looks: a collection keeps what was made while
// it ran, also what is garbage by its end, and on a busy machine that is much.
func takings(t *testing.T) taking {
	least := math.MaxInt
	for range 3 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		least = min(least, int(m.HeapAlloc+m.StackInuse))
	}
	return taking{least, openDescriptors(t)}
}

// A victim is a socket with a good peer.
type victim struct {
	addr string
	told *recorder    // of a server
	once func() error // has the good peer served once
}

// serve has the good peer served n times.
func (v *victim) serve(t *testing.T, n int) {
	t.Helper()
	for range n {
		must(t, v.once())
	}
}

// rate returns how often a second the good peer is served, during d, and how much
// processor time each time takes, with all that this process does meanwhile.
func (v *victim) rate(t *testing.T, d time.Duration) (float64, time.Duration) {
	t.Helper()
	n, begin, computed := 0, time.Now(), processorTime()
	for n == 0 || time.Since(begin) < d {
		must(t, v.once())
		n++
	}
	return float64(n) / time.Since(begin).Seconds(), (processorTime() - computed) / time.Duration(n)
}

// newServerVictim is a server that a good client calls, one call at a time.
func newServerVictim(t *testing.T) *victim {
	ctx := t.Context()
	told := newRecorder()
	s, err := gozmq.NewServer(gozmq.Bind(anyPort), told.option(), gozmq.WithKernelBuffers(kernelBuffer, kernelBuffer))
	must(t, err)
	must(t, newEchoServer().register(s))
	must(t, registerStreams(s, func(string) {}))
	must(t, s.Listen())
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		must(t, s.Close())
		must(t, testkit.Receive(t, served, "the end of the server"))
	})
	c, err := gozmq.Dial(gozmq.Connect(s.Addrs()...), gozmq.WithRoutingID(goodIdentity))
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return &victim{addr: s.Addrs()[0], told: told, once: func() error {
		reply, err := gozmqimpl.Call[text](ctx, c, echoMethod, wrapperspb.String("hello"), gozmq.WithTimeout(testkit.Patience()))
		if err == nil && reply.GetValue() != "hello" {
			err = errors.New("the answer is not what was asked")
		}
		return err
	}}
}

// newPublisherVictim is a publisher whose good subscriber has each message
// before the next one is published.
func newPublisherVictim(t *testing.T) *victim { return publisherVictim(t, 0) }

// newRetainingVictim is a newPublisherVictim with many retained topics.
func newRetainingVictim(t *testing.T) *victim { return publisherVictim(t, 20_000) }

// keptTopic has the numbers in its topics.
var keptTopic = gozmqimpl.NewTopic[wrapperspb.Int64Value]("soak.Feed/Kept", "kept/{value}", gozmqimpl.Int((*number).GetValue)).With(gozmqimpl.Retained)

func publisherVictim(t *testing.T, retained int) *victim {
	ctx := t.Context()
	p, err := gozmq.NewPublisher(gozmq.Bind(anyPort))
	must(t, err)
	t.Cleanup(func() { must(t, p.Close()) })
	for n := range retained {
		must(t, gozmqimpl.Publish(ctx, p, keptTopic, wrapperspb.Int64(int64(n))))
	}
	s, err := gozmq.NewSubscriber(gozmq.Connect(p.Addrs()...))
	must(t, err)
	next, stop := iter.Pull2(gozmqimpl.SubscribeAll(ctx, s, numberTopic))
	got := make(chan error)
	ended := make(chan struct{})
	want := make(chan int64)
	go func() {
		defer close(ended)
		defer stop()
		for n := range want {
			m, err, _ := next()
			if err == nil && m.GetValue() != n {
				err = fmt.Errorf("got message %d, want %d", m.GetValue(), n)
			}
			got <- err
		}
	}()
	t.Cleanup(func() {
		close(want)
		must(t, s.Close())
		<-ended
	})
	published := int64(0)
	return &victim{addr: p.Addrs()[0], once: func() error {
		published++
		want <- published
		if published == 1 {
			must(t, p.WaitForSubscribers(ctx, numberName, 1))
		}
		if err := gozmqimpl.Publish(ctx, p, numberTopic, wrapperspb.Int64(published)); err != nil {
			return err
		}
		return <-got
	}}
}

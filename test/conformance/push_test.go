package conformance

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqimpl"
)

func pushRoundRobin(t *testing.T, at *env) {
	v := ventilate(t, gozmq.Bind(at.endpoint()))
	var workers []peer
	for i := range 3 {
		workers = append(workers, at.dial(t, "PULL", v.Addrs()[0]))
		v.awaitWorkers(t, i+1)
	}
	v.push(t, "0", "1", "2", "3", "4", "5", "6", "7", "8")
	seen := map[string]int{}
	for i, w := range workers {
		first := decode(t, w.recv()[0])
		seen[first] = i
		for turn := 1; turn < 3; turn++ {
			want(t, "the task", w.recv(), []string{encode(t, string(first[0]+byte(3*turn)))})
		}
	}
	if len(seen) != 3 {
		t.Errorf("the first tasks went to %v", seen)
	}
}

// pushBlocks hands out more than the kernel and the queue of a worker hold that
// does not read; in the end it does.
func pushBlocks(t *testing.T, at *env) {
	const n = 600
	v := ventilate(t, gozmq.Bind(at.endpoint()), gozmq.WithSendQueue(10, 256<<10), gozmq.WithLinger(testkit.Patience()))
	good, deaf := at.dial(t, "PULL", v.Addrs()[0]), at.dial(t, "PULL", v.Addrs()[0])
	v.awaitWorkers(t, 2)
	padding := strings.Repeat("x", 48<<10)
	tasks := make(chan string, 2*n)
	reads := func(p peer) {
		for {
			m, err := p.(*rawPeer).tryMessage()
			if err != nil {
				return
			}
			tasks <- m[0]
		}
	}
	go reads(good)
	for i := range n {
		v.push(t, fmt.Sprint(i, " ", padding))
	}
	go reads(deaf)
	seen := map[string]int{}
	for range n {
		number, _, _ := strings.Cut(decode(t, testkit.Receive(t, tasks, "a task")), " ")
		seen[number]++
	}
	for i := range n {
		if seen[fmt.Sprint(i)] != 1 {
			t.Errorf("task %d came %d times", i, seen[fmt.Sprint(i)])
		}
	}
	good.close()
	deaf.close()
}

func pushWaits(t *testing.T, at *env) {
	v := ventilate(t, gozmq.Bind(at.endpoint()))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := gozmqimpl.Push(ctx, v.Ventilator, taskMethod, words("for no one")); gozmq.CodeOf(err) != gozmq.CodeDeadlineExceeded {
		t.Fatalf("Push without a worker returned %v", err)
	}
	pushed := v.pushAll(t, 3)
	p := at.dial(t, "PULL", v.Addrs()[0])
	for i := range 3 {
		want(t, "the task", p.recv(), []string{encode(t, fmt.Sprint(i))})
	}
	if err := testkit.Receive(t, pushed, "the end of pushing"); err != nil {
		t.Error(err)
	}
}

// pushKeeps fills a worker that does not read with far more than the kernel
// holds, and lets it die.
func pushKeeps(t *testing.T, at *env) {
	const n = 400
	v := ventilate(t, gozmq.Bind(at.endpoint()), gozmq.WithSendQueue(n, 64<<20))
	deaf := at.dial(t, "PULL", v.Addrs()[0])
	v.awaitWorkers(t, 1)
	padding := strings.Repeat("x", 64<<10)
	for i := range n {
		v.push(t, fmt.Sprint(i, " ", padding))
	}
	deaf.close()
	v.await(t, gozmq.EventDisconnected, 1)
	next := at.dial(t, "PULL", v.Addrs()[0])
	first := -1
	for i := 0; i < n; i++ {
		number, _, _ := strings.Cut(decode(t, next.recv()[0]), " ")
		if first < 0 {
			if _, err := fmt.Sscan(number, &first); err != nil {
				t.Fatal(err)
			}
			i = first
		}
		if number != fmt.Sprint(i) {
			t.Fatalf("task %s came after %d", number, i-1)
		}
	}
	t.Logf("the kernel had taken %d of %d tasks", first, n)
	if first > n-10 {
		t.Errorf("the first task to come was %d of %d", first, n)
	}
}

func pullFair(t *testing.T, at *env) {
	tasks := make(chan string)
	greedy, modest := at.dialBack(t, "PUSH"), at.dialBack(t, "PUSH")
	stopWork := work(t, gozmq.Connect(greedy.endpoint, modest.endpoint), func(task string) {
		select {
		case tasks <- task:
		case <-t.Context().Done():
		}
	})
	shaken(greedy.peer, modest.peer)
	stop := floods(at, greedy.peer, encode(t, "me first"))
	for i := range 5 {
		modest.send(encode(t, fmt.Sprint(i)))
		for testkit.Receive(t, tasks, "a task") != fmt.Sprint(i) {
		}
	}
	go func() {
		for range tasks {
		}
	}()
	stop()
	stopWork()
	close(tasks)
}

// A bound is a peer and where it is bound.
type bound struct {
	peer
	endpoint string
}

// dialBack binds a peer of a type.
func (at *env) dialBack(t *testing.T, kind string) bound {
	t.Helper()
	p, endpoint := at.bind(t, kind)
	return bound{p, endpoint}
}

func pullDelivers(t *testing.T, at *env) {
	s := collect(t, gozmq.Bind(at.endpoint()))
	p := at.dial(t, "PUSH", s.Addrs()[0])
	for i := range 100 {
		p.send(encode(t, fmt.Sprint(i)))
	}
	p.close()
	results := s.results(t) // begins only now
	for i := range 100 {
		results.want(fmt.Sprint(i))
	}
}

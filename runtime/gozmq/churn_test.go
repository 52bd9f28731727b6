package gozmq

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/gozmq/gozmq/internal/testkit"
)

// seeded returns a source of chance for one goroutine; the seed is logged.
func seeded(t testing.TB) func(i int) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return func(i int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(i))) }
}

// Callers that give up at any moment disturb nobody: each call that is answered
// gets its own answer, and none hangs.
func TestCallersGiveUp(t *testing.T) {
	const callers, calls = 16, 150
	everywhere(t, func(t *testing.T, s site) {
		chance := seeded(t)
		_, c := s.pair(t, echoHandlers(), nil, nil)
		var answered, gaveUp atomic.Int64
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				r := chance(i)
				for j := range calls {
					ctx, cancel := context.WithCancel(context.Background())
					if i%2 == 0 { // the others stay, and must not notice
						d := time.Duration(r.IntN(200)) * time.Microsecond
						time.AfterFunc(d, cancel)
					}
					err := callEcho(ctx, c, fmt.Sprint(i, "/", j))
					cancel()
					switch {
					case err == nil:
						answered.Add(1)
					case CodeOf(err) == CodeCanceled && i%2 == 0:
						gaveUp.Add(1)
					default:
						t.Errorf("caller %d, call %d: %v", i, j, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if answered.Load() < callers/2*calls {
			t.Errorf("%d calls were answered, %d given up", answered.Load(), gaveUp.Load())
		}
		mustEcho(t, c)
	})
}

// While servers go and come back, a call is answered with its own answer or
// fails with CodeUnavailable, and those that may be repeated are.
func TestCallsWhileServersRestart(t *testing.T) {
	const callers, restarts = 8, 15
	overEach(t, func(t *testing.T, s site) {
		steady := serve(t, Bind(s.endpoint), echoHandlers())
		transport, _, _ := strings.Cut(s.endpoint, ":")
		endpoint := map[string]string{"tcp": closedPort(t), "ipc": "ipc://" + t.TempDir() + "/x", "inproc": "inproc://" + t.Name()}[transport]
		c := dial(t, Connect(steady.addr(), endpoint), fast())
		mustEcho(t, c) // the steady one is connected: there is always a server
		m := *echoMethod
		m.Idempotency, m.MaxAttempts = IdempotencyIdempotent, 10
		ctx, stop := context.WithCancel(testkit.Within(t))
		var wg sync.WaitGroup
		var answered atomic.Int64
		for i := range callers {
			wg.Go(func() {
				for j := 0; ctx.Err() == nil; j++ {
					want := fmt.Sprint(i, "/", j)
					reply, err := Call[bytez](context.Background(), c, &m, wrapperspb.Bytes([]byte(want)))
					if err != nil || string(reply.GetValue()) != want {
						t.Errorf("got %q, %v, want %q", reply.GetValue(), err, want)
						return
					}
					answered.Add(1)
				}
			})
		}
		for range restarts {
			r := serve(t, Bind(endpoint), echoHandlers())
			before := answered.Load()
			testkit.Eventually(t, "some calls", func() bool { return answered.Load() > before+callers || t.Failed() })
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		}
		stop()
		wg.Wait()
	})
}

// While subscriptions and subscribers come and go, one that stays misses
// nothing and gets nothing twice.
func TestSubscriptionsComeAndGo(t *testing.T) {
	const n = 2000
	overEach(t, func(t *testing.T, s site) {
		p, _, sub := s.feed(t, nil, nil)
		steady := listen(t, p, sub)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				other := sub
				for {
					select {
					case <-stop:
						return
					default:
					}
					if i > 0 {
						var err error
						if other, err = NewSubscriber(Connect(p.Addrs()...)); err != nil {
							t.Error(err)
							return
						}
					}
					ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
					got := 0
					for range Subscribe[reading](ctx, other, stations("ams")) {
						if got++; got == 3 {
							break
						}
					}
					cancel()
					if i > 0 {
						if err := other.Close(); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		for i := range n {
			publish(t, p, at("ams", fmt.Sprint(i)))
			if got := steady.next(t).GetNote(); got != fmt.Sprint(i) {
				t.Errorf("got message %s, want %d", got, i)
				break
			}
		}
		close(stop)
		wg.Wait()
	})
}

// tasksRun counts how often each task was run.
type tasksRun struct {
	mu    sync.Mutex
	times map[int64]int
}

func (r *tasksRun) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.times)
}

// run squares the task.
func (r *tasksRun) run(ctx context.Context, task *number) (*number, error) {
	r.mu.Lock()
	r.times[task.GetValue()]++
	r.mu.Unlock()
	return squares(ctx, task)
}

// While workers come and go no task is run twice, and the result of every task
// that was run arrives.
func TestWorkersComeAndGo(t *testing.T) {
	const n = 3000
	overEach(t, func(t *testing.T, s site) {
		p := s.pipeline(t, nil, nil)
		ran := &tasksRun{times: make(map[int64]int)}
		r := results(t, p.Sink)
		pushed := make(chan struct{})
		go func() {
			defer close(pushed)
			p.push(t, n)
		}()
		all := func() bool {
			select {
			case <-pushed:
				return true
			default:
				return false
			}
		}
		for !all() {
			before := ran.count()
			w := work(t, squaring(ran.run), p.from, p.to, WithConcurrency(2), WithLinger(testkit.Patience()))
			testkit.Eventually(t, "some tasks", func() bool { return all() || ran.count() > before+20 })
			if err := w.stop(); err != nil {
				t.Error(err)
			}
		}
		finishWith(t, p, ran, n)
		seen := make(map[int64]bool)
		for range ran.count() {
			seen[r.next(t).GetValue()] = true
		}
		for task, times := range ran.times {
			if times != 1 || !seen[task*task] {
				t.Errorf("task %d was run %d times, its result came: %v", task, times, seen[task*task])
			}
		}
	})
}

// finishWith runs a last worker, which takes all that is left. Tasks above n
// show that it is there.
func finishWith(t *testing.T, p *testPipeline, ran *tasksRun, n int64) {
	t.Helper()
	before := ran.count()
	w := work(t, squaring(ran.run), p.from, p.to, WithLinger(testkit.Patience()))
	testkit.Eventually(t, "a task of the last worker", func() bool {
		n++
		if err := p.Push(testkit.Within(t), squareMethod, wrapperspb.Int64(n)); err != nil {
			t.Error(err)
		}
		return ran.count() > before
	})
	if err := p.Ventilator.Close(); err != nil {
		t.Error(err)
	}
	if err := w.stop(); err != nil {
		t.Error(err)
	}
}

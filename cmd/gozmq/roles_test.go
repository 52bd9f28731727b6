//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	imagev1 "github.com/gozmq/gozmq/example/gen/image/v1"
	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	stockv1 "github.com/gozmq/gozmq/example/gen/stock/v1"
	"github.com/gozmq/gozmq/example/gen/stock/v1/stockv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqadmin"
	"github.com/gozmq/gozmq/runtime/gozmqops"
	"github.com/gozmq/gozmq/runtime/gozmqtest"
)

// A shop is a state that is published, and a service that answers the whole of it.
type shop struct {
	stockv1gozmq.UnimplementedWarehouseServer
	mu     sync.Mutex
	levels map[string]uint32
	pub    *gozmq.Publisher
}

func (s *shop) List(ctx context.Context, _ *stockv1.ListRequest) (*stockv1.ListReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gozmq.CallInfoFromContext(ctx).SetSnapshotPosition(s.pub.Position())
	reply := &stockv1.ListReply{}
	for name, level := range s.levels {
		reply.Articles = append(reply.Articles, &stockv1.Article{Name: name, Level: level})
	}
	return reply, nil
}

func (s *shop) set(t *testing.T, name string, level uint32) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.levels[name] = level
	err := stockv1gozmq.NewChangesPublisher(s.pub).Level(t.Context(), &stockv1.Article{Name: name, Level: level})
	if err != nil {
		t.Fatal(err)
	}
}

// openShop returns a shop, and the endpoints of its state and of its changes.
func openShop(t *testing.T) (s *shop, state, changes string) {
	t.Helper()
	pub, err := gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pub.Close() })
	s = &shop{levels: map[string]uint32{}, pub: pub}
	srv, err := gozmq.NewServer(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		t.Fatal(err)
	}
	if err := stockv1gozmq.RegisterWarehouseServer(srv, s); err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s, srv.Addrs()[0], pub.Addrs()[0]
}

// sub --snapshot prints the state, and then what has changed since.
func TestSubSnapshot(t *testing.T) {
	t.Parallel()
	sh := newShell(t, "")
	s, state, changes := openShop(t)
	s.set(t, "bolt", 7)
	cmd := exec.Command(filepath.Join(sh.bin, "gozmq"), "sub", changes, "-I", "proto", "--proto", "proto/stock/v1/stock.proto", "Level", "--snapshot", state, "--count", "2")
	cmd.Dir, cmd.Env = sh.dir, sh.env()
	term := openTerminal(t, cmd)
	term.wait(t, `snapshot {"articles":[{"name":"bolt","level":7}]}`)
	s.set(t, "nut", 3)
	term.wait(t, `{"name":"nut","level":3}`)
	term.wait(t, "1 snapshot")
}

// pull with --to takes no task before a sink is there that gets its result, and
// says so: it would count the task, end, and give it back.
func TestPullWaitsForItsSink(t *testing.T) {
	t.Parallel()
	sh := newShell(t, "tcp://127.0.0.1:5571")
	ctx := testkit.Within(t)
	vent := gozmqtest.Open(gozmq.NewVentilator(gozmq.Bind("tcp://127.0.0.1:*"), gozmq.DeliveryAtLeastOnce)).For(t)
	prints, err := imagev1gozmq.NewPrintsVentilator(vent)
	if err != nil {
		t.Fatal(err)
	}
	if err := prints.Render(ctx, &imagev1.RenderTask{Name: "a.png"}); err != nil {
		t.Fatal(err)
	}
	at := sh.real.Replace("tcp://127.0.0.1:5571")
	pull := exec.Command(filepath.Join(sh.bin, "gozmq"), "pull", vent.Addrs()[0], "-I", "proto", "--proto", "proto/image/v1/image.proto", "Prints/Render", "--ack", "--to", at, "--result", `{"worker": "me"}`, "--count", "1")
	pull.Dir, pull.Env = sh.dir, sh.env()
	var out bytes.Buffer
	pull.Stdout, pull.Stderr = &out, &out
	if err := pull.Start(); err != nil {
		t.Fatal(err)
	}
	defer pull.Process.Kill()
	testkit.Eventually(t, "the task is at pull", func() bool { return vent.Progress().InFlight == 1 })
	time.Sleep(1500 * time.Millisecond) // longer than pull waits at its end, and than it says nothing
	sink := gozmqtest.Open(gozmq.NewSink(gozmq.Bind(at), gozmq.DeliveryAtLeastOnce)).For(t)
	results, err := imagev1gozmq.NewPrintsSink(sink)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *imagev1.RenderResult, 1)
	go func() { // until the sink is closed
		for result, err := range results.Render(ctx) {
			if err == nil {
				got <- result
			}
		}
	}()
	if result := testkit.Receive(t, got, "the result"); result.GetWorker() != "me" {
		t.Error(result)
	}
	if err := vent.Wait(ctx); err != nil {
		t.Error(err)
	}
	if err := pull.Wait(); err != nil || !strings.Contains(out.String(), "waiting: no sink is connected at "+at) || !strings.Contains(out.String(), "1 task in") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// replay keeps the pauses of what was recorded, or divides them by --speed.
func TestReplaySpeed(t *testing.T) {
	t.Parallel()
	s := newShell(t, "tcp://127.0.0.1:5570")
	for kind, rest := range map[string]string{"publication": `"topic":"a"`, "task": `"method":"a"`} {
		t.Run(kind, func(t *testing.T) {
			// took replays two messages with a pause of seconds, or of hours.
			took := func(speed, second string) time.Duration {
				const line = `{"time":"2026-01-02T%sZ","kind":%q,%s,"body":"YQ=="}` + "\n"
				text := fmt.Sprintf(line+line, "03:04:05", kind, rest, second, kind, rest)
				if err := os.WriteFile(filepath.Join(s.dir, "two.ndjson"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				pull := map[string]string{"publication": "sub --raw tcp://127.0.0.1:5570", "task": "pull --raw tcp://127.0.0.1:5570 a"}[kind]
				cmd := exec.Command("sh", "-c", s.real.Replace("gozmq "+pull+" --count 2 >/dev/null 2>&1 & gozmq replay --bind tcp://127.0.0.1:5570 two.ndjson --speed "+speed+"; wait"))
				cmd.Dir, cmd.Env = s.dir, s.env()
				out, err := cmd.CombinedOutput()
				_, took, _ := strings.Cut(strings.TrimSpace(string(out)), " replayed in ")
				d, malformed := time.ParseDuration(took)
				if err != nil || malformed != nil {
					t.Fatalf("%v, %v\n%s", err, malformed, out)
				}
				return d
			}
			if d := took("1", "03:04:07"); d < 2*time.Second {
				t.Errorf("the messages with a pause of 2s were replayed in %v", d)
			}
			if d := took("36000", "04:04:05"); d < 100*time.Millisecond || d > 10*time.Minute {
				t.Errorf("the messages with a pause of an hour were replayed in %v, 36000 times as fast", d)
			}
		})
	}
}

// feed publishes readings until the test ends.
func feed(t *testing.T) (endpoint string) {
	t.Helper()
	pub, err := gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			_ = stockv1gozmq.NewChangesPublisher(pub).Level(ctx, &stockv1.Article{Name: "bolt"})
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done; pub.Close() })
	return pub.Addrs()[0]
}

// Ctrl-C ends what goes on until then, with a summary and without a failure.
func TestInterruptRoles(t *testing.T) {
	t.Parallel()
	s := newShell(t, "tcp://127.0.0.1:5555")
	at := feed(t)
	s.run(t, `printf '{"kind":"publication","topic":"a","body":"YQ=="}\n' >feed.ndjson`)
	for _, c := range []struct{ name, line, until, summary string }{
		{"sub", "sub --raw " + at, "stock/bolt", "of 1 topic in"},
		{"sub to file", "record --file - " + at, "stock/bolt", "of 1 topic in"},
		{"pull", "pull --raw --bind tcp://127.0.0.1:* x", "listening", "0 tasks"},
		{"proxy", "proxy pub-sub --front tcp://127.0.0.1:* --back tcp://127.0.0.1:*", "front tcp", "0 to the back"},
		{"sniff", "sniff " + at, "listening", "0 messages on 0 connections"},
		{"pub", "pub --raw --bind tcp://127.0.0.1:* --wait 0 --count 0 --interval 1ms a b", "listening", "published"},
		{"push", "push --raw --bind tcp://127.0.0.1:* --wait 0 --count 0 --interval 1ms a b", "listening", "handed out"},
		{"replay", "replay --bind tcp://127.0.0.1:* --wait 0 --loop 0 feed.ndjson", "listening", "replayed"},
		{"serve", "serve --raw --bare tcp://127.0.0.1:*", "listening", "0 calls served"},
		{"top", "top " + process(t), "*1 roles", ""},
		{"bench", "bench tcp://127.0.0.1:5555 greet.v1.Greeter/SayHello {\"name\":\"Ada\"} --duration 0", "measuring", "operations/s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(filepath.Join(s.bin, "gozmq"), strings.Fields(s.real.Replace(c.line))...)
			cmd.Dir, cmd.Env = s.dir, append(s.env(), "TERM=xterm")
			term := openTerminal(t, cmd)
			term.wait(t, c.until)
			term.write(t, "\x03")
			term.wait(t, c.summary)
			ended := make(chan error, 1)
			go func() {
				for range term.out { // it may print until it ends
				}
				ended <- cmd.Wait()
			}()
			if err := testkit.Receive(t, ended, "the end"); err != nil {
				t.Error(err)
			}
		})
	}
}

// A pipe that is closed at the other end is no failure.
func TestClosedPipe(t *testing.T) {
	t.Parallel()
	s := newShell(t, "")
	at := feed(t)
	for _, line := range []string{"sub --raw " + at, "sub --raw -o json " + at, "record --file - " + at} {
		cmd := exec.Command("sh", "-c", "gozmq "+line+" 2>err | head -n 2 >out; cat err; wc -l <out")
		cmd.Dir, cmd.Env = s.dir, s.env()
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(out), "pipe") || !strings.HasSuffix(strings.TrimSpace(string(out)), "2") {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
}

// With open-loop arrivals, a server that stands still shows in the latencies: 250
// of 400 calls begin, by their plan, at least 50 ms before it goes on.
func TestBenchSeesAStall(t *testing.T) {
	s := newShell(t, "")
	var once sync.Once
	srv, err := gozmq.NewServer(gozmq.Bind("tcp://127.0.0.1:*"), gozmq.WithConcurrency(1), gozmq.WithMaxWaiting(10_000))
	if err != nil {
		t.Fatal(err)
	}
	const stall = 300 * time.Millisecond
	slow := &stalling{stall: func() { once.Do(func() { time.Sleep(stall) }) }}
	if err := stockv1gozmq.RegisterWarehouseServer(srv, slow); err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ctx) }()
	defer func() { cancel(); <-done }()
	cmd := exec.Command(filepath.Join(s.bin, "gozmq"), "bench", srv.Addrs()[0], "stock.v1.Warehouse/List", "--raw", "--size", "0", "--rate", "1000", "--count", "400", "--concurrency", "1", "-o", "json")
	cmd.Dir, cmd.Env, cmd.Stdin = s.dir, s.env(), bytes.NewReader(nil)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got struct {
		Done    int
		Latency map[string]float64 `json:"latencyMs"`
		Service map[string]float64 `json:"serviceMs"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if ms := stall.Seconds() * 1000; got.Done != 400 || got.Latency["p50"] < ms/6 || got.Service["p50"] > ms/6 {
		t.Errorf("%+v", got)
	}
}

type stalling struct {
	stockv1gozmq.UnimplementedWarehouseServer
	stall func()
}

func (s *stalling) List(context.Context, *stockv1.ListRequest) (*stockv1.ListReply, error) {
	s.stall()
	return &stockv1.ListReply{}, nil
}

// top is driven as a user does it: it shows rates, another view, and ends with q.
func TestTop(t *testing.T) {
	t.Parallel()
	s := newShell(t, "")
	endpoint := process(t)
	top := exec.Command(filepath.Join(s.bin, "gozmq"), "top", endpoint, "--interval", "100ms")
	top.Dir, top.Env = s.dir, append(s.env(), "TERM=xterm")
	term := openTerminal(t, top)
	term.wait(t, "*1 roles")
	term.wait(t, "admin")
	term.write(t, "2")
	term.wait(t, "gozmq.v1.Admin/WatchStats")
	term.write(t, "5")
	term.wait(t, "DEALER")
	term.write(t, "q")
	ended := make(chan error, 1)
	go func() {
		for range term.out { // it may print until it ends
		}
		ended <- top.Wait()
	}()
	if err := testkit.Receive(t, ended, "the end"); err != nil {
		t.Error(err)
	}
	once := exec.Command(filepath.Join(s.bin, "gozmq"), "top", endpoint, "--once")
	once.Env = s.env()
	out, err := once.CombinedOutput()
	for _, want := range []string{"roles\n", "methods\n", "topics\n", "queues\n", "peers\n", "admin  server"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v, no %q in\n%s", err, want, out)
		}
	}
}

// process returns the endpoint of the admin service of a program.
func process(t *testing.T) string {
	t.Helper()
	srv, err := gozmq.NewServer(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		t.Fatal(err)
	}
	group := new(gozmqops.Group)
	if err := errors.Join(group.Add("admin", srv), gozmqadmin.Register(srv, group), srv.Listen()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return srv.Addrs()[0]
}

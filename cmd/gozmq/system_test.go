package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	chatv1 "github.com/gozmq/gozmq/example/gen/chat/v1"
	"github.com/gozmq/gozmq/example/gen/chat/v1/chatv1gozmq"
	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	stockv1 "github.com/gozmq/gozmq/example/gen/stock/v1"
	"github.com/gozmq/gozmq/example/gen/stock/v1/stockv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
	"github.com/gozmq/gozmq/runtime/gozmqdescribe"
	"github.com/gozmq/gozmq/runtime/gozmqhealth"
)

// systemVariable names, in the environment of the test binary, the system that it
// is to be.
const systemVariable = "GOZMQ_TEST_SYSTEM"

// The keys of the systems with CURVE, which are no secret: those of RFC 26's and
// libzmq's examples.
const (
	serverSecret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
	clientSecret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
)

// systems are the programs that transcripts talk to. Each prints the endpoint
// that it has bound, and ends with its stdin.
var systems = map[string]func(ctx context.Context) error{
	"server":      func(ctx context.Context) error { return serveAll(ctx, true) },
	"undescribed": func(ctx context.Context) error { return serveAll(ctx, false) },
	"curve":       func(ctx context.Context) error { return serveAll(ctx, true, curveServer()) },
	"plain": func(ctx context.Context) error {
		return serveAll(ctx, true, gozmq.WithSecurity(gozmq.PlainServer(gozmq.Passwords(map[string]string{"ada": "secret"}))))
	},
	"publisher":  publishNothing,
	"admin":      func(ctx context.Context) error { return serveAdmin(ctx, true) },
	"ventilator": serveVentilator,
	"unready":    serveUnready,
	"readonly":   func(ctx context.Context) error { return serveAdmin(ctx, false) },
}

// runSystem is main of a system.
func runSystem(name string) int {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	run, ok := systems[name]
	if !ok {
		fmt.Println("there is no system", name)
		return 1
	}
	if err := run(ctx); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func curveServer() gozmq.ServerOption {
	key, err := gozmqcurve.ParseSecretKey(serverSecret)
	if err != nil {
		panic(err)
	}
	client, err := gozmqcurve.ParseSecretKey(clientSecret)
	if err != nil {
		panic(err)
	}
	return gozmq.WithSecurity(gozmqcurve.Server(key, gozmqcurve.AllowKeys(client.Public())))
}

// serveAll serves the services of the examples.
func serveAll(ctx context.Context, describe bool, opts ...gozmq.ServerOption) error {
	srv, err := gozmq.NewServer(append(opts, gozmq.Bind("tcp://127.0.0.1:*"))...)
	if err != nil {
		return err
	}
	errs := []error{
		greetv1gozmq.RegisterGreeterServer(srv, greeter{}),
		chatv1gozmq.RegisterRoomServer(srv, room{}),
		stockv1gozmq.RegisterWarehouseServer(srv, warehouse{}),
	}
	if describe {
		health, err := gozmqhealth.Register(srv)
		if err == nil {
			health.Set(greetv1gozmq.GreeterName, true)
			health.Set(chatv1gozmq.RoomName, false)
		}
		errs = append(errs, err, gozmqdescribe.Register(srv))
	}
	if err := errors.Join(append(errs, srv.Listen())...); err != nil {
		return err
	}
	fmt.Println(srv.Addrs()[0])
	return srv.Serve(ctx)
}

type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
}

func (greeter) SayHello(ctx context.Context, req *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	info := gozmq.CallInfoFromContext(ctx)
	for _, v := range info.Metadata["trace"] {
		if err := info.AddReplyHeader("trace", v); err != nil {
			return nil, err
		}
	}
	if err := info.AddReplyTrailer("served-by", "test"); err != nil {
		return nil, err
	}
	switch req.GetName() {
	case "":
		return nil, gozmq.Errorf(gozmq.CodeInvalidArgument, "name must not be empty").WithDetails(req, &greetv1.HelloReply{Message: "try Ada"})
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &greetv1.HelloReply{Message: "Hello, " + req.GetName() + "!"}, nil
}

type room struct {
	chatv1gozmq.UnimplementedRoomServer
}

func (room) Watch(ctx context.Context, req *chatv1.WatchRequest, out gozmq.Sender[chatv1.Line]) error {
	if req.GetLast() > 1000 { // for who leaves
		for i := 0; ; i++ {
			if err := out.Send(ctx, &chatv1.Line{Author: "clock", Text: fmt.Sprint(i)}); err != nil {
				return err
			}
		}
	}
	for i := range req.GetLast() {
		if err := out.Send(ctx, &chatv1.Line{Author: "Ada", Text: fmt.Sprint("line ", i+1)}); err != nil {
			return err
		}
	}
	if req.GetLast() == 13 {
		return gozmq.Errorf(gozmq.CodeOutOfRange, "there are only 13 lines")
	}
	return nil
}

func (room) Upload(_ context.Context, in iter.Seq2[*chatv1.Line, error]) (*chatv1.UploadSummary, error) {
	sum := &chatv1.UploadSummary{}
	for _, err := range in {
		if err != nil {
			return nil, err
		}
		sum.Lines++
	}
	return sum, nil
}

func (room) Chat(ctx context.Context, in iter.Seq2[*chatv1.Line, error], out gozmq.Sender[chatv1.Line]) error {
	for line, err := range in {
		if err != nil {
			return err
		}
		if err := out.Send(ctx, &chatv1.Line{Author: line.GetAuthor(), Text: strings.ToUpper(line.GetText())}); err != nil {
			return err
		}
	}
	return nil
}

type warehouse struct {
	stockv1gozmq.UnimplementedWarehouseServer
}

func (warehouse) List(context.Context, *stockv1.ListRequest) (*stockv1.ListReply, error) {
	return &stockv1.ListReply{Articles: []*stockv1.Article{{Name: "bolt", Level: 7}, {Name: "nut"}}}, nil
}

// publishNothing is a socket of another role.
func publishNothing(ctx context.Context) error {
	p, err := gozmq.NewPublisher(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		return err
	}
	defer p.Close()
	fmt.Println(p.Addrs()[0])
	<-ctx.Done()
	return nil
}

// A program is a system that runs as a process of its own.
type program struct {
	endpoint string
	stop     func()
}

// shared are the programs that keep nothing of who talks to them, so that one of
// each is enough for all tests. TestMain ends them.
var shared = struct {
	mu       sync.Mutex
	programs map[string]program
}{programs: map[string]program{}}

// alone are the systems that each transcript has for itself: it changes them.
var alone = []string{"admin", "ventilator", "queues", "python push.py"}

// start starts a system, or finds one that runs, and returns its endpoint.
func start(t *testing.T, name string) string {
	t.Helper()
	if slices.Contains(alone, name) {
		p, err := launch(t, name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.stop)
		return p.endpoint
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	p, ok := shared.programs[name]
	if !ok {
		var err error
		if p, err = launch(t, name); err != nil {
			t.Fatal(err)
		}
		shared.programs[name] = p
	}
	return p.endpoint
}

// stopShared ends the programs that tests have shared.
func stopShared() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	for _, p := range shared.programs {
		p.stop()
	}
}

// launch starts a system as a process, whose first line of output is its endpoint.
func launch(t *testing.T, name string) (program, error) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", systemVariable+"="+name)
	if script, ok := strings.CutPrefix(name, "python "); ok {
		cmd = exec.Command(python(t), filepath.Join("testdata", script))
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return program{}, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return program{}, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return program{}, err
	}
	p := program{stop: func() {
		_ = stdin.Close()
		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
	}}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "tcp://") {
		p.stop()
		return program{}, fmt.Errorf("%v printed %q, %w", cmd.Args, line, err)
	}
	p.endpoint = strings.TrimSpace(line)
	return p, nil
}

// missing skips a test whose program is not there, or fails where all must be.
func missing(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("GOZMQ_INTEROP") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// python returns a Python that has pyzmq.
func python(t *testing.T) string {
	t.Helper()
	path, err := findPython()
	if err != nil {
		missing(t, err)
	}
	return path
}

var findPython = sync.OnceValues(func() (string, error) {
	candidates := []string{"/usr/bin/python3", "python3"}
	if path := os.Getenv("GOZMQ_PYTHON"); path != "" {
		candidates = []string{path}
	}
	var errs []error
	for _, path := range candidates {
		err := exec.Command(path, "-c", "import zmq").Run()
		if err == nil {
			return path, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", path, err))
	}
	return "", fmt.Errorf("no python3 with pyzmq: %w", errors.Join(errs...))
})

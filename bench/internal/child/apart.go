package child

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gozmq/gozmq/bench/internal/measure"
	"github.com/gozmq/gozmq/bench/internal/rival"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// apart is one side of a library: "echo", "push" or "publish". It listens at the
// endpoint, reports its address, and then answers empty lines with its processor
// time.
func apart(role, name, endpoint string, size, window int, out *json.Encoder) error {
	ends, ok := rival.EndsOf(name)
	if !ok {
		return fmt.Errorf("%s: there are no sides of %s", role, name)
	}
	o := rival.Options{Size: size, Listen: endpoint}
	if role == "echo" {
		server, err := ends.Serve(o)
		if err != nil {
			return err
		}
		return answerCPU(out, report{Addr: server.Addr()}, nil)
	}
	open := ends.Push
	if role == "publish" {
		open = ends.Publish
	}
	sender, err := open(o)
	if err != nil {
		return err
	}
	flow := &flow{window: uint64(window), more: make(chan struct{}, 1)}
	failed := make(chan error, 1)
	go func() { failed <- flow.send(sender) }()
	go func() { failed <- answerCPU(out, report{Addr: sender.Addr()}, flow.got) }()
	return <-failed
}

// answerCPU reports first and then, for each empty line of standard input, the
// processor time of this process. It hands the numbers in other lines to got.
func answerCPU(out *json.Encoder, first report, got func(uint64)) error {
	if err := out.Encode(first); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if text := lines.Text(); text != "" {
			seq, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return err
			}
			got(seq)
			continue
		}
		if err := out.Encode(report{CPU: measure.CPUTime()}); err != nil {
			return err
		}
	}
	return lines.Err()
}

// A flow sends messages, held back by what its receiver has got.
type flow struct {
	window uint64 // 0: it is held back by the library
	seen   atomic.Uint64
	more   chan struct{}
}

func (f *flow) got(seq uint64) {
	f.seen.Store(seq)
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// send sends until it fails.
func (f *flow) send(s rival.Sender) error {
	for seq := uint64(1); ; seq++ {
		for nudged := false; f.window > 0 && seq > f.seen.Load()+f.window && !nudged; {
			select {
			case <-f.more:
			case <-time.After(measure.Nudge):
				nudged = true
			}
		}
		if err := s.Send(seq); err != nil {
			return err
		}
	}
}

// proxy is a proxy of ours, or libzmq's zmq_proxy.
func proxy(name, pattern string, out *json.Encoder) error {
	p, err := strconv.ParseUint(pattern, 10, 8)
	if err != nil {
		return err
	}
	if name != rival.Ours {
		failed := make(chan error, 2)
		go func() {
			failed <- rival.RunLibzmqProxy(gozmq.Pattern(p), func(front, back string) error {
				go func() { failed <- answerCPU(out, report{Addr: front, Back: back}, nil) }()
				return nil
			})
		}()
		return <-failed
	}
	const anyPort = "tcp://127.0.0.1:*"
	ours, err := gozmq.NewProxy(gozmq.Pattern(p), gozmq.Front(gozmq.Bind(anyPort)), gozmq.Back(gozmq.Bind(anyPort)),
		gozmq.WithEventHandler(func(gozmq.Event) {}))
	if err != nil {
		return err
	}
	defer ours.Close()
	return answerCPU(out, report{Addr: ours.FrontAddrs()[0], Back: ours.BackAddrs()[0]}, nil)
}

// Apart starts one side of a library in a process of its own, and returns its
// address.
func Apart(self, role, name, endpoint string, size, window int) (*Process, string, error) {
	return Start(self, role, name, endpoint, strconv.Itoa(size), strconv.Itoa(window))
}

// Proxy starts a proxy and returns the addresses of its front and back.
func Proxy(self, name string, pattern gozmq.Pattern) (_ *Process, front, back string, err error) {
	p, first, err := start(self, "proxy", name, strconv.Itoa(int(pattern)))
	return p, first.Addr, first.Back, err
}

// CPU asks a side or a proxy for its processor time.
func (p *Process) CPU() (time.Duration, error) {
	if _, err := p.in.Write([]byte("\n")); err != nil {
		return 0, err
	}
	r, err := p.read()
	return r.CPU, err
}

// Got says to a sender which message has come.
func (p *Process) Got(seq uint64) error {
	_, err := p.in.Write(append(strconv.AppendUint(nil, seq, 10), '\n'))
	return err
}

package interop

import (
	"context"
	"encoding/binary"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/internal/testkit"
	gozmqv1 "github.com/gozmq/gozmq/proto/gozmq/v1"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// TestPythonGivesUpCall: a libzmq DEALER that has announced X-Gozmq gives a call
// up, and the context of the handler ends.
func TestPythonGivesUpCall(t *testing.T) {
	leakChecked(t)
	python(t)
	g := &greeter{started: make(chan string, 1)} // nothing releases a call that waits
	at := serveGreeter(t, gozmq.Bind(anyPort), g)
	client, _ := startPeer(t, "canceling_client.py", "connect", at[0])
	client.expect("call 1 0 Hello, World!")
	get(t, g.started)
	client.input("give up")
	ends := map[string]bool{client.line(): true, client.line(): true}
	if !ends["call 3 0 Hello, again!"] || !ends["call 2 1 context canceled"] {
		t.Errorf("the calls ended with %v", ends)
	}
	client.expect("cancel sent")
	client.wait()
}

// TestPythonGivesUpNothing: a libzmq REP announces nothing, so nothing is sent
// that it would take for a call.
func TestPythonGivesUpNothing(t *testing.T) {
	python(t)
	_, at := startPeer(t, "rep_server.py", "bind", anyPort)
	client, _ := startPeer(t, "canceling_client.py", "connect", at[0])
	client.expect("call 1 0 Hello, World!")
	client.expect("cancel not understood")
	client.wait()
}

// TestPythonIsGivenUp: our client tells a libzmq ROUTER that has announced
// X-Gozmq, and the scripts tell each other.
func TestPythonIsGivenUp(t *testing.T) {
	leakChecked(t)
	python(t)
	server, at := startPeer(t, "cancelable_server.py", "bind", anyPort)
	client, _ := dialGreeter(t, gozmq.Connect(at[0]))
	greet(t, client, "World", "Hello, World!")
	ctx, cancel := context.WithCancel(testkit.Within(t))
	done := begin(ctx, client, "wait for ever")
	server.expect("running wait for ever")
	cancel()
	if c := get(t, done); gozmq.CodeOf(c.err) != gozmq.CodeCanceled {
		t.Errorf("call gave %v, %v", c.reply, c.err)
	}
	server.expect("canceled wait for ever")
	greet(t, client, "again", "Hello, again!")
}

// cancelFrames gives up the call with that envelope.
func cancelFrames(t *testing.T, id []byte) [][]byte {
	t.Helper()
	return [][]byte{id, nil, nil, nil, encode(t, &gozmqv1.RequestHeader{Cancel: true})}
}

func callID(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// wantStatus receives a reply with that envelope and code.
func wantStatus(t *testing.T, p *probe, id []byte, code gozmq.Code) {
	t.Helper()
	reply, status := p.receive(), new(gozmqv1.Status)
	if len(reply) < 4 || string(reply[0]) != string(id) || proto.Unmarshal(reply[2], status) != nil || gozmq.Code(status.GetCode()) != code {
		t.Errorf("got %q, want %v for %x", reply, code, id)
	}
}

// TestCancelIsIgnored: of a call, from a client that has not announced X-Gozmq, or
// whose envelope is not one frame of 8 bytes.
func TestCancelIsIgnored(t *testing.T) {
	for _, test := range []struct {
		name    string
		id      []byte
		options map[string]any
	}{
		{"not announced", callID(1), nil},
		{"another envelope", []byte("call 1"), map[string]any{"METADATA": []byte("X-Gozmq:1")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := &greeter{started: make(chan string, 1), release: make(chan struct{})}
			dealer := probeServer(t, g, "DEALER", test.options)
			dealer.send(join([][]byte{test.id, nil}, helloFrames(t, "wait"))...)
			get(t, g.started)
			dealer.send(cancelFrames(t, test.id)...)
			dealer.send(join([][]byte{callID(2), nil}, helloFrames(t, "behind the cancel"))...)
			wantStatus(t, dealer, callID(2), 0)
			close(g.release)
			wantStatus(t, dealer, test.id, 0)
		})
	}
}

// TestDealerDealsTheCancel: a libzmq DEALER of two servers brings the cancel to
// the one that does not have the call; a DEALER for each does not.
func TestDealerDealsTheCancel(t *testing.T) {
	leakChecked(t)
	python(t)
	announced := map[string]any{"METADATA": []byte("X-Gozmq:1")}
	var servers [2]*greeter
	var at [2]string
	for i := range servers {
		servers[i] = &greeter{started: make(chan string, 1), release: make(chan struct{})}
		at[i] = serveGreeter(t, gozmq.Bind(anyPort), servers[i])[0]
	}
	both := newProbe(t, "DEALER", announced)
	for i := range at {
		both.connect(at[i])
		both.await("HANDSHAKE_SUCCEEDED")
	}
	both.send(join([][]byte{callID(1), nil}, helloFrames(t, "wait"))...)
	both.send(cancelFrames(t, callID(1))...)
	one := servers[0]
	select {
	case <-one.started:
	case <-servers[1].started:
		one = servers[1]
	case <-testkit.Within(t).Done():
		t.Fatal("nobody was called")
	}
	both.send(join([][]byte{callID(2), nil}, helloFrames(t, "a turn"))...) // goes to the same server
	wantStatus(t, both, callID(2), 0)                                      // and was read behind whatever came there
	close(one.release)
	wantStatus(t, both, callID(1), 0)

	single := newProbe(t, "DEALER", announced)
	single.connect(at[1])
	servers[1].release = nil
	single.send(join([][]byte{callID(3), nil}, helloFrames(t, "wait"))...)
	get(t, servers[1].started)
	single.send(cancelFrames(t, callID(3))...)
	wantStatus(t, single, callID(3), gozmq.CodeCanceled)
}

// TestPythonWorkerCanceled: a libzmq worker that says so in its CREDIT is told of a
// canceled task, ends it, and goes on; how far it is shows at the ventilator.
func TestPythonWorkerCanceled(t *testing.T) {
	leakChecked(t)
	python(t)
	within := testkit.Within(t)
	vent := newPrintsVentilator(t, gozmq.Bind(anyPort))
	worker, _ := startPeer(t, "cancelable_worker.py", "connect", vent.Addrs()[0])
	printAll(t, vent, "long.png", "short.png")
	var task gozmq.TaskStatus
	testkit.Eventually(t, "the progress of the first task", func() bool {
		list, _, err := vent.Tasks(gozmq.TaskFilter{State: gozmq.TaskRunning})
		if err != nil || len(list) != 1 {
			return false
		}
		task = list[0]
		return task.Progress > 0 && task.ProgressText != ""
	})
	if err := vent.Cancel(within, task.ID); err != nil {
		t.Fatal(err)
	}
	worker.expect("canceled long.png")
	worker.expect("done short.png")
	if err := vent.Wait(within); err != nil {
		t.Error(err)
	}
	if got := vent.Progress(); got != (gozmq.Progress{Done: 1, Failed: 1}) {
		t.Errorf("progress: %v", got)
	}
	if err := vent.StopWorkers(within); err != nil {
		t.Error(err)
	}
	worker.expect("stopped")
	worker.wait()
}

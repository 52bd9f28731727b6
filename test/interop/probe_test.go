package interop

import (
	"encoding/hex"
	"encoding/json"
	"testing"
)

// A probe is a libzmq socket in a Python process, driven frame by frame.
type probe struct {
	*process
	// pending holds the events that came while another kind was awaited.
	pending map[string][]json.RawMessage
}

// newProbe starts a process and opens a socket of the kind in it. Options are
// named as pyzmq names them; values are numbers, or bytes as a []byte.
func newProbe(t *testing.T, kind string, options map[string]any) *probe {
	t.Helper()
	p := &probe{process: start(t, "", "probe.py"), pending: map[string][]json.RawMessage{}}
	p.open(kind, options)
	return p
}

func (p *probe) open(kind string, options map[string]any) {
	p.t.Helper()
	converted := map[string]any{}
	for name, value := range options {
		converted[name] = optionValue(value)
	}
	p.command("open", kind, converted)
}

func optionValue(v any) any {
	if b, ok := v.([]byte); ok {
		return hex.EncodeToString(b)
	}
	return v
}

// set sets a socket option.
func (p *probe) set(name string, value any) {
	p.t.Helper()
	p.command("set", name, optionValue(value))
	p.next("set", nil)
}

// bind binds the socket and returns the endpoint with its port.
func (p *probe) bind(endpoint string) string {
	p.t.Helper()
	p.command("bind", endpoint)
	p.next("bound", &endpoint)
	return endpoint
}

// connect starts connecting the socket.
func (p *probe) connect(endpoint string) {
	p.t.Helper()
	p.command("connect", endpoint)
	p.next("connecting", nil)
}

// send sends a message and waits until libzmq has accepted it.
func (p *probe) send(frames ...[]byte) {
	p.t.Helper()
	p.command("send", hexFrames(frames))
	p.next("sent", nil)
}

// receive returns the next message that arrives.
func (p *probe) receive() [][]byte {
	p.t.Helper()
	var texts []string
	p.next("message", &texts)
	frames := make([][]byte, len(texts))
	for i, text := range texts {
		var err error
		if frames[i], err = hex.DecodeString(text); err != nil {
			p.t.Fatal(err)
		}
	}
	return frames
}

// await waits for an event of the socket's monitor, as "HANDSHAKE_SUCCEEDED".
func (p *probe) await(event string) {
	p.t.Helper()
	for name := ""; name != event; {
		p.next("monitor", &name)
	}
}

// seen returns the monitor's events that have come until now.
func (p *probe) seen() []string {
	p.t.Helper()
	// The answer to a command comes after the events that came before it.
	p.set("LINGER", 0)
	var names []string
	for len(p.pending["monitor"]) > 0 {
		var name string
		p.next("monitor", &name)
		names = append(names, name)
	}
	return names
}

func (p *probe) command(words ...any) {
	p.t.Helper()
	text, err := json.Marshal(words)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.stdin.Write(append(text, '\n')); err != nil {
		p.t.Fatalf("%s: %v\n%s", p.name, err, p.stderr.String())
	}
}

// next waits for the next event of the kind and stores what it carries in v.
// Events of other kinds stay for later.
func (p *probe) next(kind string, v any) {
	p.t.Helper()
	for len(p.pending[kind]) == 0 {
		var event []json.RawMessage
		line := p.line()
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			p.t.Fatalf("probe wrote %q: %v", line, err)
		}
		var name string
		if err := json.Unmarshal(event[0], &name); err != nil {
			p.t.Fatalf("probe wrote %q: %v", line, err)
		}
		if name == "failed" {
			p.t.Fatalf("libzmq refused: %s", line)
		}
		carried := json.RawMessage("null")
		if len(event) > 1 {
			carried = event[1]
		}
		p.pending[name] = append(p.pending[name], carried)
	}
	carried := p.pending[kind][0]
	p.pending[kind] = p.pending[kind][1:]
	if v == nil {
		return
	}
	if err := json.Unmarshal(carried, v); err != nil {
		p.t.Fatalf("probe's %s event: %v", kind, err)
	}
}

func hexFrames(frames [][]byte) []string {
	texts := make([]string, len(frames))
	for i, f := range frames {
		texts[i] = hex.EncodeToString(f)
	}
	return texts
}

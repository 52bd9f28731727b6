package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/message"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/recording"
	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// maxMalformed is how many malformed messages are reported one by one.
const maxMalformed = 5

// A subPrinter prints what sub receives and counts it. Its methods may be called
// from any goroutine.
type subPrinter struct {
	app     *app
	printer message.Printer
	output  string // "lines", "message" or "json"
	began   time.Time

	mu  sync.Mutex
	sel *selection
	subCounts
	topics map[string]bool // up to maxKnownTopics
	broken int             // messages that made no sense
	writer *recording.Writer
	over   bool // what happens no longer matters
}

// subCounts are the counts of a subPrinter.
type subCounts struct {
	messages, bytes uint64
	snapshots       int
	gaps, restarts  int
	lost            uint64
	maxLag          time.Duration
}

func newSubPrinter(a *app, p message.Printer, output string, sel *selection) *subPrinter {
	return &subPrinter{app: a, printer: p, output: output, sel: sel, began: time.Now(), topics: make(map[string]bool)}
}

func (p *subPrinter) total() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.messages) + p.snapshots
}

// A receivedJSON is a publication, or a snapshot, for programs.
type receivedJSON struct {
	Time      time.Time        `json:"time"`
	Topic     string           `json:"topic,omitempty"`
	Method    string           `json:"method,omitempty"`
	Sequence  uint64           `json:"sequence,omitempty"`
	Publisher string           `json:"publisher,omitempty"`
	Published *time.Time       `json:"published,omitempty"`
	LagMs     *float64         `json:"lagMs,omitempty"`
	Replayed  bool             `json:"replayed,omitempty"`
	Metadata  message.Metadata `json:"metadata,omitempty"`
	From      string           `json:"from,omitempty"`
	Message   json.RawMessage  `json:"message,omitempty"`
	Snapshot  json.RawMessage  `json:"snapshot,omitempty"`
	Error     string           `json:"error,omitempty"`
}

// message prints a publication.
func (p *subPrinter) message(body []byte, info *gozmq.PublicationInfo) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.print(p.sel.method(info.Topic), body, info)
}

// update prints a change of a followed state.
func (p *subPrinter) update(m *schema.Method, body []byte, info *gozmq.PublicationInfo) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.print(m, body, info)
}

func (p *subPrinter) print(m *schema.Method, body []byte, info *gozmq.PublicationInfo) error {
	p.messages++
	p.bytes += uint64(len(body))
	if len(p.topics) < maxKnownTopics {
		p.topics[info.Topic] = true
	}
	r := receivedJSON{Time: time.Now(), Topic: info.Topic}
	if !info.Time.IsZero() && !info.Replayed {
		lag := r.Time.Sub(info.Time)
		p.maxLag = max(p.maxLag, lag)
		ms := float64(lag.Microseconds()) / 1000
		r.LagMs = &ms
	}
	switch p.output {
	case outputRecord:
		if p.writer == nil {
			p.writer = recording.NewWriter(p.app.out)
		}
		return p.writer.Write(recordOf(m, body, info))
	case "message":
		return p.body(m, body)
	case "json":
		r.describe(m, info)
		var err error
		if r.Message, err = p.printer.JSON(body, inputOf(m)); err != nil {
			r.Error = err.Error()
		}
		return p.object(r)
	}
	return p.line(printable(info.Topic), m, body)
}

// describe adds the properties of a publication, without its message.
func (r *receivedJSON) describe(m *schema.Method, info *gozmq.PublicationInfo) {
	if m != nil && m.Input != nil {
		r.Method = m.Procedure
	}
	r.Sequence, r.Replayed, r.Metadata = info.Sequence, info.Replayed, message.Metadata(info.Metadata)
	if info.Publisher != 0 {
		r.Publisher = fmt.Sprintf("%016x", info.Publisher)
	}
	if !info.Time.IsZero() {
		t := info.Time.UTC()
		r.Published = &t
	}
	if info.Peer != nil {
		r.From = info.Peer.Address
	}
}

// line prints the subject of a message and the message; it reports a message that
// cannot be decoded.
func (p *subPrinter) line(subject string, m *schema.Method, body []byte) error {
	var b bytes.Buffer
	if subject != "" {
		b.WriteString(subject + " ")
	}
	if err := p.write(&b, m, body); err != nil {
		p.app.say("%s: %v", subject, err)
		return nil
	}
	_, err := p.app.out.Write(b.Bytes())
	return err
}

func (p *subPrinter) body(m *schema.Method, body []byte) error {
	return p.line("", m, body)
}

func (p *subPrinter) write(b *bytes.Buffer, m *schema.Method, body []byte) error {
	return p.printer.Write(b, body, inputOf(m))
}

func (p *subPrinter) object(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = p.app.out.Write(append(b, '\n'))
	return err
}

// snapshot prints a whole state.
func (p *subPrinter) snapshot(m *schema.Method, body []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.snapshots++
	state := *m
	state.Input = m.Output
	if p.output == "json" {
		r := receivedJSON{Time: time.Now(), Method: m.Procedure}
		var err error
		if r.Snapshot, err = p.printer.JSON(body, m.Output); err != nil {
			r.Error = err.Error()
		}
		return p.object(r)
	}
	if p.output == "message" {
		return p.body(&state, body)
	}
	return p.line("snapshot", &state, body)
}

// A noticeJSON is an event between the messages, for programs.
type noticeJSON struct {
	Time     time.Time `json:"time"`
	Notice   string    `json:"notice"`
	Topic    string    `json:"topic,omitempty"`
	Lost     uint64    `json:"lost,omitempty"`
	LagMs    float64   `json:"lagMs,omitempty"`
	Messages float64   `json:"messagesPerSecond,omitempty"`
	Bytes    float64   `json:"bytesPerSecond,omitempty"`
	Text     string    `json:"text"`
}

// notice reports an error of the stream between its messages.
func (p *subPrinter) notice(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := noticeJSON{Notice: "error", Text: err.Error()}
	var gap *gozmq.GapError
	var restarted *gozmq.PublisherRestartedError
	var lag *gozmq.LagError
	var idle *gozmq.IdleError
	switch {
	case errors.As(err, &gap):
		p.gaps++
		p.lost += gap.Lost
		n.Notice, n.Topic, n.Lost = "gap", gap.Topic, gap.Lost
		n.Text = fmt.Sprintf("%s: %s missing", printable(gap.Topic), plural(int(gap.Lost), "message"))
	case errors.As(err, &restarted):
		p.restarts++
		n.Notice, n.Topic = "restart", restarted.Topic
		n.Text = fmt.Sprintf("another publisher has replaced that of %s, as after a restart", printable(restarted.Topic))
	case errors.As(err, &lag):
		n.Notice, n.Topic, n.LagMs = "lag", lag.Topic, float64(lag.Lag.Microseconds())/1000
		n.Text = fmt.Sprintf("%s: the next message is %v old", printable(lag.Topic), lag.Lag.Round(time.Millisecond))
	case errors.As(err, &idle):
		n.Notice = "idle"
		n.Text = fmt.Sprintf("nothing has come since %s; %s connected", idle.Since.Format(time.TimeOnly), plural(idle.Publishers, "publisher"))
	}
	p.tell(n)
}

func (p *subPrinter) tell(n noticeJSON) {
	if p.output != "json" {
		p.app.say("%s: %s", n.Notice, n.Text)
		return
	}
	n.Time = time.Now()
	_ = p.object(n) // a closed pipe ends the next message
}

// event reports the events of connections that matter to the reader.
func (p *subPrinter) event(e gozmq.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := noticeJSON{Text: e.String()}
	switch e.Kind {
	case gozmq.EventConnected:
		n.Notice = "connected"
	case gozmq.EventDisconnected, gozmq.EventHeartbeatLost:
		n.Notice = "disconnected"
	case gozmq.EventMalformed:
		if p.broken++; p.broken > maxMalformed {
			return
		}
		n.Notice = "malformed"
		n.Text += "; messages of one frame need --bare"
	default:
		return
	}
	switch {
	case p.output == "json" || n.Notice == "malformed":
		p.tell(n)
	case n.Notice == "disconnected":
		time.AfterFunc(goneTime, func() { p.gone(n) })
	}
}

// goneTime is how long sub delays the report that a publisher has gone: one that
// ends after the last requested message need not be reported.
const goneTime = 250 * time.Millisecond

func (p *subPrinter) gone(n noticeJSON) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.tell(n)
	}
}

// rates reports at intervals how many messages came, until stop.
func (p *subPrinter) rates(every time.Duration) (stop func()) {
	if every <= 0 {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(every)
		defer t.Stop()
		var last subCounts
		began := time.Now()
		for {
			select {
			case <-done:
				return
			case now := <-t.C:
				last = p.rate(last, now.Sub(began))
				began = now
			}
		}
	}()
	return sync.OnceFunc(func() { close(done); <-ended })
}

func (p *subPrinter) rate(last subCounts, d time.Duration) subCounts {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := noticeJSON{Notice: "rate"}
	n.Messages = float64(p.messages-last.messages) / d.Seconds()
	n.Bytes = float64(p.bytes-last.bytes) / d.Seconds()
	n.Text = fmt.Sprintf("%.1f messages/s, %.1f kB/s", n.Messages, n.Bytes/1000)
	p.tell(n)
	return p.subCounts
}

// summary says at the end what came.
func (p *subPrinter) summary() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	d := time.Since(p.began)
	parts := []string{fmt.Sprintf("%s of %s in %s (%.1f/s)", plural(int(p.messages), "message"), plural(len(p.topics), "topic"), roughly(d), float64(p.messages)/d.Seconds())}
	if p.snapshots > 0 {
		parts = append(parts, plural(p.snapshots, "snapshot"))
	}
	if p.gaps > 0 {
		parts = append(parts, fmt.Sprintf("%s with %s missing", plural(p.gaps, "gap"), plural(int(p.lost), "message")))
	}
	if p.restarts > 0 {
		parts = append(parts, plural(p.restarts, "restart"))
	}
	if p.maxLag > 0 {
		parts = append(parts, fmt.Sprintf("lag up to %s", roughly(p.maxLag)))
	}
	if p.broken > 0 {
		parts = append(parts, fmt.Sprintf("%s that made no sense", plural(p.broken, "message")))
	}
	p.app.say("%s", strings.Join(parts, ", "))
}

// roughly returns a time with three digits or so.
func roughly(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Nanosecond).String()
}

// printable returns text of a peer so that it can stand within a line.
func printable(s string) string {
	if line(s) == s && !strings.Contains(s, "\n") {
		return s
	}
	return fmt.Sprintf("%q", s)
}

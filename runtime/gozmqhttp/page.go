package gozmqhttp

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqops"
)

//go:embed page.html
var pageText string

// maxShown is how many peers or queues of a socket the page shows.
const maxShown = 500

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"title":   func(s gozmqops.Socket) string { return title(&s) },
	"percent": func(n, of int) string { return fmt.Sprintf("%.0f %%", 100*ratio(n, of)) },
	"bytes":   size,
	"age":     func(at, now time.Time) string { return now.Sub(at).Round(time.Second).String() },
	"short":   func(d time.Duration) string { return d.Round(time.Millisecond).String() },
	"line":    line,
	"shown":   func(i int) bool { return i < maxShown },
	"max":     func() int { return maxShown },
	"less":    func(a, b uint64) uint64 { return a - min(a, b) },
	"how":     how,
	"who":     who,
	"failed":  failed,
}).Parse(pageText))

// line returns text that a peer has chosen in a form for a page.
func line(s string) string {
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// how describes a method's guarantees in a few words.
func how(m gozmqops.Method) string {
	var words []string
	add := func(yes bool, format string, args ...any) {
		if yes {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(m.ClientStreams, "client streams")
	add(m.ServerStreams, "server streams")
	add(m.Idempotent, "idempotent")
	add(m.TopicTemplate != "", "topic %s", m.TopicTemplate)
	add(m.Retain, "last value kept")
	add(m.LatestOnly, "latest only")
	add(m.Sequenced, "sequenced")
	add(m.Snapshot != "", "state by %s", m.Snapshot)
	add(m.Delivery != "", "%s", m.Delivery)
	add(m.Timeout > 0, "timeout %v", m.Timeout)
	add(m.Lease > 0, "lease %v", m.Lease)
	add(m.MaxAttempts > 0, "up to %d attempts", m.MaxAttempts)
	add(m.Backoff > 0, "backoff %v", m.Backoff)
	add(m.Limit.Running > 0, "%d at a time", m.Limit.Running)
	add(m.Limit.Every > 0, "one each %v", m.Limit.Every)
	add(m.KeyLimit.Running > 0, "%d of each key", m.KeyLimit.Running)
	add(m.KeyLimit.Every > 0, "one of each key each %v", m.KeyLimit.Every)
	add(m.RetainTask > 0, "kept for %v", m.RetainTask)
	return strings.Join(words, ", ")
}

// who describes a peer's authenticated identity.
func who(p gozmq.PeerStats) string {
	switch {
	case p.Identity != "":
		return p.Identity
	case p.User != "":
		return p.User
	case p.PublicKey != gozmq.PublicKey{}:
		return p.PublicKey.String()
	}
	return ""
}

func failed(m gozmq.MethodStats) (n uint64) {
	for _, of := range m.Failed {
		n += of
	}
	return n
}

// size returns a number of bytes for people.
func size(n any) string {
	var b float64
	switch n := n.(type) {
	case int:
		b = float64(n)
	case uint64:
		b = float64(n)
	}
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if b < 1024 {
			return fmt.Sprintf("%.4g %s", b, unit)
		}
		b /= 1024
	}
	return fmt.Sprintf("%.4g TiB", b)
}

func (h handler) page(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	if err := page.Execute(&b, h.group.Snapshot()); err != nil {
		text(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	secure(w)
	_, _ = w.Write(b.Bytes()) // the client has gone if it fails
}

package gozmqhttp

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

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
}).Parse(pageText))

// line returns what a peer has chosen as text for a page.
func line(s string) string {
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
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

// Package gozmqhttp shows the sockets of a program over HTTP: probes for load
// balancers and Kubernetes, metrics for Prometheus, and a page for people. It needs
// the standard library only, and serves nothing by itself: mount [Handler] where
// nobody but operators can reach it.
package gozmqhttp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqops"
)

// Handler serves, for a group of sockets:
//
//   - /livez: 200 while the sockets' counters can be read within five seconds.
//   - /readyz: 200 while the group is ready (gozmqops.Group.Snapshot), otherwise 503 and
//     the reason.
//   - /metrics: counters in Prometheus's text format. Labels have names of roles,
//     never a peer's.
//   - /debug/gozmq: a page with endpoints, services, methods, queues and peers;
//     /debug/gozmq.json: the same as data. They show addresses and routing ids.
//
// It authenticates nobody. To mount it below a path, use http.StripPrefix.
func Handler(g *gozmqops.Group) http.Handler {
	mux := http.NewServeMux()
	h := handler{g}
	mux.HandleFunc("GET /livez", h.live)
	mux.HandleFunc("GET /readyz", h.ready)
	mux.HandleFunc("GET /metrics", h.metrics)
	mux.HandleFunc("GET /debug/gozmq", h.page)
	mux.HandleFunc("GET /debug/gozmq.json", h.data)
	return mux
}

type handler struct{ group *gozmqops.Group }

// liveLimit is how long the counters of a live program take.
const liveLimit = 5 * time.Second

func (h handler) live(w http.ResponseWriter, _ *http.Request) {
	read := make(chan struct{})
	go func() {
		defer close(read)
		h.group.Snapshot()
	}()
	timer := time.NewTimer(liveLimit)
	defer timer.Stop()
	select {
	case <-read:
		text(w, http.StatusOK, "ok\n")
	case <-timer.C:
		text(w, http.StatusServiceUnavailable, "the sockets' counters cannot be read\n")
	}
}

func (h handler) ready(w http.ResponseWriter, _ *http.Request) {
	s := h.group.Snapshot()
	if s.Ready {
		text(w, http.StatusOK, "ok\n")
		return
	}
	why := ""
	if s.Stopping {
		why = "the program is stopping\n"
	}
	for _, socket := range s.Sockets {
		if !socket.Ready {
			why += fmt.Sprintf("%s: %s\n", title(&socket), socket.Reason)
		}
	}
	text(w, http.StatusServiceUnavailable, why)
}

// title names a socket for people.
func title(s *gozmqops.Socket) string {
	if s.Side == "" {
		return s.Name
	}
	return s.Name + " (" + s.Side + ")"
}

func (h handler) data(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	secure(w)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(h.group.Snapshot()); err != nil { //nolint:musttag // a field has one name, in Go and in JSON
		return // the client has gone
	}
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	secure(w)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // the client has gone if it fails
}

// secure keeps browsers from running or keeping anything of an answer.
func secure(w http.ResponseWriter) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
}

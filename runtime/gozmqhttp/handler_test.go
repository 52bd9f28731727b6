package gozmqhttp

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	greetv1 "github.com/gozmq/gozmq/example/gen/greet/v1"
	"github.com/gozmq/gozmq/example/gen/greet/v1/greetv1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqops"
)

type greeter struct {
	greetv1gozmq.UnimplementedGreeterServer
}

func (greeter) SayHello(context.Context, *greetv1.HelloRequest) (*greetv1.HelloReply, error) {
	return new(greetv1.HelloReply), nil
}

// hostile is a routing id for somebody else's page and metrics.
const hostile = "<script>alert(1)</script>\"}\n\x1b"

// shown returns a group with a server and a number of clients, which have called.
func shown(t *testing.T, clients int) (*gozmqops.Group, *gozmq.Server) {
	t.Helper()
	return shownAs(t, clients, hostile)
}

// shownAs is shown for clients whose routing ids begin with id.
func shownAs(t *testing.T, clients int, id string) (*gozmqops.Group, *gozmq.Server) {
	t.Helper()
	srv, err := gozmq.NewServer(gozmq.Bind("tcp://127.0.0.1:*"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	if err := greetv1gozmq.RegisterGreeterServer(srv, greeter{}); err != nil {
		t.Fatal(err)
	}
	g := new(gozmqops.Group)
	if err := g.Add("greeter", srv); err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(); err != nil {
		t.Fatal(err)
	}
	for i := range clients {
		conn, err := gozmq.Dial(gozmq.Connect(srv.Addrs()...), gozmq.WithRoutingID(fmt.Sprint(id, i)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := greetv1gozmq.NewGreeterClient(conn).SayHello(testkit.Within(t), new(greetv1.HelloRequest), gozmq.WithTimeout(0)); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, "the counts", func() bool { // which follow the replies
		s, handled := srv.Stats(), uint64(0)
		for _, m := range s.Methods {
			handled += m.Handled
		}
		n := uint64(clients)
		return s.MessagesIn == n && s.MessagesOut == n && handled == n
	})
	return g, srv
}

// get returns an answer's status and body.
func get(t *testing.T, g *gozmqops.Group, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(g).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestProbes(t *testing.T) {
	g, srv := shown(t, 0)
	for _, path := range []string{"/livez", "/readyz"} {
		if status, body := get(t, g, path); status != http.StatusOK || body != "ok\n" {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, g, "/readyz"); status != http.StatusServiceUnavailable || !strings.HasPrefix(body, "greeter: not open") {
		t.Errorf("/readyz of a closed server: %d %q", status, body)
	}
	if status, _ := get(t, g, "/livez"); status != http.StatusOK {
		t.Errorf("/livez of a closed server: %d", status)
	}
	if status, _ := get(t, g, "/other"); status != http.StatusNotFound {
		t.Errorf("/other: %d", status)
	}
}

// sample is a line of Prometheus's text format.
var sample = regexp.MustCompile(`^(gozmq_[a-z_]+)\{([a-z]+="([^"\\\n]|\\.)*",?)+\} ([0-9.e+-]+)$`)

// TestMetrics reads the metrics as a scraper does. More peers make no more series,
// and nothing of a peer is in them.
func TestMetrics(t *testing.T) {
	lines := func(clients int) []string {
		g, _ := shown(t, clients)
		_, body := get(t, g, "/metrics")
		return strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	}
	few, many := lines(1), lines(20)
	if len(few) != len(many) {
		t.Errorf("20 peers make %d lines, one makes %d", len(many), len(few))
	}
	declared, seen := "", map[string]bool{}
	for _, line := range many {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			declared, _, _ = strings.Cut(name, " ")
			continue
		}
		if strings.HasPrefix(line, "# HELP ") {
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil || m[1] != declared || seen[strings.Fields(line)[0]] {
			t.Errorf("a line is no sample of %s: %q", declared, line)
		}
		seen[strings.Fields(line)[0]] = true
		if strings.Contains(line, "127.0.0.1") || strings.Contains(line, "script") {
			t.Errorf("a peer shows: %q", line)
		}
	}
	all := strings.Join(many, "\n")
	for _, want := range []string{
		`gozmq_peers{name="greeter",role="server",side=""} 20`,
		`gozmq_messages_total{name="greeter",role="server",side="",direction="in"} 20`,
		`gozmq_ready{name="greeter",role="server",side=""} 1`,
		`gozmq_calls{name="greeter",role="server",side="",state="running"} 0`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not in\n%s", want, all)
		}
	}
	t.Logf("%d series for a server", len(seen))
}

// TestPage parses the page, strictly, and looks for what it must and must not have.
func TestPage(t *testing.T) {
	g, srv := shown(t, 3)
	_, body := get(t, g, "/debug/gozmq")
	d := xml.NewDecoder(strings.NewReader(strings.Replace(body, "<!DOCTYPE html>", "", 1)))
	d.Strict, d.AutoClose, d.Entity = true, xml.HTMLAutoClose, xml.HTMLEntity
	d.AutoClose = []string{"meta"}
	d.Strict = false
	text, tables := "", 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page cannot be parsed: %v", err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			if x.Name.Local == "script" {
				t.Error("a peer has put a script into the page")
			}
			if x.Name.Local == "table" {
				tables++
			}
		case xml.CharData:
			text += string(x)
		}
	}
	for _, want := range []string{"greeter", "ready", "/greet.v1.Greeter/SayHello"[1:], srv.Addrs()[0], "DEALER", `<script>alert(1)</script>\"}\n\x1b0`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the page's text", want)
		}
	}
	if tables < 5 {
		t.Errorf("the page has %d tables", tables)
	}
	for i := range body {
		if body[i] < ' ' && body[i] != '\n' {
			t.Fatalf("the page has byte %#x", body[i])
		}
	}
	if _, empty := get(t, new(gozmqops.Group), "/debug/gozmq"); !strings.Contains(empty, "No socket was added") {
		t.Error("an empty group has no page")
	}
}

// TestData decodes the page's data.
func TestData(t *testing.T) {
	g, _ := shown(t, 2)
	_, body := get(t, g, "/debug/gozmq.json")
	var s gozmqops.Snapshot
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Sockets) != 1 || !s.Ready || s.Sockets[0].Stats.MessagesIn != 2 || len(s.Sockets[0].Stats.Peers) != 2 || len(s.Sockets[0].Services) == 0 {
		t.Errorf("got %+v", s)
	}
}

// TestPageInChromium opens the page in headless Chromium and looks at what that
// makes of it. Without one it is skipped, or fails when GOZMQ_INTEROP=1.
// GOZMQ_SCREENSHOT names a file for a picture.
func TestPageInChromium(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("GOZMQ_INTEROP") == "1" {
			t.Fatalf("GOZMQ_INTEROP=1: %v", err)
		}
		t.Skip("there is no chromium")
	}
	g, _ := shown(t, 3)
	web := httptest.NewServer(Handler(g))
	defer web.Close()
	run := func(args ...string) string {
		t.Helper()
		args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + t.TempDir()}, args...)
		out, err := exec.CommandContext(testkit.Within(t), chromium, append(args, web.URL+"/debug/gozmq")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	dom := run("--dump-dom")
	if !strings.Contains(dom, "greet.v1.Greeter/SayHello") || strings.Contains(dom, "<script") || strings.Count(dom, "<td>DEALER</td>") != 3 {
		t.Errorf("chromium makes this of the page:\n%s", dom)
	}
	picture := os.Getenv("GOZMQ_SCREENSHOT")
	if picture != "" {
		g, _ := shownAs(t, 3, "till-")
		sub, err := gozmq.NewSubscriber(gozmq.Connect("tcp://127.0.0.1:1"))
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Close()
		if err := g.Add("prices", sub); err != nil {
			t.Fatal(err)
		}
		web.Config.Handler = Handler(g)
	} else {
		picture = filepath.Join(t.TempDir(), "page.png")
	}
	run("--window-size=1280,760", "--screenshot="+picture)
	if info, err := os.Stat(picture); err != nil || info.Size() < 10_000 {
		t.Errorf("the picture is %v, %v", info, err)
	}
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmqcurve"
)

var update = flag.Bool("update", false, "write the transcripts of testdata again")

// endpoints are the endpoints in transcripts, and the systems that stand behind
// them; "": nobody.
var endpoints = map[string]string{
	"tcp://127.0.0.1:5555": "server",
	"tcp://127.0.0.1:5556": "curve",
	"tcp://127.0.0.1:5557": "plain",
	"tcp://127.0.0.1:5558": "undescribed",
	"tcp://127.0.0.1:5559": "publisher",
	"tcp://127.0.0.1:5561": "python rep.py",
	"tcp://127.0.0.1:5562": "http",
	"tcp://127.0.0.1:5563": "silent",
	"tcp://127.0.0.1:5564": "ftp",
	"tcp://127.0.0.1:5594": "queues",
	"tcp://127.0.0.1:5595": "unready",
	"tcp://127.0.0.1:5596": "ventilator",
	"tcp://127.0.0.1:5597": "readonly",
	"tcp://127.0.0.1:5598": "admin",
	"tcp://127.0.0.1:5599": "",
	"tcp://127.0.0.1:5570": "",
	"tcp://127.0.0.1:5571": "",
	"tcp://127.0.0.1:5572": "",
	"tcp://127.0.0.1:5573": "",
	"tcp://127.0.0.1:5574": "python feed.py",
	"tcp://127.0.0.1:5575": "python push.py",
	"tcp://127.0.0.1:5576": "",
}

// TestTranscripts runs the commands of testdata/*.txt, lines that begin with "$ ",
// in a shell with the command gozmq, and compares what they print. Lines that
// begin with "# " are comments.
func TestTranscripts(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell")
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			transcript(t, file)
		})
	}
}

func transcript(t *testing.T, file string) {
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := newShell(t, string(want))
	got := s.replay(t, string(want))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it)\n%s\ngot:\n%s", file, testkit.Difference(string(want), got), got)
	}
}

// replay runs the commands of a transcript and returns it with what they print
// today.
func (s *shell) replay(t *testing.T, want string) string {
	t.Helper()
	var got strings.Builder
	output := false // the line before was a command, or its output
	for _, line := range strings.SplitAfter(want, "\n") {
		command, ok := strings.CutPrefix(line, "$ ")
		output = output && line != "\n"
		switch {
		case ok:
			output = true
			got.WriteString(line)
			got.WriteString(s.run(t, strings.TrimSpace(command)))
		case strings.HasPrefix(line, "#") && !output:
			got.WriteString(line)
		case line == "\n" && strings.HasSuffix(got.String(), "\n") && !strings.HasSuffix(got.String(), "\n\n"):
			got.WriteString(line)
		}
	}
	return got.String()
}

// A shell runs commands in a folder of its own.
type shell struct {
	dir, bin string
	real     *strings.Replacer // endpoints of the transcript to those of this run
	shown    *strings.Replacer
}

// newShell starts the systems that a transcript talks to.
func newShell(t *testing.T, transcript string) *shell {
	t.Helper()
	s := &shell{dir: t.TempDir(), bin: t.TempDir()}
	command(t, s.bin)
	if strings.Contains(transcript, "$ jq ") {
		if _, err := exec.LookPath("jq"); err != nil {
			missing(t, err)
		}
	}
	if strings.Contains(transcript, "pyzmq ") {
		if err := os.Symlink(python(t), filepath.Join(s.bin, "pyzmq")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(s.dir, "proto"), os.DirFS("../../example/proto")); err != nil {
		t.Fatal(err)
	}
	saveKeys(t, s.dir)
	var there, back []string
	for shown, system := range endpoints {
		if !strings.Contains(transcript, shown) {
			continue
		}
		at := nobody(t)
		if system != "" {
			at = start(t, system)
		}
		host := func(endpoint string) string { return strings.TrimPrefix(endpoint, "tcp://") }
		there, back = append(there, host(shown), host(at)), append(back, host(at), host(shown))
	}
	s.shown = strings.NewReplacer(append(back, s.dir, "/home/ada")...)
	s.real = strings.NewReplacer(there...)
	s.copyFiles(t)
	return s
}

// copyFiles copies the files that commands read, with the endpoints of this run.
func (s *shell) copyFiles(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("testdata/files/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(s.dir, filepath.Base(file)), []byte(s.real.Replace(string(b))), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// saveKeys writes the keys of the server with CURVE and of its client, and a
// password.
func saveKeys(t *testing.T, dir string) {
	t.Helper()
	for name, secret := range map[string]string{"greeter": serverSecret, "ada": clientSecret} {
		key, err := gozmqcurve.ParseSecretKey(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := gozmqcurve.SaveKey(filepath.Join(dir, name), key, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// command puts the command gozmq, which is this test binary, into a folder.
func command(t *testing.T, dir string) {
	t.Helper()
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "gozmq")); err != nil {
		t.Skip(err)
	}
}

// free are the ports that nobody has got yet: below those from which systems choose
// ports for others, so that no test gets one of them by chance.
var free = struct {
	mu   sync.Mutex
	next int
}{next: 20_000 + os.Getpid()%10_000}

// nobody returns an endpoint at which nobody listens, for one test alone.
func nobody(t *testing.T) string {
	t.Helper()
	free.mu.Lock()
	defer free.mu.Unlock()
	for range 1000 {
		free.next = 20_000 + (free.next-20_000+1)%10_000
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", free.next)); err == nil {
			l.Close()
			return "tcp://" + l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// varying is what differs from run to run, and what stands for it.
var varying = []struct {
	text *regexp.Regexp
	want string
}{
	{regexp.MustCompile(`"(atMs|firstMs|totalMs|perSecond|ms)":[0-9.e+-]+`), `"$1":1.5`},
	{regexp.MustCompile(`"time":"[^"]+"`), `"time":"2026-01-01T12:00:00.000Z"`},
	{regexp.MustCompile(`"peer":"127\.0\.0\.1:\d+"`), `"peer":"127.0.0.1:40000"`},
	{regexp.MustCompile(`\b1h[2-9]m\b`), `1h2m`},
	{regexp.MustCompile(`"(enqueued|ended)":( ?)"[^"]+"`), `"$1":${2}"2026-01-01T12:00:00Z"`},
	{regexp.MustCompile(`time=[0-9.]+s`), `time=0.001500s`},
	{regexp.MustCompile(`(gozmq_check_duration_seconds\S*) [0-9.]+`), `$1 0.001500`},
	{regexp.MustCompile(`\bin ([0-9]+m)?[0-9.]+(µs|ms|s)\b`), `in 1.5ms`},
	{regexp.MustCompile(`[0-9.]+ operations/s, [0-9.]+ messages/s, [0-9.]+ kB/s`), `9.9 operations/s, 9.9 messages/s, 0.1 kB/s`},
	{regexp.MustCompile(`(?m)^ +min +mean +50% .*$`), `              min   mean    50%    90%    99%  99.9% 99.99%    max`},
	{regexp.MustCompile(`(?m)^ +(latency|service|generator)( +[0-9.]+(ns|µs|ms|s)){8}$`), `  $1  1.5ms  1.5ms  1.5ms  1.5ms  1.5ms  1.5ms  1.5ms  1.5ms`},
	{regexp.MustCompile(`"notBefore":( ?)"[^"]+"`), `"notBefore":$1"2026-01-02T12:00:00Z"`},
	{regexp.MustCompile(`not before 20[0-9T:-]+Z`), `not before 2026-01-02T12:00:00Z`},
	{regexp.MustCompile(`\([0-9.]+/s\)`), `(9.9/s)`},
	{regexp.MustCompile(`lag up to [0-9.]+(µs|ms|s)\b`), `lag up to 1.5ms`},
	{regexp.MustCompile(`"(lagMs|elapsedMs|operationsPerSecond|messagesPerSecond|bytesPerSecond|min|mean|p50|p90|p99|p99\.9|p99\.99|max|dial_ns)":[0-9.e+-]+`), `"$1":1.5`},
	{regexp.MustCompile(`"(publisher|id)":"[0-9a-f]{16,32}"`), `"$1":"0123456789abcdef"`},
	{regexp.MustCompile(`task [0-9a-f]{32} of`), `task 0123456789abcdef of`},
	{regexp.MustCompile(`"(published|began)":"[^"]+"`), `"$1":"2026-01-01T12:00:00.000Z"`},
	{regexp.MustCompile(`"from":"127\.0\.0\.1:\d+"`), `"from":"127.0.0.1:40000"`},
	{regexp.MustCompile(`(?m)^ +[0-9]+\.[0-9]{4} #`), `   0.0015 #`},
	{regexp.MustCompile(`#\d+ ([<>])`), `#1 $1`},
	{regexp.MustCompile(`#\d+ ([<>]) publication`), `#1 $1 publication`}, // a subscriber may have tried before
	{regexp.MustCompile(`opened 127\.0\.0\.1:\d+`), `opened 127.0.0.1:40000`},
	{regexp.MustCompile(`\b(id|publisher|position|previous)=[0-9a-f]+`), `$1=0123456789abcdef`},
	{regexp.MustCompile(`timeout=[0-9.]+(µs|ms|s)`), `timeout=1.5s`},
	{regexp.MustCompile(`listening on tcp://127\.0\.0\.1:\d{5}\b`), `listening on tcp://127.0.0.1:5560`},
	{regexp.MustCompile(`\b((\d+) messages? of \d+ topics?) in 1\.5ms \(9\.9/s\)`), `$1 in 1s (${2}.0/s)`}, // numbers that go together
}

// env is the environment of the commands. The race detector waits for a second at
// the end of a program, unless it is told not to.
func (s *shell) env() []string {
	return append(os.Environ(), "GORACE=atexit_sleep_ms=0", "PATH="+s.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+s.dir, "XDG_CONFIG_HOME=", "TMPDIR="+s.dir)
}

// run runs a command and returns what it prints, and its exit code if it is not 0.
func (s *shell) run(t *testing.T, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", s.real.Replace(command))
	cmd.WaitDelay = time.Second // what the shell has started may still have its output
	cmd.Dir = s.dir
	cmd.Env = s.env()
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("this does not end: %s; it has printed\n%s", command, out)
	}
	text := s.shown.Replace(string(out))
	for _, v := range varying {
		text = v.text.ReplaceAllString(text, v.want)
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		text += "[exit code " + strings.TrimPrefix(exit.Error(), "exit status ") + "]\n"
	} else if err != nil {
		t.Fatal(err)
	}
	return text
}

//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// shells are the shells whose completion is tried, and how each of them loads it
// before it takes a line.
var shells = map[string]struct {
	args  []string
	setup string // the shell prints "ready" behind it
}{
	"bash": {[]string{"--norc", "--noprofile", "-i"}, "source /usr/share/bash-completion/bash_completion; source <(gozmq completion bash); echo rea''dy\n"},
	"zsh":  {[]string{"-f", "-i"}, "autoload -Uz compinit; compinit -u -D; source <(gozmq completion zsh); compdef _gozmq gozmq; echo rea''dy\n"},
	"fish": {[]string{"--no-config", "-i"}, "gozmq completion fish | source; echo rea''dy\n"},
}

// completions are lines, and what the tab key makes of their ends.
var completions = []struct{ name, line, want string }{
	{"verb", "gozmq hea", "health"},
	{"verb of a verb", "gozmq tasks req", "requeue"},
	{"flag", "gozmq list --lo", "--long"},
	{"value", "gozmq check --format nag", "nagios"},
	{"context", "gozmq call --context pr", "prod"},
	{"service", "gozmq list tcp://127.0.0.1:5555 gre", "greet.v1.Greeter"},
	{"method", "gozmq call tcp://127.0.0.1:5555 stock.v1.W", "stock.v1.Warehouse/List"},
	{"method alone", "gozmq call tcp://127.0.0.1:5555 SayH", "SayHello"},
	{"name", "gozmq describe tcp://127.0.0.1:5555 greet.v1.Greeter/", "greet.v1.Greeter/SayHello"},
	{"topic", "gozmq sub tcp://127.0.0.1:5574 --admin tcp://127.0.0.1:5597 weather.v1.Feed/T", "weather.v1.Feed/Temperature"},
	{"topic on the wire", "gozmq sub tcp://127.0.0.1:5574 --admin tcp://127.0.0.1:5597 al", "alerts/"},
	{"topic of a file", "gozmq pub tcp://127.0.0.1:5574 -I proto --proto proto/weather/v1/weather.proto weather.v1.Feed/A", "weather.v1.Feed/Alerts"},
	{"topic that is published", "gozmq sub --raw tcp://127.0.0.1:5574 wea", "weather/ams/temperature"},
	{"field", "gozmq sub tcp://127.0.0.1:5574 --admin tcp://127.0.0.1:5597 Temperature -f st", "station="},
	{"task", "gozmq pull tcp://127.0.0.1:5575 --admin tcp://127.0.0.1:5597 image.v1.P", "image.v1.Prints/Render"},
	{"method of tasks", "gozmq tasks pause tcp://127.0.0.1:5597 image.v1.P", "image.v1.Prints/Render"},
	{"id", "gozmq tasks show tcp://127.0.0.1:5597 5f3a02", "5f3a029c0d4771e2b8a6530f14d2c98b"},
}

// TestCompletion presses the tab key in real shells, which talk to real systems.
func TestCompletion(t *testing.T) {
	for name, sh := range shells {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, err := exec.LookPath(name)
			if err != nil {
				missing(t, err)
			}
			if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); name == "bash" && err != nil {
				missing(t, err)
			}
			s := newShell(t, fmt.Sprint(completions))
			s.run(t, "gozmq context add prod tcp://127.0.0.1:5555")
			cmd := exec.Command(path, sh.args...)
			cmd.Dir, cmd.Env = s.dir, append(s.env(), "TERM=dumb", "PS1=> ")
			term := openTerminal(t, cmd)
			term.write(t, sh.setup)
			term.wait(t, "ready\r\n")
			for i, c := range completions {
				t.Run(c.name, func(t *testing.T) {
					// The command gives the system little time, and a busy
					// machine may need more: then the key is pressed again.
					for tries := 0; ; tries++ {
						term.write(t, s.real.Replace(c.line)+"\t")
						came := term.came(t, c.want, 5*time.Second)
						term.write(t, fmt.Sprintf("\x15echo rea''dy-%d-%d\n", i, tries)) // Ctrl-U deletes the line
						term.wait(t, fmt.Sprintf("ready-%d-%d", i, tries))
						if came {
							return
						}
						if tries == 12 {
							t.Fatalf("the shell does not complete %q", c.line)
						}
					}
				})
			}
		})
	}
}

// A terminal is a process in a pseudo-terminal.
type terminal struct {
	file *os.File
	out  chan string
	seen strings.Builder
}

// openTerminal starts cmd in a pseudo-terminal, and ends it with the test.
func openTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 200})
	if err != nil {
		t.Skip(err)
	}
	term := &terminal{file: file, out: make(chan string, 1000)}
	go func() {
		defer close(term.out)
		b := make([]byte, 4096)
		for {
			n, err := file.Read(b)
			if err != nil {
				return
			}
			term.out <- string(b[:n])
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = file.Close()
		_ = cmd.Wait()
		for range term.out { // until the goroutine ends
		}
	})
	return term
}

func (term *terminal) write(t *testing.T, text string) {
	t.Helper()
	if _, err := term.file.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// wait waits until text comes, and forgets what came up to it.
func (term *terminal) wait(t *testing.T, text string) {
	t.Helper()
	if !term.came(t, text, time.Minute) {
		t.Fatalf("the terminal does not show %q, but %q", text, term.seen.String())
	}
}

// came is wait that returns false when text does not come in time.
func (term *terminal) came(t *testing.T, text string, limit time.Duration) bool {
	t.Helper()
	over := time.After(limit)
	for !strings.Contains(term.seen.String(), text) {
		select {
		case s, ok := <-term.out:
			if !ok {
				t.Fatalf("the program ended without %q; it printed %q", text, term.seen.String())
			}
			term.seen.WriteString(s)
		case <-over:
			return false
		}
	}
	_, rest, _ := strings.Cut(term.seen.String(), text)
	term.seen.Reset()
	term.seen.WriteString(rest)
	return true
}

// TestInterrupt presses Ctrl-C: a verb that runs until then ends well, another one
// with the code of an interrupt.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	s := newShell(t, "tcp://127.0.0.1:5555")
	for _, c := range []struct {
		name, line, until string
		code              int
	}{
		{"health", "health --watch tcp://127.0.0.1:5555", "serving", 0},
		{"serve", "serve --raw --bare tcp://127.0.0.1:*", "listening", 0},
		{"call", `call tcp://127.0.0.1:5555 chat.v1.Room/Chat`, "", 130},
		{"stream", `call tcp://127.0.0.1:5555 chat.v1.Room/Watch {"last":5000}`, "clock", 130},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(filepath.Join(s.bin, "gozmq"), strings.Fields(s.real.Replace(c.line))...)
			cmd.Dir, cmd.Env = s.dir, s.env()
			term := openTerminal(t, cmd)
			if c.until == "" { // it waits for input, which it repeats
				term.write(t, "{\"author\": \"Ada\"}\n")
				c.until = `{"author":"Ada"}`
			}
			term.wait(t, c.until)
			term.write(t, "\x03")
			ended := make(chan error, 1)
			go func() {
				for range term.out { // it may print until it ends
				}
				ended <- cmd.Wait()
			}()
			select {
			case <-ended:
			case <-time.After(30 * time.Second):
				t.Fatal("it does not end")
			}
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
		})
	}
}

package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	gozmqproto "github.com/gozmq/gozmq/proto"
)

// buf returns the path of buf, which .ci/run builds. Without it the test is
// left out.
func buf(t *testing.T) string {
	t.Helper()
	file := os.Getenv("GOZMQ_BUF")
	if file == "" {
		t.Skip("GOZMQ_BUF does not name buf's program")
	}
	return file
}

// build builds the plugin into dir, for this machine and as WebAssembly.
func build(t *testing.T, dir string) (native, wasm string) {
	t.Helper()
	native, wasm = filepath.Join(dir, "buf-plugin-gozmq"), filepath.Join(dir, "buf-plugin-gozmq.wasm")
	if runtime.GOOS == "windows" {
		native += ".exe"
	}
	for file, env := range map[string][]string{native: nil, wasm: {"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0"}} {
		cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", file, ".")
		cmd.Env = append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return native, wasm
}

// workspace makes what a user has: files, the exported annotations, a buf.yaml.
func workspace(t *testing.T, tree, plugin string) string {
	t.Helper()
	dir := t.TempDir()
	for target, files := range map[string]fs.FS{"proto": os.DirFS(filepath.Join("testdata", tree)), "third_party/gozmq": gozmqproto.Files()} {
		if err := os.CopyFS(filepath.Join(dir, filepath.FromSlash(target)), files); err != nil {
			t.Fatal(err)
		}
	}
	yaml := strings.Replace(guideConfig(t), installed, plugin, 1)
	if err := os.WriteFile(filepath.Join(dir, "buf.yaml"), []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// installed is how the guide's buf.yaml runs the plugin.
const installed = "[go, tool, -modfile=tools.mod, buf-plugin-gozmq]"

// guideConfig is the buf.yaml that the guide gives to copy.
func guideConfig(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/guide/check.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```yaml\n")
	yaml, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed || !strings.Contains(yaml, installed) {
		t.Fatal("docs/guide/check.md has no buf.yaml")
	}
	return yaml
}

// TestBuf runs the real buf on a good tree and on a bad one, with the guide's
// buf.yaml, and the plugin as a program and as WebAssembly.
func TestBuf(t *testing.T) {
	program := buf(t)
	native, wasm := build(t, t.TempDir())
	const code = 100 // buf's, for findings
	for kind, plugin := range map[string]string{"native": native, "wasm": wasm} {
		old := workspace(t, "old", plugin)
		for _, tt := range []struct {
			tree, command string
			code          int
			want          []string
		}{
			{"good", "lint", 0, nil},
			{"good", "breaking", 0, nil},
			{"bad", "lint", code, []string{
				"orders.proto:15:15:orders.v1.Desk.Get: max_attempts is 30",
				"orders.proto:31:38:orders.v1.Packing.Pack: max_attempts has no meaning"}},
			{"bad", "breaking", code, []string{
				"orders.proto:13:12:orders.v1.Desk.Get: its timeout was 5s and is 2s",
				"orders.proto:18:3:orders.v1.Desk.Place: it was unary and is a stream of the server",
				`orders.proto:24:12:orders.v1.Feed.Changed: its topic was "orders/{customer}/{id}" and is "orders/{id}/{customer}"`,
				"orders.proto:24:12:orders.v1.Feed.Changed: retain is gone",
				"orders.proto:29:10:orders.v1.Packing: its delivery was DELIVERY_AT_LEAST_ONCE"}},
			{"gone", "breaking", code, []string{
				"orders.v1.Desk: the service is gone, with Get, Place",
				`orders.v1.Feed.Changed: nothing is published under its topic "orders/{customer}/{id}"`,
				"orders.v1.Packing: the service is gone, with Pack"}},
		} {
			if kind == "wasm" && tt.tree != "bad" {
				continue // buf compiles it for each run, which takes long
			}
			t.Run(kind+" "+tt.command+" "+tt.tree, func(t *testing.T) {
				args := []string{tt.command}
				if tt.command == "breaking" {
					args = append(args, "--against", old)
				}
				cmd := exec.Command(program, args...)
				cmd.Dir = workspace(t, tt.tree, plugin)
				var out bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &out
				cmd.Run()
				if got := cmd.ProcessState.ExitCode(); got != tt.code {
					t.Errorf("exit code is %d, want %d", got, tt.code)
				}
				for _, want := range tt.want {
					if !strings.Contains(out.String(), want) {
						t.Errorf("it does not print %q", want)
					}
				}
				if got := strings.Count(out.String(), "("+plugin+")"); got != len(tt.want) {
					t.Errorf("it prints %d findings, want %d", got, len(tt.want))
				}
				if t.Failed() {
					t.Logf("it prints:\n%s", out.String())
				}
			})
		}
	}
}

package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/generator"
)

// plugin builds the plugin as users install it, and returns its path.
func plugin(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "protoc-gen-gozmq")
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", file, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// execute runs a command with nothing on its standard input.
func execute(t *testing.T, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func TestArguments(t *testing.T) {
	bin := plugin(t)
	for _, tt := range []struct {
		name           string
		args           []string
		stdout, stderr string // a part of each
		fails          bool
	}{
		{"version", []string{"--version"}, "protoc-gen-gozmq " + generator.Version + "\n", "", false},
		{"help", []string{"--help"}, "--export-protos DIR", "", false},
		{"help names the options", []string{"-h"}, "package_suffix=", "", false},
		{"by hand", nil, "", "buf and protoc run this program\n\nprotoc-gen-gozmq generates", true},
		{"unknown flag", []string{"--vresion"}, "", "usage:", true},
		{"stray argument", []string{"file.proto"}, "", `cannot use the arguments ["file.proto"]`, true},
		{"export without a folder", []string{"--export-protos"}, "", "usage:", true},
		{"export to a place that cannot be", []string{"--export-protos", filepath.Join(bin, "x")}, "", "protoc-gen-gozmq: ", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, err := execute(t, bin, tt.args...)
			if (err != nil) != tt.fails {
				t.Errorf("exit: %v, want failure: %v", err, tt.fails)
			}
			if !strings.Contains(stdout, tt.stdout) || tt.stdout == "" && stdout != "" {
				t.Errorf("stdout is %q, want %q in it", stdout, tt.stdout)
			}
			if !strings.Contains(stderr, tt.stderr) || tt.stderr == "" && stderr != "" {
				t.Errorf("stderr is %q, want %q in it", stderr, tt.stderr)
			}
		})
	}
}

func TestExport(t *testing.T) {
	bin, dir := plugin(t), t.TempDir()
	old := filepath.Join(dir, "gozmq", "v1", "annotations.proto")
	if err := os.MkdirAll(filepath.Dir(old), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, []byte("an older version"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, stderr, err := execute(t, bin, "--export-protos", dir); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, name := range []string{"annotations.proto", "wire.proto"} {
		got, err := os.ReadFile(filepath.Join(dir, "gozmq", "v1", name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("..", "..", "proto", "gozmq", "v1", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the exported %s is not the one in proto/", name)
		}
	}
}

func TestGarbageOnStdin(t *testing.T) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(plugin(t))
	cmd.Stdin = strings.NewReader("this is not a request")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err == nil {
		t.Error("the plugin exits with 0")
	}
	if stdout.Len() > 0 || !strings.Contains(stderr.String(), "decode the request") {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
}

const feed = `syntax = "proto3";
package feed.v1;
import "google/protobuf/empty.proto";
import "gozmq/v1/annotations.proto";
option go_package = "example.com/feed/v1;feedv1";

service Feed {
  option (gozmq.v1.service).pattern = PATTERN_PUB_SUB;
  rpc Send(Reading) returns (google.protobuf.Empty) {
    option (gozmq.v1.method).topic = {template: "readings/{FIELD}"};
  }
}
service Other {
  rpc Get(Reading) returns (Reading);
  rpc Watch(Reading) returns (stream Reading);
}
message Reading {
  string station = 1;
}
`

// protoc runs the real protoc with the plugin on feed, and returns the folder
// with the result.
func protoc(t *testing.T, source, opts string) (dir, stderr string, err error) {
	t.Helper()
	if _, err := exec.LookPath("protoc"); err != nil {
		if os.Getenv("GOZMQ_INTEROP") == "1" {
			t.Fatal("GOZMQ_INTEROP=1, but there is no protoc")
		}
		t.Skip("there is no protoc")
	}
	bin, dir := plugin(t), t.TempDir()
	if _, stderr, err := execute(t, bin, "--export-protos", dir); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	file := filepath.Join(dir, "feed", "v1", "feed.proto")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	_, stderr, err = execute(t, "protoc", "--plugin=protoc-gen-gozmq="+bin, "-I"+dir,
		"--gozmq_out="+dir, "--gozmq_opt="+opts, "feed/v1/feed.proto")
	return dir, stderr, err
}

func TestProtoc(t *testing.T) {
	source := strings.ReplaceAll(feed, "FIELD", "station")
	for _, tt := range []struct {
		name, opts, file, text string
	}{
		{"source_relative", "paths=source_relative", "feed/v1/feedv1gozmq/feed.gozmq.go", "package feedv1gozmq\n"},
		{"import", "paths=import", "example.com/feed/v1/feedv1gozmq/feed.gozmq.go", "NewFeedPublisher"},
		{"module", "module=example.com", "feed/v1/feedv1gozmq/feed.gozmq.go", `feedv1 "example.com/feed/v1"`},
		{"M", "paths=source_relative,Mfeed/v1/feed.proto=example.com/other;otherpb", "feed/v1/otherpbgozmq/feed.gozmq.go", "package otherpbgozmq\n"},
		{"suffix", "paths=source_relative,package_suffix=zmq", "feed/v1/feedv1zmq/feed.gozmq.go", "package feedv1zmq\n"},
		{"same package", "paths=source_relative,package_suffix=", "feed/v1/feed.gozmq.go", "package feedv1\n"},
		{"req_rep", "paths=source_relative,unannotated=req_rep", "feed/v1/feedv1gozmq/feed.gozmq.go", "NewOtherClient"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, stderr, err := protoc(t, source, tt.opts)
			if err != nil || stderr != "" {
				t.Fatalf("%v\n%s", err, stderr)
			}
			got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(tt.file)))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(got), tt.text) {
				t.Errorf("%s has no %q", tt.file, tt.text)
			}
		})
	}
}

// TestProtocGRPC: a service of a gRPC API, without an annotation, loses none of its
// methods, whatever streams.
func TestProtocGRPC(t *testing.T) {
	source := strings.ReplaceAll(feed, "FIELD", "station")
	source = strings.Replace(source, "  rpc Watch(Reading) returns (stream Reading);\n",
		"  rpc Watch(Reading) returns (stream Reading);\n  rpc Upload(stream Reading) returns (Reading);\n  rpc Chat(stream Reading) returns (stream Reading);\n", 1)
	dir, stderr, err := protoc(t, source, "paths=source_relative,unannotated=req_rep")
	if err != nil || stderr != "" {
		t.Fatalf("%v\n%s", err, stderr)
	}
	got, err := os.ReadFile(filepath.Join(dir, "feed", "v1", "feedv1gozmq", "feed.gozmq.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"func (c *otherClient) Get(ctx context.Context, req *feedv1.Reading",
		"func (c *otherClient) Watch(ctx context.Context, req *feedv1.Reading, opts ...gozmq.CallOption) iter.Seq2[*feedv1.Reading, error]",
		"func (c *otherClient) Upload(ctx context.Context, opts ...gozmq.CallOption) gozmq.ClientStream[feedv1.Reading, feedv1.Reading]",
		"func (c *otherClient) Chat(ctx context.Context, opts ...gozmq.CallOption) gozmq.BidiStream[feedv1.Reading, feedv1.Reading]",
		"gozmqimpl.HandleServerStream(", "gozmqimpl.HandleClientStream(", "gozmqimpl.HandleBidiStream(",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("the file has no %q", want)
		}
	}
}

func TestProtocSkip(t *testing.T) {
	dir, stderr, err := protoc(t, strings.ReplaceAll(feed, "FIELD", "station"), "paths=source_relative,unannotated=skip")
	if err != nil || stderr != "" {
		t.Fatalf("%v\n%s", err, stderr)
	}
	got, err := os.ReadFile(filepath.Join(dir, "feed", "v1", "feedv1gozmq", "feed.gozmq.go"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(got), "Other") {
		t.Error("the service without annotations is not left out")
	}
}

func TestProtocErrors(t *testing.T) {
	for _, tt := range []struct {
		name, field, opts, want string
	}{
		{"fault in the file", "satation", "", `feed/v1/feed.proto:10:5: feed.v1.Feed.Send: {satation} in the template: feed.v1.Reading has no field "satation"; use one of: station`},
		{"unknown option", "station", "sufix=x", `there is no option "sufix"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, stderr, err := protoc(t, strings.ReplaceAll(feed, "FIELD", tt.field), tt.opts)
			if err == nil {
				t.Error("protoc exits with 0")
			}
			if !strings.Contains(stderr, tt.want) {
				t.Errorf("stderr is %q, want %q in it", stderr, tt.want)
			}
			if made, _ := filepath.Glob(filepath.Join(dir, "*", "*", "*", "*.go")); len(made) > 0 {
				t.Errorf("files are written all the same: %v", made)
			}
		})
	}
}

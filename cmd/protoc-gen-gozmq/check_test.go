package main_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/testdata/golden/reqrep"
)

// descriptorSet writes the golden REQ/REP files and all that they import, after
// edit has changed the former.
func descriptorSet(t *testing.T, edit func(*descriptorpb.FileDescriptorProto)) string {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	done := map[string]bool{}
	var add func(f protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if done[f.Path()] {
			return
		}
		done[f.Path()] = true
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
	}
	add(reqrep.File_reqrep_reqrep_proto)
	edit(set.File[len(set.File)-1])
	data, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.binpb")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The checks exit with 0, 1 or 2, and print a finding in one line.
func TestChecks(t *testing.T) {
	bin := plugin(t)
	old := descriptorSet(t, func(*descriptorpb.FileDescriptorProto) {})
	// Find has a retry, and is idempotent no longer.
	now := descriptorSet(t, func(f *descriptorpb.FileDescriptorProto) {
		f.Service[0].Method[0].Options.IdempotencyLevel = nil
	})
	text := filepath.Join(t.TempDir(), "text.binpb")
	if err := os.WriteFile(text, []byte("not an image"), 0o600); err != nil {
		t.Fatal(err)
	}
	const (
		refused = "reqrep/reqrep.proto: golden.reqrep.Library.Find: a call may be tried again only if that does no harm"
		weaker  = "reqrep/reqrep.proto: golden.reqrep.Library.Find: its idempotency_level is gone"
	)
	for _, tt := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"clean", []string{"--lint", old}, 0, "", ""},
		{"an image of buf", []string{"--lint", filepath.Join("..", "..", "testdata", "golden", "edition2024", "image.binpb")}, 0, "", ""},
		{"nothing broken", []string{"--breaking", old, old}, 0, "", ""},
		{"lint", []string{"--lint", now}, 1, refused, ""},
		{"breaking", []string{"--breaking", old, now}, 1, weaker, ""},
		{"swapped", []string{"--breaking", now, old}, 0, "", ""},
		{"json", []string{"--breaking", "--format=json", old, now}, 1, `{"rule":"GOZMQ_METHOD_KEEPS_IDEMPOTENCY","name":"golden.reqrep.Library.Find","message":"its idempotency_level`, ""},
		{"options at the end", []string{"--breaking", old, now, "--except", "GOZMQ_GUARANTEE"}, 0, "", ""},
		{"one rule", []string{"--lint", now, "--use", "GOZMQ_RETRY_RANGE,GOZMQ_TIMEOUT_RANGE"}, 0, "", ""},
		{"the generator's options", []string{"--lint", now, "--opt", "unannotated=skip,package_suffix="}, 1, refused, ""},
		{"no image", []string{"--lint"}, 2, "", "--lint needs one image and has 0"},
		{"one image", []string{"--breaking", old}, 2, "", "the old one and the new one"},
		{"missing file", []string{"--lint", text + "x"}, 2, "", "buf build -o"},
		{"not an image", []string{"--breaking", text, old}, 2, "", "it is neither an image"},
		{"unknown rule", []string{"--lint", old, "--use", "GOZMQ_X"}, 2, "", `there is no rule or category "GOZMQ_X"`},
		{"unknown option of the generator", []string{"--lint", old, "--opt", "x=y"}, 2, "", `there is no option "x"`},
		{"unknown format", []string{"--lint", old, "--format", "xml"}, 2, "", "must be text or json"},
		{"unknown flag", []string{"--lint", old, "--formt", "json"}, 2, "", "see protoc-gen-gozmq --help"},
		{"unknown argument", []string{"--brekaing", old, now}, 2, "", "usage:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, err := execute(t, bin, tt.args...)
			var exit *exec.ExitError
			code := 0
			if errors.As(err, &exit) {
				code = exit.ExitCode()
			}
			if code != tt.code {
				t.Errorf("exit code is %d, want %d", code, tt.code)
			}
			if !strings.Contains(stdout, tt.stdout) || tt.stdout == "" && stdout != "" {
				t.Errorf("stdout is %q, want %q in it", stdout, tt.stdout)
			}
			if !strings.Contains(stderr, tt.stderr) || tt.stderr == "" && stderr != "" {
				t.Errorf("stderr is %q, want %q in it", stderr, tt.stderr)
			}
			if tt.code == 1 && strings.Count(stdout, "\n") != 1 {
				t.Errorf("stdout has more than one line: %q", stdout)
			}
		})
	}
}

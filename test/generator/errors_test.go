package generator_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

// TestErrors compares what the plugin reports about each faulty case. A case
// may bring annotations of its own.
func TestErrors(t *testing.T) {
	root := filepath.Join(goldenDir, "errors")
	for _, name := range caseNames(t, root) {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(root, name)
			req := errorRequest(t, dir)
			resp := generate(t, req)
			if len(resp.File) > 0 {
				t.Errorf("%d files are generated all the same", len(resp.File))
			}
			if resp.Error == nil {
				t.Fatal("no error is reported")
			}
			golden(t, filepath.Join(dir, "want.txt"), resp.GetError()+"\n")
		})
	}
}

func errorRequest(t *testing.T, dir string) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.proto"))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	req := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: files,
		ProtoFile:      compileFrom(t, &protocompile.SourceResolver{ImportPaths: []string{dir, "../../proto"}}, files),
	}
	if opts, err := os.ReadFile(filepath.Join(dir, "options.txt")); err == nil {
		req.Parameter = proto.String(strings.TrimSpace(string(opts)))
	}
	return req
}

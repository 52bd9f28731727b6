package main

import (
	"slices"
	"testing"
	"testing/fstest"
)

func TestDifferences(t *testing.T) {
	tree := func(files ...string) fstest.MapFS {
		fs := make(fstest.MapFS)
		for i := 0; i < len(files); i += 2 {
			fs[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
		}
		return fs
	}
	tests := []struct {
		name      string
		want, got fstest.MapFS
		diffs     []string
	}{
		{"equal", tree("a/b.go", "x\ny\n"), tree("a/b.go", "x\ny\n"), nil},
		{"line breaks", tree("a.go", "x\r\ny\r\n"), tree("a.go", "x\ny\n"), nil},
		{"changed", tree("a.go", "x\ny\nz"), tree("a.go", "x\nY\nz"),
			[]string{"a.go:2: checked in: y\n  generated now: Y"}},
		{"longer", tree("a.go", "x"), tree("a.go", "x\ny"), []string{"a.go:2: generated now: y"}},
		{"shorter", tree("a.go", "x\ny"), tree("a.go", "x"), []string{"a.go:2: checked in: y"}},
		{"other files", tree("old.go", ""), tree("a/new.go", ""),
			[]string{"a/new.go: is not checked in", "old.go: is no longer generated"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			diffs, err := differences(tt.want, tt.got)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(diffs, tt.diffs) {
				t.Errorf("got  %q\nwant %q", diffs, tt.diffs)
			}
		})
	}
}

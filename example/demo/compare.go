package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
)

// differences compares two trees of text files. It returns one line for each
// file that is missing from got, not wanted there, or of other content.
func differences(want, got fs.FS) ([]string, error) {
	wantFiles, err := readAll(want)
	if err != nil {
		return nil, err
	}
	gotFiles, err := readAll(got)
	if err != nil {
		return nil, err
	}
	var diffs []string
	for name, text := range wantFiles {
		other, ok := gotFiles[name]
		switch {
		case !ok:
			diffs = append(diffs, name+": is no longer generated")
		case !bytes.Equal(text, other):
			diffs = append(diffs, name+firstDifference(text, other))
		}
	}
	for name := range gotFiles {
		if _, ok := wantFiles[name]; !ok {
			diffs = append(diffs, name+": is not checked in")
		}
	}
	slices.Sort(diffs)
	return diffs, nil
}

// readAll returns the files of a tree by path. A checkout with Windows' line
// breaks reads the same as one without.
func readAll(tree fs.FS) (map[string][]byte, error) {
	files := make(map[string][]byte)
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tree, path)
		files[path] = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
		return err
	})
	return files, err
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(want, got []byte) string {
	w, g := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	for i := 0; ; i++ {
		switch {
		case i >= len(w):
			return fmt.Sprintf(":%d: generated now: %s", i+1, g[i])
		case i >= len(g):
			return fmt.Sprintf(":%d: checked in: %s", i+1, w[i])
		case !bytes.Equal(w[i], g[i]):
			return fmt.Sprintf(":%d: checked in: %s\n  generated now: %s", i+1, w[i], g[i])
		}
	}
}

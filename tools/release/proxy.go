package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// A proxy is a folder in the form of a module proxy, with one version of each
// module.
type proxy struct {
	dir     string
	version string
}

// add puts the module in dir into the proxy.
func (p proxy) add(dir, path string) (err error) {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	at := filepath.Join(p.dir, filepath.FromSlash(path), "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	info := fmt.Sprintf("{\"Version\": %q, \"Time\": \"2000-01-01T00:00:00Z\"}\n", p.version)
	for name, text := range map[string][]byte{
		"list":              []byte(p.version + "\n"),
		p.version + ".info": []byte(info),
		p.version + ".mod":  mod,
	} {
		if err := os.WriteFile(filepath.Join(at, name), text, 0o644); err != nil {
			return err
		}
	}
	f, err := os.Create(filepath.Join(at, p.version+".zip"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return zip.CreateFromDir(f, module.Version{Path: path, Version: p.version}, dir)
}

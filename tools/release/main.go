// Release checks that the modules of this repository can be tagged. It puts them
// into a module proxy in a folder, as their tags would, and uses them from there
// without any replacement, as a stranger would.
//
//	go run -C tools ./release
//
// It prints what reaches the go.mod of a user, and fails when that is more than
// RELEASE.md says, or when something does not resolve, build or install.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/modfile"
)

const root = "github.com/gozmq/gozmq"

// nested are the modules that are tagged beside the root, by folder.
var nested = []string{"stores/gozmqbolt", "stores/gozmqpostgres", "codecs/gozmqvt", "telemetry/gozmqotel", "buf-plugin-gozmq", "cmd/gozmq"}

func main() {
	if err := run(".."); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run checks the modules of the checkout at dir.
func run(dir string) error {
	version, err := versionOf(dir)
	if err != nil {
		return err
	}
	for _, folder := range nested {
		if err := checkRequirement(filepath.Join(dir, folder), version); err != nil {
			return err
		}
	}
	work, err := os.MkdirTemp("", "gozmq-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	p := proxy{dir: filepath.Join(work, "proxy"), version: version}
	for _, folder := range append([]string{""}, nested...) {
		if err := p.add(filepath.Join(dir, folder), strings.TrimSuffix(root+"/"+folder, "/")); err != nil {
			return err
		}
	}
	g, err := newGoCommand(work, p.dir)
	if err != nil {
		return err
	}
	return use(g, filepath.Join(work, "user"), version)
}

var versionConstant = regexp.MustCompile(`(?m)^const Version = "(\d+\.\d+\.\d+)"`)

// versionOf returns the version that the runtime and the plugin say that they
// have, as a tag. They must agree.
func versionOf(dir string) (string, error) {
	var versions []string
	for _, file := range []string{"runtime/gozmq/version.go", "generator/generator.go"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return "", err
		}
		match := versionConstant.FindSubmatch(text)
		if match == nil {
			return "", fmt.Errorf("%s has no constant Version", file)
		}
		versions = append(versions, "v"+string(match[1]))
	}
	if versions[0] != versions[1] {
		return "", fmt.Errorf("the runtime is %s and the plugin %s", versions[0], versions[1])
	}
	return versions[0], nil
}

// checkRequirement returns an error unless the nested module in dir requires the
// root at the version that is to be tagged, which a tag would publish.
func checkRequirement(dir, version string) error {
	path := filepath.Join(dir, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	mod, err := modfile.Parse(path, text, nil)
	if err != nil {
		return err
	}
	for _, r := range mod.Require {
		if r.Mod.Path == root && r.Mod.Version == version {
			return nil
		}
	}
	return fmt.Errorf("%s does not require %s %s: without its replacement it cannot be resolved", path, root, version)
}

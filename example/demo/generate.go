package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

const bufPackage = "github.com/bufbuild/buf"

// checkGenerated runs buf generate in the checkout at root, into a temporary
// folder, and returns an error unless the result equals example/gen.
func checkGenerated(ctx context.Context, log *transcript, root string) error {
	buf, err := findBuf(ctx, log, root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gozmq-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	start := time.Now()
	cmd := exec.CommandContext(ctx, buf, "generate", "--output", dir)
	cmd.Dir = root
	log.say("buf", "buf generate, with the plugins of this checkout")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("buf generate: %w\n%s", err, out)
	}
	gen := filepath.Join("example", "gen")
	diffs, err := differences(os.DirFS(filepath.Join(root, gen)), os.DirFS(filepath.Join(dir, gen)))
	if err != nil {
		return err
	}
	if len(diffs) > 0 {
		return fmt.Errorf("%s is not what buf generates now; run .ci/run generate\n  %s", gen, strings.Join(diffs, "\n  "))
	}
	log.say("buf", "the generated code is the one that is checked in (%.1fs)", time.Since(start).Seconds())
	return nil
}

// findBuf returns the path of the buf that tools/go.mod pins. It is built on
// first use, which takes minutes, and kept in the user's cache folder.
func findBuf(ctx context.Context, log *transcript, root string) (string, error) {
	mod, err := os.ReadFile(filepath.Join(root, "tools", "go.mod"))
	if err != nil {
		return "", err
	}
	version, err := pinned(string(mod), bufPackage)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("buf-%s-%s-%s", version, runtime.GOOS, runtime.GOARCH)
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	path := filepath.Join(cache, "gozmq", name)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return path, err
	}
	log.say("buf", "building buf %s into %s: once, two to three minutes", version, filepath.Dir(path))
	return path, buildBuf(ctx, log, root, path)
}

// pinned returns the version of a module that the text of a go.mod requires.
func pinned(mod, module string) (string, error) {
	line := regexp.MustCompile(`(?m)^(?:require)?\s+` + regexp.QuoteMeta(module) + `\s+(v\S+)`)
	match := line.FindStringSubmatch(mod)
	if match == nil {
		return "", fmt.Errorf("tools/go.mod does not require %s", module)
	}
	return match[1], nil
}

// buildBuf builds buf from the module in tools. The file appears at path only
// when it is complete, so that an interrupted build leaves nothing to be used.
func buildBuf(ctx context.Context, log *transcript, root, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	tmp := filepath.Join(dir, filepath.Base(path))
	cmd := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root, "tools"), "-v",
		"-buildvcs=false", "-ldflags=-s -w", "-o", tmp, bufPackage+"/cmd/buf")
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = stopTimeout
	if err := runBuild(cmd, log); err != nil {
		return fmt.Errorf("build buf: %w", err)
	}
	return os.Rename(tmp, path)
}

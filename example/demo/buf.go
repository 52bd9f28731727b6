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
	"time"
)

const bufPackage = "github.com/bufbuild/buf"

// A bufBuild is the program buf, which may still be being built.
type bufBuild struct {
	path     string
	start    time.Time
	progress buildProgress
	cancel   context.CancelFunc
	done     chan struct{} // closed when the build has ended and err is set
	err      error
}

// prepareBuf finds the buf that tools/go.mod pins in the user's cache folder, or
// starts to build it there, which takes minutes. The caller must call stop in the
// end.
func prepareBuf(ctx context.Context, log *transcript, root string) (*bufBuild, error) {
	version, path, err := locateBuf(root)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &bufBuild{path: path, start: time.Now(), cancel: cancel, done: make(chan struct{})}
	if _, err := os.Stat(path); err == nil {
		close(b.done)
		return b, nil
	}
	log.say("buf", "building buf %s into %s while the patterns run: once, some minutes", version, filepath.Dir(path))
	go func() {
		defer close(b.done)
		b.err = buildBuf(ctx, &b.progress, root, path)
	}()
	return b, nil
}

// wait returns when buf is there, and shows meanwhile how far its build is.
func (b *bufBuild) wait(log *transcript) error {
	tick := time.NewTicker(log.pace())
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			log.status("buf", "%3.0fs: %s", time.Since(b.start).Seconds(), &b.progress)
		case <-b.done:
			if b.err == nil && b.progress.started() {
				log.say("buf", "built: %s", &b.progress)
			}
			return b.err
		}
	}
}

// stop ends the build if it is running, and returns when it has ended.
func (b *bufBuild) stop() {
	b.cancel()
	<-b.done
}

// locateBuf returns the version of buf that tools/go.mod pins, and where the
// program is kept.
func locateBuf(root string) (version, path string, err error) {
	mod, err := os.ReadFile(filepath.Join(root, "tools", "go.mod"))
	if err != nil {
		return "", "", err
	}
	version, err = pinned(string(mod), bufPackage)
	if err != nil {
		return "", "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", "", err
	}
	name := fmt.Sprintf("buf-%s-%s-%s", version, runtime.GOOS, runtime.GOARCH)
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return version, filepath.Join(cache, "gozmq", name), nil
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
func buildBuf(ctx context.Context, progress *buildProgress, root, path string) error {
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
	if err := runBuild(cmd, progress); err != nil {
		return fmt.Errorf("build buf: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

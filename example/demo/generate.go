package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// checkGenerated runs buf generate in the checkout at root, into a temporary
// folder, and returns an error unless the result equals example/gen.
func checkGenerated(ctx context.Context, log *transcript, root, buf string) error {
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
	log.say("buf", "the generated code equals the code that is checked in (%.1fs)", time.Since(start).Seconds())
	return nil
}

package rival

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// cTool is libzmq without Go or protobuf, compiled when it is first needed.
func cTool(dir string) Rival {
	r := Rival{Name: CTool, Note: "bare bytes, C on both ends, one process"}
	if r.Missing = libzmq()[0].Missing; r.Missing != "" {
		return r
	}
	if _, err := exec.LookPath("cc"); err != nil {
		r.Missing = "no C compiler"
		return r
	}
	build := sync.OnceValues(func() (string, error) { return compileThroughput(dir) })
	r.PushRate = func(o Options, d time.Duration) (float64, error) {
		tool, err := build()
		if err != nil {
			return 0, err
		}
		args := []string{strconv.Itoa(o.Size), strconv.Itoa(int(d.Milliseconds()))}
		if o.Listen != "" {
			args = append(args, o.Listen)
		}
		out, err := exec.Command(tool, args...).Output()
		if err != nil {
			return 0, fmt.Errorf("throughput tool: %w", err)
		}
		return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	}
	return r
}

// compileThroughput compiles the tool into dir and returns its path.
func compileThroughput(dir string) (string, error) {
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "libzmq").Output()
	if err != nil {
		return "", errors.New("pkg-config does not know libzmq")
	}
	tool := filepath.Join(dir, "throughput")
	args := append([]string{"-O2", "-o", tool, filepath.Join("c", "throughput.c")}, strings.Fields(string(flags))...)
	if out, err := exec.Command("cc", append(args, "-lpthread")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("cc: %w: %s", err, out)
	}
	return tool, nil
}

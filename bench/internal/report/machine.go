package report

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// A Machine is where and with what was measured.
type Machine struct {
	Date   string            `json:"date"`
	Go     string            `json:"go"`
	System string            `json:"system"`
	CPU    string            `json:"cpu"`
	Cores  int               `json:"cores"`
	Load   string            `json:"load"` // averages when the run began
	Libzmq string            `json:"libzmq"`
	Rivals map[string]string `json:"rivals"`
}

// ThisMachine looks around.
func ThisMachine() Machine {
	m := Machine{
		Date:   time.Now().UTC().Format("2006-01-02 15:04 UTC"),
		Go:     runtime.Version(),
		System: runtime.GOOS + "/" + runtime.GOARCH,
		Cores:  runtime.GOMAXPROCS(0),
		Load:   firstFields("/proc/loadavg", 3),
		Libzmq: "not installed",
		Rivals: make(map[string]string),
	}
	if kernel := firstFields("/proc/sys/kernel/osrelease", 1); kernel != "" {
		m.System += ", kernel " + kernel
	}
	m.CPU = cpu()
	if out, err := exec.Command("pkg-config", "--modversion", "libzmq").Output(); err == nil {
		m.Libzmq = strings.TrimSpace(string(out))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			m.Rivals[dep.Path] = dep.Version
		}
	}
	return m
}

func firstFields(file string, n int) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(b))
	return strings.Join(fields[:min(n, len(fields))], " ")
}

func cpu() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "not known"
	}
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, " \t:\n")
		}
	}
	return "not known"
}

// measured are the modules whose versions are worth a line.
var measured = [...]string{
	"google.golang.org/protobuf", "google.golang.org/grpc", "connectrpc.com/connect", "storj.io/drpc", "github.com/containerd/ttrpc",
	"github.com/nats-io/nats.go", "github.com/nats-io/nats-server/v2", "github.com/go-zeromq/zmq4", "github.com/pebbe/zmq4", "go.nanomsg.org/mangos/v3",
}

// String returns the machine as a Markdown list.
func (m Machine) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "- %s, load averages before the run: %s\n", m.Date, m.Load)
	fmt.Fprintf(&b, "- %d cores of %s; %s; %s\n", m.Cores, m.CPU, m.System, m.Go)
	fmt.Fprintf(&b, "- libzmq %s\n", m.Libzmq)
	var versions []string
	for _, path := range measured {
		if v := m.Rivals[path]; v != "" {
			versions = append(versions, path+" "+v)
		}
	}
	fmt.Fprintf(&b, "- %s\n", strings.Join(versions, ", "))
	return b.String()
}

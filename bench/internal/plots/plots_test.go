package plots

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gozmq/gozmq/bench/internal/cases"
	"github.com/gozmq/gozmq/bench/internal/report"
)

func sample() *Data {
	points := []cases.Point{{X: 0, Rate: 90000, CPU: 4000, Rounds: 1}, {X: 64, Rate: 80000, CPU: 5000, Rounds: 1}, {X: 1 << 20, Err: "broken"}}
	return &Data{
		Machine: report.Machine{Date: "2026-01-01", CPU: "a processor", Cores: 2}, Round: "1s",
		Sweeps: []*cases.SweepResult{
			{Name: "size", Title: "Calls by size", X: "bytes", Unit: "calls/s", Series: []*cases.Series{{Rival: "gozmq", Points: points}, {Rival: "gRPC", Points: points[:1]}}},
			{Name: "nothing", Title: "Nothing", X: "bytes", Unit: "calls/s", Series: []*cases.Series{{Rival: "gozmq", Points: points[2:]}}},
		},
	}
}

// TestPlotsAreDrawnAgain draws data and what was read back of them: equal files,
// which are XML and name what they show.
func TestPlotsAreDrawnAgain(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	if err := sample().Write(first); err != nil {
		t.Fatal(err)
	}
	d, err := Read(filepath.Join(first, DataFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(second); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{DataFile, "size.svg", "nothing.svg"} {
		a, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(second, name))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s is another when it is drawn again (%v)", name, err)
		}
		if name != "size.svg" {
			continue
		}
		for _, want := range []string{"Calls by size", "calls/s", "gRPC", "2026-01-01, 2 × a processor", "1Mi"} {
			if !strings.Contains(string(a), want) {
				t.Errorf("%q is not in the plot", want)
			}
		}
		for in := xml.NewDecoder(bytes.NewReader(a)); ; {
			if _, err := in.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("no XML: %v", err)
			}
		}
	}
}

func TestShort(t *testing.T) {
	for n, want := range map[int]string{0: "0", 64: "64", 1000: "1k", 9850: "9.85k", 1 << 17: "128Ki", 1 << 20: "1Mi", 1000000: "1M"} {
		if got := short(n); got != want {
			t.Errorf("short(%d): got %q, want %q", n, got, want)
		}
	}
}

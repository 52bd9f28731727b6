package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kept is where BenchmarkAllocs puts what it has made.
var kept []byte

// BenchmarkAllocs is what the tests measure: one allocation.
func BenchmarkAllocs(b *testing.B) {
	for b.Loop() {
		kept = make([]byte, 64)
	}
}

// TestRun measures a benchmark, and then fails it when its figure is made smaller.
func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.txt")
	figure := func(allocs, instructions int) {
		text := fmt.Sprintf("%s\narch amd64\nguard BenchmarkAllocs 2000 %d %d\n", head, allocs, instructions)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	figure(1, -1)
	if err := run(t.Context(), io.Discard, "..", file, false); err != nil {
		t.Errorf("with the true figure: %v", err)
	}
	figure(0, -1)
	if err := run(t.Context(), io.Discard, "..", file, false); err == nil || !strings.Contains(err.Error(), "BenchmarkAllocs: allocations") {
		t.Errorf("with a figure that is too small: got %v, want its name", err)
	}
	figure(1, 1)
	var out strings.Builder
	err := run(t.Context(), &out, "..", file, false)
	switch {
	case strings.Contains(out.String(), noCounter):
		t.Skip("instructions: " + noCounter)
	case err == nil || !strings.Contains(err.Error(), "BenchmarkAllocs: instructions"):
		t.Errorf("with too few instructions: got %v, want its name", err)
	}
}

func TestCompare(t *testing.T) {
	of := func(arch string, allocs, instructions float64) figures {
		return figures{arch, []figure{{"p", "BenchmarkX", 1, allocs, instructions}}}
	}
	was := of("amd64", 4, 1000)
	tests := []struct {
		name string
		now  figures
		fail bool
	}{
		{"the same", was, false},
		{"less", of("amd64", 1, 10), false},
		{"a quarter more", of("amd64", 5, 1250), false},
		{"more allocations", of("amd64", 6, 1000), true},
		{"more instructions", of("amd64", 4, 1300), true},
		{"instructions of another architecture", of("arm64", 4, 9000), false},
		{"allocations of another architecture", of("arm64", 6, 1000), true},
		{"instructions not counted", of("amd64", 4, -1), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := compare(io.Discard, was, test.now); (err != nil) != test.fail {
				t.Errorf("got %v, want an error: %v", err, test.fail)
			}
		})
	}
}

func TestFiguresAreReadAsWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.txt")
	want := figures{"amd64", []figure{{"a/b", "BenchmarkX/1", 10, 2, -1}, {"c", "BenchmarkY", 5, -1, 77}}}
	if err := writeFigures(file, want); err != nil {
		t.Fatal(err)
	}
	got, err := readFigures(file)
	if err != nil || got.arch != want.arch || len(got.list) != 2 || got.list[0] != want.list[0] || got.list[1] != want.list[1] {
		t.Errorf("got %v %v, want %v", got, err, want)
	}
}

package main

import (
	"strings"
	"testing"
)

func TestTranscriptStatus(t *testing.T) {
	tests := []struct {
		name     string
		terminal bool
		want     string
	}{
		{"file", false, "a           | 1 of 10\na           | 2\na           | done\n"},
		{"terminal", true, "\ra           | 1 of 10\ra           | 2      \r               \ra           | done\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			log := &transcript{w: &out, terminal: tt.terminal}
			log.status("a", "1 of 10")
			log.status("a", "2")
			log.say("a", "done")
			if got := out.String(); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// TestTranscriptStatusFits wants a status to stay on one line of a terminal.
func TestTranscriptStatusFits(t *testing.T) {
	var out strings.Builder
	log := &transcript{w: &out, terminal: true}
	log.status("a", "%s", strings.Repeat("x", 200))
	if got := len(out.String()) - len("\r"); got != lineWidth {
		t.Errorf("%d columns, want %d", got, lineWidth)
	}
}

package topic

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// pairwise is Overlaps, one pair after the other.
func pairwise(templates [][]Segment) []Overlapping {
	var out []Overlapping
	for later := range templates {
		found := 0
		for earlier := range later {
			if len(templates[later]) == 0 || len(templates[earlier]) == 0 || found == mostOverlaps {
				continue
			}
			if example, ok := Overlap(templates[later], templates[earlier]); ok {
				out = append(out, Overlapping{earlier, later, example})
				found++
			}
		}
	}
	return out
}

// parseAll returns no segments for a template with a fault, as the planner does.
func parseAll(templates []string) [][]Segment {
	out := make([][]Segment, len(templates))
	for i, t := range templates {
		if segments, faults := Parse(t); len(faults) == 0 {
			out[i] = segments
		}
	}
	return out
}

func TestOverlaps(t *testing.T) {
	for _, tt := range [][]string{
		nil,
		{"a", "a", "a"},
		{"a", "b", "ab", ""},
		{"weather/{s}", "weather/all", "weather/all.more", "weather/a/b"},
		{"{x}", "{y}", "{x}/{y}", "a/b", "a"},
		{"{x}.{y}", "{x}.{y}.{z}", "a.b.c", "{x}-{y}"},
		{"{a}G", "{a}GG", "{a}G{b}", "xGyG"},
	} {
		templates := parseAll(tt)
		if got, want := Overlaps(templates), pairwise(templates); !reflect.DeepEqual(got, want) {
			t.Errorf("Overlaps(%q) = %v, want %v", tt, got, want)
		}
	}
}

// Overlaps finds what a comparison of each pair finds.
func TestOverlapsLikePairs(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	words := []string{"a", "b", "ab", "{x}", "{y}", "/", "/", ".", "-", "G"}
	found := 0
	for range 2000 {
		templates := make([]string, r.IntN(9))
		for i := range templates {
			for range 1 + r.IntN(6) {
				templates[i] += words[r.IntN(len(words))]
			}
		}
		parsed := parseAll(templates)
		got, want := Overlaps(parsed), pairwise(parsed)
		if len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("Overlaps(%q) = %v, want %v", templates, got, want)
		}
		found += len(got)
	}
	t.Logf("%d overlaps", found)
}

// Of a template that overlaps many, the first are reported.
func TestOverlapsAreLimited(t *testing.T) {
	templates := make([]string, 100)
	for i := range templates {
		templates[i] = "same"
	}
	got := Overlaps(parseAll(templates))
	if want := mostOverlaps*(len(templates)-mostOverlaps) + mostOverlaps*(mostOverlaps-1)/2; len(got) != want {
		t.Errorf("%d overlaps, want %d", len(got), want)
	}
	if last := got[len(got)-1]; last != (Overlapping{mostOverlaps - 1, 99, "same"}) {
		t.Errorf("the last is %v", last)
	}
}

// The work grows with the number of templates, and not with its square.
func TestOverlapsAreLinear(t *testing.T) {
	for _, format := range []string{
		"pkg.Service/Method%dX",
		"acme/{tenant}/events/things/t%dx/{id}",
		"{tenant}.events.t%dx.{id}",
		"{tenant}/t%dx",
		"a%d/{x}",
		"a%d-{x}.{y}/{z}",
	} {
		visits := func(n int) int {
			templates := make([]string, n)
			for i := range templates {
				templates[i] = fmt.Sprintf(format, 10000+i)
			}
			found, visits := overlaps(parseAll(templates))
			if len(found) > 0 {
				t.Errorf("%s overlaps: %v", format, found[0])
			}
			return visits
		}
		few, many := visits(500), visits(4000)
		t.Logf("%s: 500 templates %d pairs of places, 4000 templates %d", format, few, many)
		if limit := 4000 * 2 * len(format); many > limit || many > 10*few {
			t.Errorf("%s: 500 templates take %d pairs of places, 4000 take %d; want below %d and ten times as many", format, few, many, limit)
		}
	}
}

// A wide template among many literals costs what the literals are long.
func TestOverlapsOfWideTemplates(t *testing.T) {
	var templates []string
	for i := range 1000 {
		templates = append(templates, fmt.Sprintf("lit%d/z", 1000+i), fmt.Sprintf("{x}/k%d", 1000+i))
	}
	found, visits := overlaps(parseAll(templates))
	if len(found) > 0 {
		t.Errorf("overlap: %v", found[0])
	}
	if limit := 8 * len(strings.Join(templates, "")); visits > limit {
		t.Errorf("%d pairs of places, want at most %d", visits, limit)
	}
}

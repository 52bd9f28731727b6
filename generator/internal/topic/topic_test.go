package topic

import (
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		template string
		want     []Segment
		faults   []string // a part of each fault's text
	}{
		{"weather", []Segment{{Literal: "weather"}}, nil},
		{"weather/{station}/t", []Segment{{Literal: "weather/"}, {Path: "station"}, {Literal: "/t"}}, nil},
		{"{a.b_c}", []Segment{{Path: "a.b_c"}}, nil},
		{"{a}é{b}", []Segment{{Path: "a"}, {Literal: "é"}, {Path: "b"}}, nil},
		{"{a}G", []Segment{{Path: "a"}, {Literal: "G"}}, nil},
		{"", nil, []string{"empty"}},
		{"a/{b", nil, []string{"not closed"}},
		{"a/{b{c}}", nil, []string{"not closed"}},
		{"a}/b", nil, []string{"without a"}},
		{"{{a}}", nil, []string{"not closed"}},
		{"a/{}", nil, []string{"empty placeholder"}},
		{"{ a }", []Segment{{Path: " a "}}, []string{"not a field's name"}},
		{"{a..b}", []Segment{{Path: "a..b"}}, []string{"not a field's name"}},
		{"{1a}", []Segment{{Path: "1a"}}, []string{"not a field's name"}},
		{"{a}{b}", []Segment{{Path: "a"}, {Path: "b"}}, []string{"touch"}},
		{"{a}%{b}7", []Segment{{Path: "a"}, {Literal: "%"}, {Path: "b"}, {Literal: "7"}}, []string{`"%"`, `"7"`}},
		{"{a}\x00b", []Segment{{Path: "a"}, {Literal: "\x00b"}}, []string{"NUL"}},
		{"{a}F", []Segment{{Path: "a"}, {Literal: "F"}}, []string{`"F"`}},
	} {
		got, faults := Parse(tt.template)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Parse(%q) = %v, want %v", tt.template, got, tt.want)
		}
		if len(faults) != len(tt.faults) {
			t.Errorf("Parse(%q) faults = %v, want %d", tt.template, faults, len(tt.faults))
			continue
		}
		for i, f := range faults {
			if !strings.Contains(f.Error(), tt.faults[i]) {
				t.Errorf("Parse(%q) fault %d = %q, want %q in it", tt.template, i, f, tt.faults[i])
			}
		}
	}
}

func TestOverlap(t *testing.T) {
	for _, tt := range []struct {
		a, b  string
		topic string
		want  bool
	}{
		{"a", "a", "a", true},
		{"a", "b", "", false},
		{"a", "ab", "", false},
		{"a/{x}", "a/{y}", "a/", true},
		{"a/{x}", "a/all", "a/all", true},
		{"a/{x}", "a/b/c", "", false},
		{"a/{x}", "a/{x}/b", "", false},
		{"a.{x}", "a.{x}.b", "a..b", true},
		{"a {x}", "a b c", "a b c", true},
		{"a/{x}/b", "a/{x}/c", "", false},
		{"a/{x}/b", "a/c/d/b", "", false},
		{"{x}/{y}", "a/b", "a/b", true},
		{"{x}.{y}", "a.b.c", "a.b.c", true},
		{"{x}.c", "a.b.c", "", false},
		{"{x}-{y}", "x_-y", "x_-y", true},
		{"{x}-{y}", "a-b-c", "a-b-c", true},
		{"{x}-y", "{x}_y", "", false},
		{"{x}/t", "{x}/h", "", false},
		{"{x}/t/{y}", "{x}/h/{y}", "", false},
		{"a/{x}", "b/{x}", "", false},
		{"{x}", "pkg.Service/Method", "", false},
		{"{x}", "pkg.Service", "pkg.Service", true},
		{"{x}/y", "pkg.Service/Method", "", false},
	} {
		a, _ := Parse(tt.a)
		b, _ := Parse(tt.b)
		for _, swap := range []bool{false, true} {
			if swap {
				a, b = b, a
			}
			topic, got := Overlap(a, b)
			if got != tt.want || got && topic != tt.topic {
				t.Errorf("Overlap(%q, %q) swapped=%v = %q, %v, want %q, %v", tt.a, tt.b, swap, topic, got, tt.topic, tt.want)
			}
		}
	}
}

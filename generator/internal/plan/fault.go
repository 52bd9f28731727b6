package plan

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Fault is an error that the author of a .proto must correct.
type Fault struct {
	// Rule is the rule that is broken.
	Rule Rule
	// File is the path of the .proto.
	File string
	// Line and Col count from 1; 0: unknown.
	Line, Col int
	// Path leads to that place in the file's descriptor; empty: the file as a
	// whole.
	Path protoreflect.SourcePath
	// Name is the declaration at fault.
	Name protoreflect.FullName
	// Text says what is wrong, and what to write instead.
	Text string
}

func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Col)
	}
	if f.Name != "" {
		fmt.Fprintf(&b, ": %s", f.Name)
	}
	return b.String() + ": " + f.Text
}

// A report collects faults. Each is kept once.
type report struct{ faults []Fault }

// fault adds a fault of d. sub leads from loc, which is d's location, to the
// part of d that is at fault; the nearest part with a position is reported.
func (r *report) fault(rule Rule, d protoreflect.Descriptor, loc protogen.Location, sub []int32, format string, args ...any) {
	path, line, col := Position(d.ParentFile(), loc.Path, sub)
	r.faults = append(r.faults, Fault{rule, d.ParentFile().Path(), line, col, path, d.FullName(), fmt.Sprintf(format, args...)})
}

// Position finds where path+sub is written, or the shortest-cut prefix of it
// that has a position, and returns the path of that. It never goes up to the
// file as a whole. Line and col count from 1; 0: no part has a position.
func Position(f protoreflect.FileDescriptor, path, sub protoreflect.SourcePath) (at protoreflect.SourcePath, line, col int) {
	full := append(append(protoreflect.SourcePath{}, path...), sub...)
	for n := len(full); n > 0; n-- {
		if loc := f.SourceLocations().ByPath(full[:n]); loc.Path != nil {
			return full[:n], loc.StartLine + 1, loc.StartColumn + 1
		}
	}
	return path, 0, 0
}

// where describes the place of a declaration for use within a message.
func where(d protoreflect.Descriptor, loc protogen.Location) string {
	file := d.ParentFile()
	if _, line, col := Position(file, loc.Path, nil); line > 0 {
		return fmt.Sprintf("%s (%s:%d:%d)", d.FullName(), file.Path(), line, col)
	}
	return fmt.Sprintf("%s (%s)", d.FullName(), file.Path())
}

// inOrder returns the faults in the order of files and positions, each once.
func (r *report) inOrder() []Fault {
	sort.SliceStable(r.faults, func(i, j int) bool {
		a, b := r.faults[i], r.faults[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Col < b.Col
	})
	var out []Fault
	seen := map[string]bool{}
	for _, f := range r.faults {
		if s := f.String(); !seen[s] {
			seen[s] = true
			out = append(out, f)
		}
	}
	return out
}

// join makes one error of all faults, or returns nil.
func join(faults []Fault) error {
	var errs []error
	for _, f := range faults {
		errs = append(errs, errors.New(f.String()))
	}
	return errors.Join(errs...)
}

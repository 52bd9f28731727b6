package plan

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A fault is one thing that the author of a .proto has to change.
type fault struct {
	file      string
	line, col int // from 1; 0: unknown
	name      protoreflect.FullName
	text      string
}

func (f fault) String() string {
	var b strings.Builder
	b.WriteString(f.file)
	if f.line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.line, f.col)
	}
	if f.name != "" {
		fmt.Fprintf(&b, ": %s", f.name)
	}
	return b.String() + ": " + f.text
}

// A report collects faults. Each is kept once.
type report struct{ faults []fault }

// fault adds a fault of d. sub leads from loc, which is d's location, to the
// part of d that is at fault; the nearest part with a position is reported.
func (r *report) fault(d protoreflect.Descriptor, loc protogen.Location, sub []int32, format string, args ...any) {
	r.faults = append(r.faults, newFault(d, loc, sub, fmt.Sprintf(format, args...)))
}

func newFault(d protoreflect.Descriptor, loc protogen.Location, sub []int32, text string) fault {
	line, col := position(d.ParentFile(), loc.Path, sub)
	return fault{d.ParentFile().Path(), line, col, d.FullName(), text}
}

// position finds where path+sub is written, or the shortest-cut prefix of it
// that has a position. It never goes up to the file as a whole.
func position(f protoreflect.FileDescriptor, path, sub protoreflect.SourcePath) (line, col int) {
	full := append(append(protoreflect.SourcePath{}, path...), sub...)
	for n := len(full); n > 0; n-- {
		if loc := f.SourceLocations().ByPath(full[:n]); loc.Path != nil {
			return loc.StartLine + 1, loc.StartColumn + 1
		}
	}
	return 0, 0
}

// where describes the place of a declaration for use within a message.
func where(d protoreflect.Descriptor, loc protogen.Location) string {
	file := d.ParentFile()
	if line, col := position(file, loc.Path, nil); line > 0 {
		return fmt.Sprintf("%s (%s:%d:%d)", d.FullName(), file.Path(), line, col)
	}
	return fmt.Sprintf("%s (%s)", d.FullName(), file.Path())
}

// err joins all faults, in the order of files and positions, or returns nil.
func (r *report) err() error {
	var errs []error
	for _, s := range inOrder(r.faults) {
		errs = append(errs, errors.New(s))
	}
	return errors.Join(errs...)
}

func inOrder(faults []fault) []string {
	sort.SliceStable(faults, func(i, j int) bool {
		a, b := faults[i], faults[j]
		if a.file != b.file {
			return a.file < b.file
		}
		if a.line != b.line {
			return a.line < b.line
		}
		return a.col < b.col
	})
	var out []string
	seen := map[string]bool{}
	for _, f := range faults {
		if s := f.String(); !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

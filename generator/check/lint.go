package check

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/gozmq/gozmq/generator/internal/input"
	"github.com/gozmq/gozmq/generator/internal/plan"
)

// Lint returns the findings of all lint rules in an image, including those that do
// not apply by default. It reports the generator's errors in the generator's own
// text. It assumes that a file without a go_package gets one from elsewhere. It
// returns an error for options that do not exist.
func Lint(img *Image, opts Options) ([]Finding, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	var out []Finding
	s, err := newSchema(img, opts, false, withPackages(img.files, false))
	if err != nil {
		// The Go packages are inconsistent. Everything else can be checked.
		out = append(out, packageFinding(img, err))
		if s, err = newSchema(img, opts, false, withPackages(img.files, true)); err != nil {
			return nil, err
		}
	}
	for _, f := range s.faults {
		out = append(out, Finding{
			Rule: string(f.Rule), Name: string(f.Name), Message: f.Text,
			At: Position{f.File, f.Line, f.Col, f.Path},
		})
	}
	return sorted(append(out, s.strict()...)), nil
}

// packageFinding is the finding of protogen's error about Go packages.
func packageFinding(img *Image, err error) Finding {
	out := Finding{Rule: string(plan.RuleGoPackage), Message: err.Error()}
	if file, text := input.OneWord(err); file != "" {
		out.Message, out.At = text, Position{File: file}
	}
	for _, f := range img.files {
		if f.GetName() == out.At.File || out.At.File == "" && !img.imports[f.GetName()] {
			out.At = goPackagePosition(f)
		}
	}
	return out
}

func goPackagePosition(f *descriptorpb.FileDescriptorProto) Position {
	line, column := input.GoPackagePosition(f)
	at := Position{File: f.GetName(), Line: line, Column: column}
	if line > 0 {
		at.Path = protoreflect.SourcePath(input.GoPackageOption)
	}
	return at
}

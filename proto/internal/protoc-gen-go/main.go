// Command protoc-gen-go generates the Go of gozmq's own .proto files. It prints
// what protoc-gen-go prints, with one line more in files with extensions: they
// stay out of the global registry. See the package annotations.
package main

import (
	"fmt"
	"go/format"
	"strings"

	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
)

func main() {
	protogen.Options{}.Run(func(gen *protogen.Plugin) error {
		gen.SupportedFeatures = internal_gengo.SupportedFeatures
		gen.SupportedEditionsMinimum = internal_gengo.SupportedEditionsMinimum
		gen.SupportedEditionsMaximum = internal_gengo.SupportedEditionsMaximum
		for _, f := range gen.Files {
			if !f.Generate {
				continue
			}
			printed := internal_gengo.GenerateFile(gen, f)
			if len(f.Extensions) == 0 {
				continue
			}
			if err := leaveOutOfRegistry(gen, f, printed); err != nil {
				return err
			}
		}
		return nil
	})
}

// leaveOutOfRegistry prints the file again with a registry of its own.
func leaveOutOfRegistry(gen *protogen.Plugin, f *protogen.File, printed *protogen.GeneratedFile) error {
	const end = "\t}.Build()\n"
	text, err := printed.Content()
	if err != nil {
		return err
	}
	if strings.Count(string(text), end) != 1 {
		return fmt.Errorf("%s: the generated file does not have one %q", f.Desc.Path(), end)
	}
	changed := strings.Replace(string(text), end, "\t\tTypeRegistry: globalButExtensions{},\n"+end, 1)
	formatted, err := format.Source([]byte(changed))
	if err != nil {
		return err
	}
	printed.Skip()
	_, err = gen.NewGeneratedFile(f.GeneratedFilenamePrefix+".pb.go", f.GoImportPath).Write(formatted)
	return err
}

package input

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// WithPlace gives protogen's error about an import path of one word the form of
// our own faults; it returns any other error unchanged.
func WithPlace(req *pluginpb.CodeGeneratorRequest, err error) error {
	file, text := OneWord(err)
	if file == "" {
		return err
	}
	place := file
	for _, f := range req.GetProtoFile() {
		if line, col := GoPackagePosition(f); f.GetName() == file && line > 0 {
			place = fmt.Sprintf("%s:%d:%d", file, line, col)
		}
	}
	return fmt.Errorf("%s: %s", place, text)
}

// OneWord returns the file of protogen's error about an import path of one word,
// and our text for it. It returns "" for any other error.
func OneWord(err error) (file, text string) {
	var importPath string
	if n, _ := fmt.Sscanf(err.Error(), "invalid Go import path %q for %q", &importPath, &file); n < 2 {
		return "", ""
	}
	return file, fmt.Sprintf("its Go package %q is one word, and an import path has a slash or a dot; write the full path, such as example.com/module/folder, in go_package or in an M option", importPath)
}

// GoPackageOption is the path of FileOptions.go_package in a file's descriptor.
var GoPackageOption = []int32{8, 11}

// GoPackagePosition returns where f has its go_package, or 0.
func GoPackagePosition(f *descriptorpb.FileDescriptorProto) (line, col int) {
	for _, loc := range f.GetSourceCodeInfo().GetLocation() {
		if slices.Equal(loc.GetPath(), GoPackageOption) {
			return int(loc.GetSpan()[0]) + 1, int(loc.GetSpan()[1]) + 1
		}
	}
	return 0, 0
}

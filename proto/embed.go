// Package proto holds the .proto files of gozmq, as users import them.
package proto

import (
	"embed"
	"io/fs"
)

//go:embed gozmq/v1/*.proto
var files embed.FS

// Files returns the .proto files by their import path, as
// "gozmq/v1/annotations.proto".
func Files() fs.FS { return files }

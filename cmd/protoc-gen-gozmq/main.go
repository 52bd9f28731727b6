// Command protoc-gen-gozmq is a plugin for buf and protoc that generates Go
// code for REQ/REP, PUB/SUB and PUSH/PULL over ZeroMQ.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/generator"
	gozmqproto "github.com/gozmq/gozmq/proto"
)

const usage = `protoc-gen-gozmq generates Go code for ZeroMQ from annotated .proto files.
buf and protoc run it; what it reads is on its standard input.

usage:
  protoc-gen-gozmq --export-protos DIR   write the annotations' .proto files to DIR
  protoc-gen-gozmq --lint IMAGE          report what is wrong in annotated files
  protoc-gen-gozmq --breaking OLD NEW    report what a change breaks between peers
  protoc-gen-gozmq --version
  protoc-gen-gozmq --help

options, in buf.gen.yaml's opt or protoc's --gozmq_opt:
  package_suffix=gozmq    ending of the generated package's name; empty: the
                          package of the messages themselves
  unannotated=req_rep     what becomes of services without any annotation:
                          req_rep, or skip to leave them out
  paths, module, M<file>, default_api_level, apilevelM<file>
                          as protoc-gen-go has them; use the same values

of --lint and --breaking, whose images "buf build -o NAME.binpb" writes, or
protoc with --include_imports --include_source_info --descriptor_set_out:
  --format text|json      one finding per line; default: text
  --use RULES             rules or categories, with commas; default: the default ones
  --except RULES          rules or categories to leave out
  --opt OPTIONS           the options above, as they are in buf.gen.yaml
They exit with 0 if nothing is found, with 1 if something is, and with 2 if the
arguments or the images cannot be used.
`

func main() {
	err := run(os.Args[1:], os.Stdin, os.Stdout)
	switch {
	case err == nil:
		return
	case errors.Is(err, errFound):
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "protoc-gen-gozmq:", err)
	if errors.As(err, new(usageError)) {
		os.Exit(2)
	}
	os.Exit(1)
}

// A usageError is an error of the arguments, or of the files that they name.
type usageError struct{ error }

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	switch {
	case len(args) == 0 && byHand(stdin):
		return fmt.Errorf("buf and protoc run this program\n\n%s", usage)
	case len(args) == 0:
		return generate(stdin, stdout)
	case len(args) == 1 && args[0] == "--version":
		_, err := fmt.Fprintln(stdout, "protoc-gen-gozmq", generator.Version)
		return err
	case len(args) == 1 && (args[0] == "--help" || args[0] == "-h"):
		_, err := io.WriteString(stdout, usage)
		return err
	case len(args) == 2 && args[0] == "--export-protos":
		return export(args[1], gozmqproto.Files())
	case args[0] == "--lint" || args[0] == "--breaking":
		return runCheck(args, stdout)
	default:
		return usageError{fmt.Errorf("cannot use the arguments %q\n\n%s", args, usage)}
	}
}

// byHand reports whether stdin is a terminal, from which no request will come.
func byHand(stdin io.Reader) bool {
	f, ok := stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// export writes all files to dir, and overwrites files of an earlier version.
func export(dir string, files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(name))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}

// generate answers one request of buf or protoc.
func generate(stdin io.Reader, stdout io.Writer) error {
	request, err := io.ReadAll(stdin)
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	response, err := generator.Generate(request)
	if err != nil {
		return err
	}
	out, err := proto.Marshal(response)
	if err != nil {
		return fmt.Errorf("encode the response: %w", err)
	}
	if _, err := stdout.Write(out); err != nil {
		return fmt.Errorf("write the response: %w", err)
	}
	return nil
}

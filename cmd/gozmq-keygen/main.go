// Command gozmq-keygen makes the keys that CURVE needs, in files that CZMQ and
// pyzmq read, too.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gozmq/gozmq/runtime/gozmqcurve"
)

const usage = `gozmq-keygen makes a key pair for CURVE, ZeroMQ's encryption.

  gozmq-keygen [--meta NAME=VALUE]... PATH
        writes PATH.key, the public certificate for others, and
        PATH.key_secret, which only you may read; neither may be there yet.
        Prints the public key.
  gozmq-keygen --public PATH.key_secret
        prints the public key that belongs to a secret one.
  gozmq-keygen --help

Both files are in the format of CZMQ and pyzmq. Load them with
gozmqcurve.LoadKey and gozmqcurve.LoadCertificate.
`

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gozmq-keygen:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	switch {
	case len(args) == 1 && (args[0] == "--help" || args[0] == "-h"):
		_, err := io.WriteString(stdout, usage)
		return err
	case len(args) == 2 && args[0] == "--public":
		k, err := gozmqcurve.LoadKey(args[1])
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(stdout, k.Public())
		return err
	}
	metadata := make(map[string]string)
	for len(args) > 2 && args[0] == "--meta" {
		name, value, ok := strings.Cut(args[1], "=")
		if !ok {
			return fmt.Errorf("--meta %s: want NAME=VALUE", args[1])
		}
		metadata[name] = value
		args = args[2:]
	}
	if len(args) != 1 || args[0] == "" || args[0][0] == '-' {
		return fmt.Errorf("want one path of the files to write, got %q; see gozmq-keygen --help", args)
	}
	return generate(args[0], metadata, stdout)
}

// generate makes a key and writes it.
func generate(path string, metadata map[string]string, stdout io.Writer) error {
	k, err := gozmqcurve.NewKey()
	if err != nil {
		return err
	}
	if err := gozmqcurve.SaveKey(path, k, metadata); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, k.Public())
	return err
}

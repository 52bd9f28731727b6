package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozmq/gozmq/runtime/gozmqcurve"
)

// keygenCommand returns the verb keygen.
func keygenCommand(a *app) *cobra.Command {
	var meta []string
	var public bool
	c := &cobra.Command{
		Use:   "keygen PATH",
		Short: "Make a key pair for CURVE, ZeroMQ's encryption",
		Long: `keygen writes PATH.key, the public certificate for others, and PATH.key_secret,
which only you may read, and prints the public key. Neither file may be there yet.
With --public it prints the public key that belongs to a secret one.

Both files are in the format of CZMQ and pyzmq. Programs load them with
gozmqcurve.LoadKey and gozmqcurve.LoadCertificate.`,
		Example: `  gozmq keygen --meta name=Ada ada
  gozmq keygen --public ada.key_secret`,
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return wrongf("no path; write where the two files are to be")
			case 1:
				return nil
			}
			return wrongf("one path at a time, not %q", args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if public {
				k, err := gozmqcurve.LoadKey(args[0])
				if err != nil {
					return wrong(err)
				}
				_, err = fmt.Fprintln(a.out, k.Public())
				return err
			}
			return a.keygen(args[0], meta)
		},
	}
	c.Flags().StringArrayVar(&meta, "meta", nil, "metadata `NAME=VALUE` for the certificate; may be repeated")
	c.Flags().BoolVar(&public, "public", false, "print the public key of PATH, a secret key's file")
	c.MarkFlagsMutuallyExclusive("meta", "public")
	return c
}

// keygen makes a key and writes it.
func (a *app) keygen(path string, meta []string) error {
	metadata := make(map[string]string)
	for _, pair := range meta {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return wrongf("--meta %s: write NAME=VALUE", pair)
		}
		metadata[name] = value
	}
	if path == "" {
		return wrongf("the path of the files to write is empty")
	}
	k, err := gozmqcurve.NewKey()
	if err != nil {
		return err
	}
	if err := gozmqcurve.SaveKey(path, k, metadata); err != nil {
		return wrong(err)
	}
	_, err = fmt.Fprintln(a.out, k.Public())
	return err
}

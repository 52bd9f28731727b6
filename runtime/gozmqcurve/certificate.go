package gozmqcurve

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A Certificate is a public key and a description of its owner, as in the
// certificate files of CZMQ and pyzmq.
type Certificate struct {
	PublicKey gozmq.PublicKey
	// Metadata is the file's "metadata" section, such as "name" and "email".
	// The file's author wrote it, and nothing proves it.
	Metadata map[string]string
}

// Names of what a certificate has in its "curve" section.
const (
	publicKeyName = "public-key"
	secretKeyName = "secret-key"
)

// maxCertificate is how large a certificate file may be, in bytes.
const maxCertificate = 64 << 10

// LoadCertificate reads a public certificate file, as gozmq keygen, CZMQ
// and pyzmq write it (usually "name.key").
func LoadCertificate(path string) (Certificate, error) {
	f, err := readCertificate(path, false)
	if err != nil {
		return Certificate{}, fmt.Errorf("load certificate: %w", err)
	}
	k, err := ParsePublicKey(f.public)
	if err != nil {
		return Certificate{}, fmt.Errorf("load certificate: %s: %w", path, err)
	}
	return Certificate{PublicKey: k, Metadata: f.metadata}, nil
}

// LoadKey reads a secret key from a certificate file (usually
// "name.key_secret"). It refuses a file whose public key does not belong to its
// secret key. Except on Windows, it also refuses a file that anyone but its
// owner can read or write.
func LoadKey(path string) (SecretKey, error) {
	f, err := readCertificate(path, true)
	if err != nil {
		return SecretKey{}, fmt.Errorf("load secret key: %w", err)
	}
	if f.secret == "" {
		return SecretKey{}, fmt.Errorf("load secret key: %s has no secret key: is it the public certificate?", path)
	}
	k, err := ParseSecretKey(f.secret)
	if err != nil {
		return SecretKey{}, fmt.Errorf("load secret key: %s: %w", path, err)
	}
	if f.public != "" && f.public != k.Public().String() {
		return SecretKey{}, fmt.Errorf("load secret key: %s: its public key is not that of its secret", path)
	}
	return k, nil
}

// SaveKey writes path+".key", the public certificate for others, and
// path+".key_secret", which only its owner can read. It fails when one of them
// exists already. Names and values of metadata must not have line breaks or
// quotes.
func SaveKey(path string, k SecretKey, metadata map[string]string) error {
	if k.secret == nil {
		return errors.New("save key: the key is the zero value: NewKey makes one")
	}
	for name, value := range metadata {
		if name == "" || strings.ContainsAny(name, " \t\r\n\"=#") || strings.ContainsAny(value, "\r\n\"") {
			return fmt.Errorf("save key: metadata %q cannot be written: no blanks, quotes, = or # in names, no quotes or line breaks in values", name)
		}
	}
	secret := path + ".key_secret"
	if err := writeNew(secret, certificateText(k, metadata, true), 0o600); err != nil {
		return fmt.Errorf("save key: %w", err)
	}
	if err := writeNew(path+".key", certificateText(k, metadata, false), 0o644); err != nil {
		return errors.Join(fmt.Errorf("save key: %w", err), os.Remove(secret))
	}
	return nil
}

func certificateText(k SecretKey, metadata map[string]string, secret bool) []byte {
	var b bytes.Buffer
	if secret {
		b.WriteString("#   ZeroMQ CURVE **Secret** Certificate\n#   Do not give this file to anyone.\n\n")
	} else {
		b.WriteString("#   ZeroMQ CURVE Public Certificate\n#   Exchange it over a way that nobody can change.\n\n")
	}
	b.WriteString("metadata\n")
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		fmt.Fprintf(&b, "    %s = \"%s\"\n", name, metadata[name])
	}
	fmt.Fprintf(&b, "curve\n    %s = \"%s\"\n", publicKeyName, k.Public())
	if secret {
		fmt.Fprintf(&b, "    %s = \"%s\"\n", secretKeyName, k.Z85())
	}
	return b.Bytes()
}

// writeNew writes a file that is not there yet.
func writeNew(path string, text []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// A certificateFile is what a file says, not yet checked.
type certificateFile struct {
	public, secret string
	metadata       map[string]string
}

// readCertificate reads the part of ZPL (RFC 4) that certificates are written
// in: sections without indentation, "name = value" below them.
func readCertificate(path string, private bool) (certificateFile, error) {
	file, err := openCertificate(path)
	if err != nil {
		return certificateFile{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return certificateFile{}, err
	case !info.Mode().IsRegular():
		return certificateFile{}, fmt.Errorf("%s is no regular file", path)
	}
	if private {
		if err := checkPrivate(path, info); err != nil {
			return certificateFile{}, err
		}
	}
	text, err := io.ReadAll(io.LimitReader(file, maxCertificate+1))
	if err != nil {
		return certificateFile{}, err
	}
	if len(text) > maxCertificate {
		return certificateFile{}, fmt.Errorf("%s is larger than %d bytes: it is no certificate", path, maxCertificate)
	}
	f, err := parseCertificate(text)
	if err != nil {
		return certificateFile{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// parseCertificate reads a certificate. Its errors tell lines, and not what is
// in them.
func parseCertificate(text []byte) (certificateFile, error) {
	f := certificateFile{metadata: make(map[string]string)}
	section := ""
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxCertificate+1)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimRight(lines.Text(), " \t\r")
		body := strings.TrimLeft(line, " \t")
		if body == "" || body[0] == '#' {
			continue
		}
		name, value, pair := strings.Cut(body, "=")
		if name = strings.TrimSpace(name); len(body) == len(line) && !pair {
			section = name
			continue
		}
		if !pair {
			return f, fmt.Errorf("line %d has no \"name = value\"", number)
		}
		value = unquote(strings.TrimSpace(value))
		switch {
		case section == "metadata":
			f.metadata[name] = value
		case section == "curve" && name == publicKeyName:
			f.public = value
		case section == "curve" && name == secretKeyName:
			f.secret = value
		}
	}
	if f.public == "" && f.secret == "" {
		return f, errors.New("it contains no key")
	}
	return f, nil
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

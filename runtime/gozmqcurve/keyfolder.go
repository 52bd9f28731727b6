package gozmqcurve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// folderCheck is how long a folder is assumed not to have changed.
const folderCheck = time.Second

// restless is how long after its last change a file may change again with the same
// time.
const restless = 2 * time.Second

// A KeyFolder is a list of the public keys in a folder of certificate
// files ("*.key"), as pyzmq's and CZMQ's authenticators use. A handshake reads
// the folder again when files were added, removed or changed, but not more
// often than once a second. A file that cannot be read admits no one. While
// there is such a file, which may just be being written, a peer whose key is
// not in the folder is not refused, but may try again later. A connected peer
// whose file has gone or has another key or metadata loses its connection within
// three seconds, but not while the folder or that file cannot be read. The
// identity's name is the file's name without ".key", and its metadata is the
// certificate's. Its methods may be called from any goroutine.
type KeyFolder struct {
	path  string
	check time.Duration
	list  KeyList

	mu       sync.Mutex
	checked  time.Time
	state    string // of the files when they were read
	restless bool   // state may not show the next change
	faults   error  // of files that could not be
}

// OpenKeyFolder reads the certificates in a folder. It fails when the
// folder or one of the certificates cannot be read.
func OpenKeyFolder(path string) (*KeyFolder, error) {
	f := &KeyFolder{path: path, check: folderCheck}
	if err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reload reads the folder at once. When some files cannot be read, it returns
// an error and uses the others; when the folder cannot be read, it returns an
// error and changes nothing.
func (f *KeyFolder) Reload() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	state, err := f.look()
	if err != nil {
		return fmt.Errorf("key folder: %w", err)
	}
	f.load(state)
	return f.faults
}

// Authenticate admits the owners of the keys in the folder (Authenticator). It
// fails with CodeUnavailable, so that peers try again, while the folder cannot
// be read, and for a key that is not on the list while some file cannot be
// read.
func (f *KeyFolder) Authenticate(ctx context.Context, r *gozmq.AuthRequest) (*gozmq.AuthIdentity, error) {
	faults, err := f.refresh()
	if err != nil {
		return nil, gozmq.Errorf(gozmq.CodeUnavailable, "key folder: %w", err)
	}
	id, err := f.list.Authenticate(ctx, r)
	if errors.Is(err, errUnknownKey) && faults != nil {
		return nil, gozmq.Errorf(gozmq.CodeUnavailable, "%w, but some files could not be read: %w", err, faults)
	}
	if err == nil {
		listed, name := id.Check, id.Name
		id.Check = func() error { return f.recheck(name, listed) }
	}
	return id, err
}

// recheck reports why a connected peer, whose key was in the file of that name, may
// not stay; listed asks the list. The peer stays while the folder or that file
// cannot be read.
func (f *KeyFolder) recheck(name string, listed func() error) error {
	faults, err := f.refresh()
	if err != nil {
		return nil
	}
	err = listed()
	if err == nil || faults == nil {
		return err
	}
	if _, gone := os.Stat(filepath.Join(f.path, name+".key")); errors.Is(gone, os.ErrNotExist) {
		return err
	}
	return nil
}

// refresh reads the folder if it has changed.
func (f *KeyFolder) refresh() (faults, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.checked) < f.check {
		return f.faults, nil
	}
	unsure := f.restless || f.faults != nil
	state, err := f.look()
	if err != nil {
		return nil, err
	}
	if unsure || state != f.state {
		f.load(state)
	}
	return f.faults, nil
}

// look returns what tells whether files have changed; f.mu is held.
func (f *KeyFolder) look() (string, error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return "", err
	}
	f.checked, f.restless = time.Now(), false
	var state strings.Builder
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".key" {
			continue
		}
		info, err := os.Stat(filepath.Join(f.path, e.Name()))
		if err != nil {
			continue // it has just gone
		}
		if f.checked.Sub(info.ModTime()) < restless {
			f.restless = true
		}
		fmt.Fprintf(&state, "%s\x00%d\x00%d\x00%s\n", e.Name(), info.Size(), info.ModTime().UnixNano(), fileIdentity(info))
	}
	return state.String(), nil
}

// load reads the files that a look has found; f.mu is held.
func (f *KeyFolder) load(state string) {
	keys := make(map[gozmq.PublicKey]gozmq.AuthIdentity)
	var faults []error
	for line := range strings.Lines(state) {
		name, _, _ := strings.Cut(line, "\x00")
		c, err := LoadCertificate(filepath.Join(f.path, name))
		if err != nil {
			faults = append(faults, err)
			continue
		}
		keys[c.PublicKey] = gozmq.AuthIdentity{Name: strings.TrimSuffix(name, ".key"), Metadata: c.Metadata}
	}
	f.list.Replace(keys)
	f.state, f.faults = state, errors.Join(faults...)
}

package gozmqcurve

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gozmq/gozmq/example/gen/image/v1/imagev1gozmq"
	"github.com/gozmq/gozmq/internal/testkit"
	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A secured is a role that has bound with CURVE.
type secured interface {
	Addrs() []string
	Close() error
	Disconnect(match func(*gozmq.Peer) bool) int
}

// roles open each role but the server's, whose tests are in revoke_test.go, bound
// where the peers with keys come, and open such a peer.
var roles = map[string]struct {
	open func(at gozmq.Endpoints, o gozmq.SocketOption) (secured, error)
	dial func(at gozmq.Endpoints) (interface{ Close() error }, error)
}{
	"client": {
		func(at gozmq.Endpoints, o gozmq.SocketOption) (secured, error) {
			return gozmq.Dial(at, o, gozmq.WithLinger(0))
		},
		func(at gozmq.Endpoints) (interface{ Close() error }, error) {
			return gozmq.NewProxy(gozmq.PatternReqRep, gozmq.Front(at), gozmq.Back(gozmq.Bind("tcp://127.0.0.1:*")), gozmq.WithLinger(0))
		},
	},
	"publisher": {
		func(at gozmq.Endpoints, o gozmq.SocketOption) (secured, error) {
			return gozmq.NewPublisher(at, o, gozmq.WithLinger(0))
		},
		func(at gozmq.Endpoints) (interface{ Close() error }, error) {
			return gozmq.NewSubscriber(at, gozmq.WithLinger(0))
		},
	},
	"subscriber": {
		func(at gozmq.Endpoints, o gozmq.SocketOption) (secured, error) {
			return gozmq.NewSubscriber(at, o, gozmq.WithLinger(0))
		},
		func(at gozmq.Endpoints) (interface{ Close() error }, error) {
			return gozmq.NewPublisher(at, gozmq.WithLinger(0))
		},
	},
	"ventilator": {
		func(at gozmq.Endpoints, o gozmq.SocketOption) (secured, error) {
			return gozmq.NewVentilator(at, o, gozmq.WithLinger(0))
		},
		func(at gozmq.Endpoints) (interface{ Close() error }, error) {
			return gozmq.NewPuller(at, gozmq.WithLinger(0))
		},
	},
	"ventilator, at least once": {
		func(at gozmq.Endpoints, o gozmq.SocketOption) (secured, error) {
			return gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, at, o, gozmq.WithLinger(0))
		},
		func(at gozmq.Endpoints) (interface{ Close() error }, error) {
			return gozmq.NewPuller(gozmq.DeliveryAtLeastOnce, at, gozmq.WithLinger(0))
		},
	},
	"worker": {
		func(at gozmq.Endpoints, o gozmq.SocketOption) (secured, error) {
			return newWorker(gozmq.From(at), gozmq.To(nobody()), o)
		},
		func(at gozmq.Endpoints) (interface{ Close() error }, error) {
			return gozmq.NewVentilator(at, gozmq.WithLinger(0))
		},
	},
	"puller": {
		func(at gozmq.Endpoints, o gozmq.SocketOption) (secured, error) {
			return gozmq.NewPuller(at, o, gozmq.WithLinger(0))
		},
		func(at gozmq.Endpoints) (interface{ Close() error }, error) {
			return gozmq.NewVentilator(at, gozmq.WithLinger(0))
		},
	},
	"sink": {
		func(at gozmq.Endpoints, o gozmq.SocketOption) (secured, error) {
			return gozmq.NewSink(at, o, gozmq.WithLinger(0))
		},
		func(at gozmq.Endpoints) (interface{ Close() error }, error) {
			return newWorker(gozmq.From(nobody()), gozmq.To(at))
		},
	},
	"proxy": {
		func(at gozmq.Endpoints, o gozmq.SocketOption) (secured, error) {
			p, err := gozmq.NewProxy(gozmq.PatternPubSub, gozmq.Front(at), gozmq.Back(gozmq.Bind("tcp://127.0.0.1:*")), o)
			return front{p}, err
		},
		func(at gozmq.Endpoints) (interface{ Close() error }, error) {
			return gozmq.NewPublisher(at, gozmq.WithLinger(0))
		},
	},
}

// front is the side of a proxy that the tests look at.
type front struct{ *gozmq.Proxy }

func (f front) Addrs() []string { return f.FrontAddrs() }

// newWorker opens a worker that nothing comes to but at the side of opts.
func newWorker(opts ...gozmq.WorkerOption) (*gozmq.Worker, error) {
	return imagev1gozmq.NewThumbnailsWorker(imagev1gozmq.UnimplementedThumbnailsWorker{}, append(opts, gozmq.WithLinger(0))...)
}

// nobody is where nobody binds.
func nobody() gozmq.Endpoints { return gozmq.Connect("inproc://gozmqcurve/nobody") }

// TestRevokedAtEveryRole takes a key away while its owner is connected to a role:
// the connection ends and does not come back, and the one of another key stays. A
// list and a folder do so by themselves.
func TestRevokedAtEveryRole(t *testing.T) {
	for name, role := range roles {
		t.Run(name, func(t *testing.T) {
			for kind, open := range map[string]func(*testing.T, SecretKey, SecretKey) (gozmq.Authenticator, func()){"list": listOf, "folder": folderOf} {
				t.Run(kind, func(t *testing.T) {
					t.Parallel() // identities are looked at again every few seconds
					ada, bob, own := newKey(t), newKey(t), newKey(t)
					auth, revoke := open(t, ada, bob)
					var events testkit.Recorder[gozmq.Event]
					r, err := role.open(gozmq.Bind("tcp://127.0.0.1:*").Secured(Server(own, auth)), gozmq.WithEventHandler(events.Record))
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = r.Close() })
					for _, k := range []SecretKey{ada, bob} {
						peer, err := role.dial(gozmq.Connect(r.Addrs()[0]).Secured(Client(k, own.Public())))
						if err != nil {
							t.Fatal(err)
						}
						t.Cleanup(func() { _ = peer.Close() })
					}
					events.Wait(t, 0, 2, "both peers", func(e gozmq.Event) bool { return e.Kind == gozmq.EventConnected && e.Peer != "" })
					revoke()
					gone := func(e gozmq.Event) bool { return e.Kind == gozmq.EventDisconnected }
					wantText(t, events.Wait(t, 0, 1, "its end", gone)[0].Err, "peer may not stay")
					events.Wait(t, 0, 1, "its return", func(e gozmq.Event) bool { return e.Kind == gozmq.EventAuthFailed })
					if n := events.Count(gone); n != 1 {
						t.Errorf("%d connections have ended, want 1", n)
					}
					if n := r.Disconnect(func(p *gozmq.Peer) bool { return p.PublicKey == bob.Public() }); n != 1 {
						t.Errorf("%d connections were ended by hand, want the other one", n)
					}
					wantText(t, events.Wait(t, 0, 2, "the other's end", gone)[1].Err, "Disconnect was called")
				})
			}
		})
	}
}

// listOf returns a list with two keys, and a function that takes the first away.
func listOf(t *testing.T, ada, bob SecretKey) (gozmq.Authenticator, func()) {
	t.Helper()
	list := new(KeyList)
	list.Replace(map[gozmq.PublicKey]gozmq.AuthIdentity{ada.Public(): {Name: "ada"}, bob.Public(): {Name: "bob"}})
	return list.Authenticate, func() { list.Replace(map[gozmq.PublicKey]gozmq.AuthIdentity{bob.Public(): {Name: "bob"}}) }
}

// folderOf is listOf for a folder.
func folderOf(t *testing.T, ada, bob SecretKey) (gozmq.Authenticator, func()) {
	t.Helper()
	dir := t.TempDir()
	for name, k := range map[string]SecretKey{"ada": ada, "bob": bob} {
		if err := SaveKey(filepath.Join(dir, name), k, nil); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := OpenKeyFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	folder.check = 0 // look each time
	return folder.Authenticate, func() {
		if err := os.Remove(filepath.Join(dir, "ada.key")); err != nil {
			t.Fatal(err)
		}
	}
}

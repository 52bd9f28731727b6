package durable

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	benchv1 "github.com/gozmq/gozmq/bench/gen/bench/v1"
	"github.com/gozmq/gozmq/bench/gen/bench/v1/benchv1gozmq"
	"github.com/gozmq/gozmq/runtime/gozmq"
	"github.com/gozmq/gozmq/runtime/gozmqstore"
	"github.com/gozmq/gozmq/stores/gozmqbolt"
	"github.com/gozmq/gozmq/stores/gozmqpostgres"
)

// ownerTasks is how many tasks an owner leaves behind.
const ownerTasks = 100

// takeoverPatience is how long a takeover may take before it counts as failed.
const takeoverPatience = 30 * time.Second

// Place returns where processes can share a queue, a file's path or a database's
// URL, and how to remove it.
func (s *Servers) Place(name string) (place string, remove func(), err error) {
	if name == Bolt {
		path := filepath.Join(s.dir, fmt.Sprintf("takeover%d.db", s.next()))
		return path, func() { os.Remove(path) }, nil
	}
	url, err := s.PostgresURL(true)
	return url, func() { dropSchema(url, "takeover") }, err
}

// openPlace opens the store at a place.
func openPlace(name, place string) (gozmqstore.Store, func() error, error) {
	if name == Bolt {
		store, err := gozmqbolt.Open(place)
		if err != nil {
			return nil, nil, err
		}
		return store, store.Close, nil
	}
	store, err := gozmqpostgres.Open(context.Background(), place, gozmqpostgres.Queue{Name: "takeover", Schema: "takeover"})
	if err != nil {
		return nil, nil, err
	}
	return store, store.Close, nil
}

// openAt opens a ventilator at a place.
func openAt(name, place string, standby func()) (*gozmq.Ventilator, benchv1gozmq.SureVentilator, func() error, error) {
	store, closed, err := openPlace(name, place)
	if err != nil {
		return nil, nil, nil, err
	}
	v, err := gozmq.NewVentilator(gozmq.DeliveryAtLeastOnce, gozmq.WithTaskStore(store), gozmq.Bind("tcp://127.0.0.1:*"),
		gozmq.WithEventHandler(func(e gozmq.Event) {
			if e.Kind == gozmq.EventStandby {
				standby()
			}
		}))
	if err != nil {
		return nil, nil, nil, errors.Join(err, closed())
	}
	tasks, err := benchv1gozmq.NewSureVentilator(v)
	return v, tasks, func() error { return errors.Join(v.Close(), closed()) }, err
}

// Own owns the queue at a place, with tasks that wait, until wait returns.
func Own(name, place string, wait func() error) error {
	_, tasks, closed, err := openAt(name, place, func() {})
	if err != nil {
		return err
	}
	for range ownerTasks {
		if err := tasks.Work(context.Background(), &benchv1.Blob{}); err != nil {
			return errors.Join(err, closed())
		}
	}
	return errors.Join(wait(), closed())
}

// Takeover stands by at a place, kills the owner, and returns how long it takes
// until a worker has the first of the tasks.
func Takeover(name, place string, kill func() error) (time.Duration, error) {
	waits := make(chan struct{}, 1)
	v, _, closed, err := openAt(name, place, func() {
		select {
		case waits <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return 0, err
	}
	defer closed()
	ctx, cancel := context.WithTimeout(context.Background(), takeoverPatience)
	first, ended := make(chan time.Time, 1), make(chan error, 1)
	go func() {
		ended <- benchv1gozmq.RunSureWorker(ctx, gozmqHandler{got: func([]byte) error {
			select {
			case first <- time.Now():
			default:
			}
			return nil
		}}, gozmq.From(gozmq.Connect(v.Addrs()...)))
	}()
	defer func() {
		cancel()
		<-ended
	}()
	select {
	case <-waits:
	case <-ctx.Done():
		return 0, errors.New("the ventilator does not stand by")
	}
	killed := time.Now()
	if err := kill(); err != nil {
		return 0, err
	}
	select {
	case at := <-first:
		return at.Sub(killed), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("nobody has taken over after %v", takeoverPatience)
	}
}

package gozmqbolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// A content is the content of a file's buckets, and its faults.
type content struct {
	tasks  []gozmqstore.Task // good ones, in order
	faults []gozmqstore.Task // with the known fields of each, and Err

	index   map[string][]byte // number: id, from the file's index
	aside   [][]byte          // numbers of damaged tasks
	indexed map[string][]byte // id: number, for tasks that the index has not
	stray   [][]byte          // ids in the index without a task

	unknown [][]byte       // numbers of tasks whose status is damaged
	places  map[string]int // number: index of the task in tasks; -1: it is damaged
	last    uint64         // the greatest number of a good task
}

// read reads every record of a file. It returns an error if one has a newer
// format: a newer program is to read it.
func (b buckets) read(path string) (*content, error) {
	c := &content{index: make(map[string][]byte), indexed: make(map[string][]byte), places: make(map[string]int)}
	err := b.numbers.ForEach(func(id, number []byte) error {
		if other := c.index[string(number)]; other != nil || len(number) != 8 {
			c.stray = append(c.stray, bytes.Clone(id))
			return nil
		}
		c.index[string(number)] = bytes.Clone(id)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := b.tasks.ForEach(func(number, record []byte) error { return c.task(path, number, record) }); err != nil {
		return nil, err
	}
	if err := c.statuses(b, path); err != nil {
		return nil, err
	}
	for _, id := range c.index { // what no task has taken from it
		c.stray = append(c.stray, id)
		c.fault(string(id), fmt.Errorf("task %x of %s is missing: push it again, if it is known", id, path))
	}
	return c, nil
}

func (c *content) fault(id string, err error) {
	c.faults = append(c.faults, gozmqstore.Task{ID: id, Err: err})
}

// task reads one task. A damaged one is known by the id that the index has for
// its number.
func (c *content) task(path string, number, record []byte) error {
	id := c.index[string(number)]
	delete(c.index, string(number))
	body, version, err := unseal(number, record)
	var t gozmqstore.Task
	if err == nil {
		t, err = decode(body, version)
	}
	switch {
	case errors.Is(err, errVersion):
		return fmt.Errorf("task %x of %s: %w: a newer gozmqbolt has written it, and can read it", number, path, err)
	case err != nil:
		c.aside = append(c.aside, bytes.Clone(number))
		c.places[string(number)] = -1
		if id != nil {
			c.stray = append(c.stray, id)
		}
		c.fault(string(id), fmt.Errorf("task %x of %s: %w; it is set aside in the bucket %q: push it again, if it is known", number, path, err, damaged))
		return nil
	}
	if string(id) != t.ID {
		c.indexed[t.ID] = bytes.Clone(number)
		if id != nil {
			c.stray = append(c.stray, id)
		}
		c.fault("", fmt.Errorf("task %x of %s was not in the index: it was put there again", number, path))
	}
	c.places[string(number)] = len(c.tasks)
	c.last = binary.BigEndian.Uint64(number)
	c.tasks = append(c.tasks, t)
	return nil
}

// statuses reads the changed statuses of tasks.
func (c *content) statuses(b buckets, path string) error {
	return b.statuses.ForEach(func(number, record []byte) error {
		i, known := c.places[string(number)]
		if known && i < 0 {
			return nil // the task is damaged itself
		}
		body, version, err := unseal(number, record)
		if errors.Is(err, errVersion) {
			return fmt.Errorf("the status of task %x of %s: %w: a newer gozmqbolt has written it, and can read it", number, path, err)
		}
		if known && err == nil && decodeStatus(body, version, &c.tasks[i].Status) == nil {
			return nil
		}
		c.unknown = append(c.unknown, bytes.Clone(number))
		c.fault("", fmt.Errorf("the status of a task, %x, of %s is damaged: it starts again, with 0 attempts", number, path))
		return nil
	})
}

// repair sets damaged tasks aside, and makes the index fit the tasks.
func (b buckets) repair(c *content) error {
	for _, number := range c.aside {
		record := bytes.Clone(b.tasks.Get(number))
		if err := errors.Join(b.damaged.Put(number, record), b.tasks.Delete(number), b.statuses.Delete(number)); err != nil {
			return err
		}
	}
	for _, number := range c.unknown {
		if err := b.statuses.Delete(number); err != nil {
			return err
		}
	}
	for _, id := range c.stray {
		if err := b.numbers.Delete(id); err != nil {
			return err
		}
	}
	for id, number := range c.indexed {
		if err := b.numbers.Put([]byte(id), number); err != nil {
			return err
		}
	}
	if b.tasks.Sequence() < c.last {
		return b.tasks.SetSequence(c.last)
	}
	return nil
}

// needsRepair reports whether repair has something to do.
func (c *content) needsRepair(tasks *bbolt.Bucket) bool {
	return len(c.faults)+len(c.stray) > 0 || tasks.Sequence() < c.last
}

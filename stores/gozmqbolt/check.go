package gozmqbolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// bbolt trusts the pages of its file: it panics on malformed ones, partly in its
// own goroutines, and follows a cycle forever. A checker reads the whole file
// before bbolt does. It expects pages exactly as bbolt writes them, packed, so that
// it also detects a wrong number of elements or a wrong size.
type checker struct {
	file io.ReaderAt
	size int64
	meta metaPage
	seen []bool // pages that something refers to
}

// What bbolt's pages have, in the machine's byte order.
const (
	pageHeader    = 16 // id, flags, count, overflow
	pageElement   = 16 // of leafs: flags, position, sizes; of branches: position, size, page
	metaSize      = 64
	metaMagic     = 0xED0CDAED
	metaVersion   = 2
	branchFlag    = 0x01
	leafFlag      = 0x02
	metaFlag      = 0x04
	freelistFlag  = 0x10
	bucketElement = 0x01
	bucketHeader  = 16 // root, sequence
	noFreelist    = ^uint64(0)
	maxPageSize   = 1 << 24
	maxDepth      = 64
)

var native = binary.NativeEndian

// A metaPage says where the other pages are.
type metaPage struct{ pageSize, root, freelist, pages, tx uint64 }

var (
	// errNoMeta says that a file has no valid meta page.
	errNoMeta = errors.New("it has no valid meta page")
	// errHalfMade says that a file has a meta page and not the other pages that a
	// new file has.
	errHalfMade = errors.New("it was not made to its end")
)

// checkFile returns an error if bbolt had better not open the file. warning says
// that one of the two meta pages is damaged, which costs the last transaction
// at most.
func checkFile(file io.ReaderAt, size int64, known [][]byte) (warning, err error) {
	c := &checker{file: file, size: size}
	if warning, err = c.readMeta(); err != nil {
		return nil, err
	}
	switch want := int64(c.meta.pages * c.meta.pageSize); {
	case size < want && c.meta.tx <= 1:
		return nil, errHalfMade
	case size < want:
		return nil, fmt.Errorf("it is cut off: it has %d bytes, want at least %d", size, want)
	}
	c.seen = make([]bool, c.meta.pages)
	if c.meta.tx <= 1 {
		return warning, c.unused()
	}
	buckets := make(map[string][]byte)
	err = c.page(c.meta.root, limits{}, 0, func(flags uint32, key, value []byte) error {
		if flags != bucketElement {
			return fmt.Errorf("%q is no bucket", key)
		}
		buckets[string(key)] = bytes.Clone(value)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := checkNames(buckets, known); err != nil {
		return nil, err
	}
	for name, value := range buckets {
		if err := c.bucket(value); err != nil {
			return nil, fmt.Errorf("bucket %q: %w", name, err)
		}
	}
	return warning, c.freelist()
}

// unused checks a file that was made, and has no buckets yet.
func (c *checker) unused() error {
	b, err := c.read(c.meta.root)
	if err != nil {
		return err
	}
	if native.Uint16(b[8:]) != leafFlag || native.Uint16(b[10:]) != 0 {
		return fmt.Errorf("page %d is not empty", c.meta.root)
	}
	return c.freelist()
}

// checkNames expects all known buckets.
func checkNames(buckets map[string][]byte, known [][]byte) error {
	for _, name := range known {
		if buckets[string(name)] == nil {
			return fmt.Errorf("it has no bucket %q", name)
		}
	}
	if n := len(buckets); n > len(known) {
		return fmt.Errorf("it has %d buckets, want %d: it belongs to another program", n, len(known))
	}
	return nil
}

// readMeta finds the newer of the meta pages that are valid, as bbolt does.
func (c *checker) readMeta() (warning, err error) {
	first, ok := c.metaAt(0, 0)
	size := first.pageSize
	for guess := uint64(1024); !ok && guess <= maxPageSize; guess *= 2 {
		if second, valid := c.metaAt(1, guess); valid && second.pageSize == guess {
			c.meta = second
			return errors.New("the first of its two meta pages is damaged: the last change may be missing"), nil
		}
	}
	if !ok {
		return nil, errNoMeta
	}
	c.meta = first
	second, ok := c.metaAt(1, size)
	if !ok {
		return errors.New("the second of its two meta pages is damaged: the last change may be missing"), nil
	}
	if second.tx > first.tx {
		c.meta = second
	}
	return nil, nil
}

// metaAt reads meta page 0 or 1. A transaction's number determines which one it
// writes, so that a valid copy in the wrong place is detected, too.
func (c *checker) metaAt(n, pageSize uint64) (m metaPage, ok bool) {
	var b [pageHeader + metaSize]byte
	if _, err := c.file.ReadAt(b[:], int64(n*pageSize)); err != nil {
		return m, false
	}
	body := b[pageHeader:]
	sum := fnv.New64a()
	_, _ = sum.Write(body[:metaSize-8])
	m = metaPage{
		pageSize: uint64(native.Uint32(body[8:])), root: native.Uint64(body[16:]),
		freelist: native.Uint64(body[32:]), pages: native.Uint64(body[40:]), tx: native.Uint64(body[48:]),
	}
	valid := native.Uint32(body) == metaMagic && native.Uint32(body[4:]) == metaVersion && native.Uint64(body[56:]) == sum.Sum64()
	usable := m.pageSize >= 1024 && m.pageSize <= maxPageSize && m.pageSize&(m.pageSize-1) == 0 && m.pages < 1<<40
	return m, valid && usable && m.tx%2 == n
}

// limits are the keys that a page may have: from the first to before the second.
type limits struct{ from, before []byte } // nil: no limit

func (l limits) check(key []byte) error {
	if l.from != nil && bytes.Compare(key, l.from) < 0 || l.before != nil && bytes.Compare(key, l.before) >= 0 {
		return fmt.Errorf("key %x is out of order", key)
	}
	return nil
}

// A visitor is called with each element of a tree's leafs.
type visitor func(flags uint32, key, value []byte) error

// page checks a page and those below it.
func (c *checker) page(id uint64, within limits, depth int, visit visitor) error {
	if depth > maxDepth {
		return errors.New("its tree is too deep")
	}
	b, err := c.read(id)
	if err != nil {
		return err
	}
	if native.Uint16(b[10:]) == 0 {
		return fmt.Errorf("page %d has no elements", id) // an empty bucket has no separate page
	}
	err = checkElements(b, within, func(flags uint32, key, rest []byte, child uint64, next limits) error {
		if native.Uint16(b[8:]) == branchFlag {
			return c.page(child, next, depth+1, visit)
		}
		return visit(flags, key, rest)
	})
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// read reads a page with its overflow, marks it as used, and checks its header.
func (c *checker) read(id uint64) ([]byte, error) {
	if id < 2 || id >= c.meta.pages {
		return nil, fmt.Errorf("it refers to page %d of %d", id, c.meta.pages)
	}
	var h [pageHeader]byte
	if _, err := c.file.ReadAt(h[:], int64(id*c.meta.pageSize)); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	if self := native.Uint64(h[:]); self != id {
		return nil, fmt.Errorf("page %d says that it is page %d", id, self)
	}
	n := uint64(native.Uint32(h[12:])) + 1
	if n > c.meta.pages-id {
		return nil, fmt.Errorf("page %d goes on for %d pages", id, n)
	}
	for i := id; i < id+n; i++ {
		if c.seen[i] {
			return nil, fmt.Errorf("page %d is used twice", i)
		}
		c.seen[i] = true
	}
	b := make([]byte, n*c.meta.pageSize)
	if _, err := c.file.ReadAt(b, int64(id*c.meta.pageSize)); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	return b, nil
}

// checkElements checks the elements of a leaf or a branch, and calls f with each:
// with the value, or with the page below and the keys that this may have.
func checkElements(page []byte, within limits, f func(flags uint32, key, value []byte, child uint64, next limits) error) error {
	kind, count := native.Uint16(page[8:]), int(native.Uint16(page[10:]))
	if kind != branchFlag && kind != leafFlag {
		return fmt.Errorf("it has the type %#x", kind)
	}
	next := pageHeader + count*pageElement // where the next data is
	if next > len(page) {
		return fmt.Errorf("it has %d elements, which do not fit", count)
	}
	elements := make([]element, count)
	for i := range elements {
		e, err := elementAt(page, kind, i, next)
		if err != nil {
			return err
		}
		elements[i], next = e, next+len(e.key)+len(e.value)
	}
	for i, e := range elements {
		if err := within.check(e.key); err != nil {
			return err
		}
		if i > 0 && bytes.Compare(elements[i-1].key, e.key) >= 0 {
			return fmt.Errorf("key %x is out of order", e.key)
		}
		below := limits{e.key, within.before}
		if i+1 < count {
			below.before = elements[i+1].key
		}
		if err := f(e.flags, e.key, e.value, e.child, below); err != nil {
			return err
		}
	}
	return nil
}

// An element of a page.
type element struct {
	flags      uint32
	key, value []byte
	child      uint64
}

// elementAt returns element i, whose data must begin at an offset.
func elementAt(page []byte, kind uint16, i, at int) (e element, err error) {
	start := pageHeader + i*pageElement
	b := page[start:]
	var position, keySize, valueSize uint64
	if kind == leafFlag {
		e.flags = native.Uint32(b)
		position, keySize, valueSize = uint64(native.Uint32(b[4:])), uint64(native.Uint32(b[8:])), uint64(native.Uint32(b[12:]))
	} else {
		position, keySize, e.child = uint64(native.Uint32(b)), uint64(native.Uint32(b[4:])), native.Uint64(b[8:])
	}
	if uint64(start)+position != uint64(at) || keySize == 0 || uint64(at)+keySize+valueSize > uint64(len(page)) {
		return e, fmt.Errorf("element %d is not where it should be", i)
	}
	data := page[at:]
	e.key, e.value = data[:keySize:keySize], data[keySize:keySize+valueSize:keySize+valueSize]
	return e, nil
}

// bucket checks a bucket, whose pages are elsewhere or within its value.
func (c *checker) bucket(value []byte) error {
	leaf := func(flags uint32, key, _ []byte) error {
		if flags != 0 {
			return fmt.Errorf("key %x has the flags %#x", key, flags)
		}
		return nil
	}
	if len(value) < bucketHeader {
		return fmt.Errorf("it has %d bytes", len(value))
	}
	if root := native.Uint64(value); root != 0 {
		return c.page(root, limits{}, 0, leaf)
	}
	inline := value[bucketHeader:]
	if len(inline) < pageHeader || native.Uint16(inline[8:]) != leafFlag {
		return errors.New("it has no page")
	}
	if native.Uint16(inline[10:]) == 0 && len(inline) > pageHeader {
		return errors.New("its page has data without elements")
	}
	return checkElements(inline, limits{}, func(flags uint32, key, value []byte, _ uint64, _ limits) error {
		return leaf(flags, key, value)
	})
}

// freelist checks the list of free pages, which only a new file has.
func (c *checker) freelist() error {
	if c.meta.freelist == noFreelist {
		return nil
	}
	b, err := c.read(c.meta.freelist)
	if err != nil {
		return err
	}
	if native.Uint16(b[8:]) != freelistFlag || native.Uint16(b[10:]) != 0 {
		return fmt.Errorf("page %d is no empty list of free pages", c.meta.freelist)
	}
	return nil
}

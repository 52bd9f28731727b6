package gozmqbolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// A record is the value of a key in a file: the version of its format, a checksum
// (CRC-32C, in big-endian order) of the version, the key and the content, and the
// content. Every version begins so.
const (
	firstVersion  = 1 // has id, method, header and body of a task, and a number of attempts
	recordVersion = 2
	recordHeader  = 5
)

var (
	errRecord  = errors.New("the record is damaged")
	errVersion = errors.New("the record has a newer format")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(version byte, key, content []byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte{version})
	return crc32.Update(crc32.Update(sum, castagnoli, key), castagnoli, content)
}

// seal returns the record of a content under a key.
func seal(key, content []byte) []byte {
	b := make([]byte, recordHeader, recordHeader+len(content))
	b[0] = recordVersion
	binary.BigEndian.PutUint32(b[1:], checksum(recordVersion, key, content))
	return append(b, content...)
}

// unseal returns the content of the record under a key, in the record's memory,
// and its version.
func unseal(key, record []byte) (content []byte, version byte, err error) {
	if len(record) < recordHeader {
		return nil, 0, fmt.Errorf("%w: it has %d bytes", errRecord, len(record))
	}
	content, version = record[recordHeader:], record[0]
	if checksum(version, key, content) != binary.BigEndian.Uint32(record[1:]) {
		return nil, 0, fmt.Errorf("%w: its checksum does not fit", errRecord)
	}
	if version < firstVersion || version > recordVersion {
		return nil, 0, fmt.Errorf("%w, %d", errVersion, version)
	}
	return content, version, nil
}

// encode returns the fields of a task: id, method, header and body first.
func encode(t *gozmqstore.Task) []byte {
	const others = 128 // about as many bytes as the fields need that are numbers
	b := make([]byte, 0, len(t.ID)+len(t.Procedure)+len(t.Header)+len(t.Body)+len(t.Batch)+others)
	b = appendText(b, t.ID)
	b = appendText(b, t.Procedure)
	b = appendText(b, t.Header)
	b = appendText(b, t.Body)
	b = appendText(b, t.Batch)
	b = binary.AppendVarint(b, int64(t.MaxAttempts))
	b = binary.AppendVarint(b, t.Lease.Microseconds())
	b = binary.AppendVarint(b, int64(t.Priority))
	b = appendText(b, t.Key)
	b = appendText(b, t.UniqueKey)
	b = appendTime(b, t.UniqueUntil)
	b = binary.AppendVarint(b, t.Retain.Microseconds())
	b = appendTime(b, t.Enqueued)
	return appendStatus(b, &t.Status)
}

func appendStatus(b []byte, s *gozmqstore.Status) []byte {
	b = binary.AppendVarint(b, int64(s.State))
	b = binary.AppendVarint(b, int64(s.Attempts))
	b = appendTime(b, s.NotBefore)
	b = appendTime(b, s.Expires)
	b = appendTime(b, s.Ended)
	b = binary.AppendVarint(b, int64(s.Code))
	b = appendText(b, s.Reason)
	return appendText(b, s.Result)
}

// appendText appends the number of bytes, and then the bytes.
func appendText[T string | []byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// appendTime appends microseconds since 1970, 0 for no time.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendVarint(b, 0)
	}
	return binary.AppendVarint(b, t.UnixMicro())
}

// decode returns a task that shares no memory with b.
func decode(b []byte, version byte) (t gozmqstore.Task, err error) {
	d := decoder{b: b}
	t.ID, t.Procedure = string(d.text()), string(d.text())
	t.Header, t.Body = bytes.Clone(d.text()), bytes.Clone(d.text())
	if version == firstVersion {
		if t.Procedure == "" {
			t.State = gozmqstore.StateBatch
		}
		return t, d.end()
	}
	t.Batch = string(d.text())
	t.MaxAttempts = int(d.number())
	t.Lease = time.Duration(d.number()) * time.Microsecond
	t.Priority = int(d.number())
	t.Key, t.UniqueKey = string(d.text()), string(d.text())
	t.UniqueUntil = d.time()
	t.Retain = time.Duration(d.number()) * time.Microsecond
	t.Enqueued = d.time()
	d.status(&t.Status)
	return t, d.end()
}

// decodeStatus reads a status into s. The first version has only the attempts.
func decodeStatus(b []byte, version byte, s *gozmqstore.Status) error {
	if version == firstVersion {
		if len(b) != 8 {
			return errRecord
		}
		s.Attempts = int(binary.BigEndian.Uint64(b))
		return nil
	}
	d := decoder{b: b}
	var status gozmqstore.Status
	d.status(&status)
	if err := d.end(); err != nil {
		return err
	}
	*s = status
	return nil
}

// A decoder reads the fields of a record. After a malformed one it returns zero
// values, and end returns an error.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() {
	d.b, d.bad = nil, true
}

func (d *decoder) end() error {
	if d.bad || len(d.b) > 0 {
		return errRecord
	}
	return nil
}

// text returns bytes in the record's memory.
func (d *decoder) text() []byte {
	size, n := binary.Uvarint(d.b)
	if n <= 0 || size > uint64(len(d.b)-n) {
		d.fail()
		return nil
	}
	text := d.b[n : n+int(size)]
	d.b = d.b[n+int(size):]
	return text
}

func (d *decoder) number() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) time() time.Time {
	if us := d.number(); us != 0 {
		return time.UnixMicro(us)
	}
	return time.Time{}
}

func (d *decoder) status(s *gozmqstore.Status) {
	s.State, s.Attempts = gozmqstore.State(d.number()), int(d.number())
	s.NotBefore, s.Expires, s.Ended = d.time(), d.time(), d.time()
	s.Code, s.Reason = int32(d.number()), string(d.text())
	s.Result = bytes.Clone(d.text())
}

package gozmqbolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

// A record is the value of a key in a file: the version of its format, a checksum
// (CRC-32C, in big-endian order) of the version, the key and the content, and the
// content. Every version begins so.
const (
	recordVersion = 1
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

// unseal returns the content of the record under a key, in the record's memory.
func unseal(key, record []byte) ([]byte, error) {
	if len(record) < recordHeader {
		return nil, fmt.Errorf("%w: it has %d bytes", errRecord, len(record))
	}
	content := record[recordHeader:]
	if checksum(record[0], key, content) != binary.BigEndian.Uint32(record[1:]) {
		return nil, fmt.Errorf("%w: its checksum does not fit", errRecord)
	}
	if record[0] != recordVersion {
		return nil, fmt.Errorf("%w, %d", errVersion, record[0])
	}
	return content, nil
}

// encode returns id, method, header and body, each behind its size as a varint.
func encode(t *gozmq.StoredTask) []byte {
	b := make([]byte, 0, len(t.ID)+len(t.Procedure)+len(t.Header)+len(t.Body)+4*binary.MaxVarintLen32)
	b = append(binary.AppendUvarint(b, uint64(len(t.ID))), t.ID...)
	b = append(binary.AppendUvarint(b, uint64(len(t.Procedure))), t.Procedure...)
	b = append(binary.AppendUvarint(b, uint64(len(t.Header))), t.Header...)
	return append(binary.AppendUvarint(b, uint64(len(t.Body))), t.Body...)
}

// decode returns the task in memory of its own.
func decode(b []byte) (t gozmq.StoredTask, err error) {
	var parts [4][]byte
	for i := range parts {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return t, errRecord
		}
		parts[i] = append([]byte(nil), b[n:n+int(size)]...)
		b = b[n+int(size):]
	}
	if len(b) > 0 {
		return t, errRecord
	}
	return gozmq.StoredTask{ID: string(parts[0]), Procedure: string(parts[1]), Header: parts[2], Body: parts[3]}, nil
}

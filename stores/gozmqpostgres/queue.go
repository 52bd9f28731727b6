package gozmqpostgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// A Queue names a queue of a database. Each ventilator, together with its standby
// ventilators, has its own queue.
type Queue struct {
	// Name has 1 to 200 bytes.
	Name string
	// Schema is the schema with the tables of all queues. Empty: "gozmq".
	Schema string
}

const maxQueueName = 200

func (q Queue) check() error {
	if n := len(q.Name); n == 0 || n > maxQueueName || !utf8.ValidString(q.Name) || escape(q.Name) != q.Name {
		return fmt.Errorf("the queue has the name %.*q, want 1 to %d bytes of UTF-8 without NUL and backslash", maxQueueName, q.Name, maxQueueName)
	}
	if len(q.schema()) > maxIdentifier || escape(q.schema()) != q.schema() {
		return fmt.Errorf("the queue has the schema %.*q, want at most %d bytes of UTF-8 without NUL and backslash", maxQueueName, q.Schema, maxIdentifier)
	}
	return nil
}

// maxIdentifier is the size to which PostgreSQL cuts names.
const maxIdentifier = 63

func (q Queue) schema() string {
	if q.Schema == "" {
		return "gozmq"
	}
	return q.Schema
}

// table returns the quoted name of a table.
func (q Queue) table(name string) string { return pgx.Identifier{q.schema(), name}.Sanitize() }

// channel returns the name of the notifications about the queue.
func (q Queue) channel() string {
	sum := sha256.Sum256([]byte(q.schema() + "\x00" + q.Name))
	return "gozmq_" + hex.EncodeToString(sum[:16])
}

// The payloads of notifications on a queue's channel.
const (
	noticeArrived = "arrived" // a transaction has inserted tasks
	noticeFreed   = "freed"   // the queue has no owner
)

package subscription

import (
	"errors"
	"testing"
)

// A fakeConn stands for a connection.
type fakeConn struct {
	endpoint string
	err      error
	owner    string
}

func (o *fakeConn) Endpoint() string { return o.endpoint }
func (o *fakeConn) Err() error       { return o.err }
func (o *fakeConn) Owner() string    { return o.owner }
func (o *fakeConn) Tagged() any      { return nil }

// TestPublisherConnsBounded keeps no more publishers than it may, whatever
// peers say.
func TestPublisherConnsBounded(t *testing.T) {
	var p publisherConns
	open, closed := &fakeConn{endpoint: "x"}, &fakeConn{endpoint: "x", err: errors.New("gone")}
	for id := range uint64(3 * maxPublishers) {
		p.record(1, &fakeConn{endpoint: "x"}) // maybe a stranger
		p.record(2*id+1, open)
		p.record(2*id+2, closed)
		if len(p.at) > maxPublishers || len(p.sources) > maxPublishers || len(p.strangers) > maxPublishers {
			t.Fatalf("%d publishers are known, at most %d may be", len(p.at), maxPublishers)
		}
	}
	if p.at[6*maxPublishers] != closed {
		t.Error("the last one that was heard is not known")
	}
}

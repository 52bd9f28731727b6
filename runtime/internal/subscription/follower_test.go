package subscription

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/gozmq/gozmq/runtime/internal/wire"
)

// A scriptedState answers with one snapshot after the other, the last one again
// and again, and notes what happens.
type scriptedState struct {
	snapshots []map[uint64]uint64 // nil: the call fails
	log       []string
	stopAt    int // entries of the log; then the iteration is over
}

func (s *scriptedState) note(text string) bool {
	s.log = append(s.log, text)
	return len(s.log) < s.stopAt
}

func (s *scriptedState) Snapshot(context.Context) (map[uint64]uint64, func() bool, error) {
	positions := s.snapshots[0]
	if len(s.snapshots) > 1 {
		s.snapshots = s.snapshots[1:]
	}
	if positions == nil {
		return nil, nil, errors.New("as asked")
	}
	return positions, func() bool { return s.note(fmt.Sprint("snapshot ", positions)) }, nil
}

func (s *scriptedState) Update(p *wire.Publication) (goOn, decoded bool) {
	return s.note(string(p.Topic) + "=" + string(p.Body)), string(p.Body) != "bad"
}

func (s *scriptedState) Noticed(n Notice) bool { return s.note(fmt.Sprintf("%T", n)) }

func (s *scriptedState) Failed(err error) bool {
	var unknown *UnknownPublisherError
	var unnumbered *UnnumberedError
	switch {
	case errors.As(err, &unknown):
		return s.note(fmt.Sprintf("unknown publisher %d", unknown.Publisher))
	case errors.As(err, &unnumbered):
		return s.note("unnumbered " + unnumbered.Topic)
	}
	return s.note(err.Error())
}

// placed is a message of publisher with a header.
func placed(publisher, position, previous uint64, body string) testBatch {
	h := wire.PublicationHeader{Publisher: publisher, Position: position, Previous: previous}
	return message("a", body, string(h.Append(nil)))
}

func TestFollow(t *testing.T) {
	none := map[uint64]uint64{}
	tests := []struct {
		name      string
		snapshots []map[uint64]uint64
		messages  []testBatch
		want      []string
	}{
		{"in order", []map[uint64]uint64{{1: 5}}, []testBatch{placed(1, 5, 4, "old"), placed(1, 6, 5, "6"), placed(1, 7, 6, "7")},
			[]string{"snapshot map[1:5]", "a=6", "a=7"}},
		{"a message was missed", []map[uint64]uint64{{1: 5}, {1: 8}}, []testBatch{placed(1, 6, 5, "6"), placed(1, 8, 7, "8"), placed(1, 9, 8, "9")},
			[]string{"snapshot map[1:5]", "a=6", "snapshot map[1:8]", "a=9"}},
		{"undecodable", []map[uint64]uint64{{1: 5}, {1: 6}}, []testBatch{placed(1, 6, 5, "bad"), placed(1, 7, 6, "7")},
			[]string{"snapshot map[1:5]", "a=bad", "snapshot map[1:6]", "a=7"}},
		{"the snapshot is too old", []map[uint64]uint64{{1: 5}, {1: 6}, {1: 8}}, []testBatch{placed(1, 8, 7, "8"), placed(1, 9, 8, "9")},
			[]string{"snapshot map[1:5]", "snapshot map[1:8]", "a=9"}},
		{"the call fails", []map[uint64]uint64{nil, nil, {1: 5}}, []testBatch{placed(1, 6, 5, "6")},
			[]string{"as asked", "as asked", "snapshot map[1:5]", "a=6"}},
		{"unnumbered", []map[uint64]uint64{{1: 5}}, []testBatch{message("a", "1"), placed(1, 6, 5, "6")},
			[]string{"snapshot map[1:5]", "unnumbered a", "a=6"}},
		{"unknown publisher", []map[uint64]uint64{none}, []testBatch{placed(2, 1, 0, "1"), placed(2, 2, 1, "2")},
			[]string{"snapshot map[]", "snapshot map[]", "snapshot map[]", "snapshot map[]", "snapshot map[]", "snapshot map[]", "unknown publisher 2"}},
		{"known in the end", []map[uint64]uint64{none, none, {2: 1}}, []testBatch{placed(2, 1, 0, "1"), placed(2, 2, 1, "2")},
			[]string{"snapshot map[]", "snapshot map[]", "snapshot map[2:1]", "a=2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, socket := newTestHub()
				socket.peers = 1
				s := openTest(t, h, roomy, "a")
				conn := new(testConn)
				for _, m := range tt.messages {
					h.Receive(conn, m)
				}
				state := &scriptedState{snapshots: tt.snapshots, stopAt: 100}
				s.Close() // what waits is followed to its end
				s.Follow(t.Context(), state)
				if !slices.Equal(state.log, tt.want) {
					t.Errorf("got  %q\nwant %q", state.log, tt.want)
				}
			})
		})
	}
}

// A new connection is followed by a snapshot, and so is the first one, before
// which none is asked for.
func TestFollowConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, socket := newTestHub()
		s := openTest(t, h, roomy, "a")
		state := &scriptedState{snapshots: []map[uint64]uint64{{1: 5}}, stopAt: 4}
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Follow(t.Context(), state)
		}()
		synctest.Wait()
		if len(state.log) != 0 {
			t.Errorf("got %q before there is a connection", state.log)
		}
		socket.peers = 1
		h.PeerJoined()
		first := new(testConn)
		h.Receive(first, placed(1, 6, 5, "6"))
		synctest.Wait()
		state.snapshots = []map[uint64]uint64{{1: 6}}
		first.err = errors.New("gone")
		h.PeerJoined()
		h.Receive(new(testConn), placed(1, 7, 6, "7"))
		<-done
		if want := []string{"snapshot map[1:5]", "a=6", "snapshot map[1:6]", "a=7"}; !slices.Equal(state.log, want) {
			t.Errorf("got %q, want %q", state.log, want)
		}
	})
}

// A publisher whose connection is closed is not waited for.
func TestFollowGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, socket := newTestHub()
		socket.peers = 1
		s := openTest(t, h, roomy, "a")
		h.Receive(&testConn{fakeConn: fakeConn{err: errors.New("gone")}}, placed(2, 1, 0, "1"))
		state := &scriptedState{snapshots: []map[uint64]uint64{{}}, stopAt: 100}
		s.Close()
		s.Follow(t.Context(), state)
		if want := []string{"snapshot map[]", "snapshot map[]"}; !slices.Equal(state.log, want) {
			t.Errorf("got %q, want %q", state.log, want)
		}
	})
}

package socket

import (
	"fmt"

	"github.com/gozmq/gozmq/runtime/internal/link"
)

// Bounds on the memory of the subscriptions of all peers together, in bytes.
const (
	maxShared        = 512 << 20
	subscriptionCost = 200 // in addition to the prefix
)

// A subscriptionShare counts the memory of the subscriptions of all peers of a Pub.
// The Pub's lock guards it.
type subscriptionShare struct {
	most  int // 0: maxShared
	bytes int
	of    map[*link.Conn]int
}

// add counts a subscription of c. When all together take too much, add returns the
// peer that takes the most, which the caller must close with the error.
func (s *subscriptionShare) add(c *link.Conn, prefix []byte) (*link.Conn, error) {
	if s.of == nil {
		s.of = make(map[*link.Conn]int)
	}
	n := subscriptionCost + len(prefix)
	s.bytes += n
	s.of[c] += n
	most := s.most
	if most == 0 {
		most = maxShared
	}
	if s.bytes <= most {
		return nil, nil
	}
	largest := c
	for other, n := range s.of {
		if n > s.of[largest] {
			largest = other
		}
	}
	err := fmt.Errorf("the subscriptions of all peers take %d bytes, at most %d are allowed, and this peer's take the most: %d", s.bytes, most, s.of[largest])
	s.remove(largest)
	return largest, err
}

// cancel subtracts a subscription of c from the count.
func (s *subscriptionShare) cancel(c *link.Conn, prefix []byte) {
	if s.of[c] > 0 { // it was not removed
		s.of[c] -= subscriptionCost + len(prefix)
		s.bytes -= subscriptionCost + len(prefix)
	}
}

// remove subtracts all subscriptions of c from the count.
func (s *subscriptionShare) remove(c *link.Conn) {
	s.bytes -= s.of[c]
	delete(s.of, c)
}

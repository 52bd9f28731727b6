package status

import "sync/atomic"

// maxCode is the largest code that has a name.
const maxCode = 16

// Outcomes count how operations end, by code. The methods may be called from any
// goroutine. The zero value has counted nothing.
type Outcomes struct{ counts [maxCode + 1]atomic.Uint64 }

// Count counts an operation that has ended with a code, 0 for success. A code
// without a name, which only a peer can send, counts as Unknown.
func (o *Outcomes) Count(c Code) {
	if c < 0 || c > maxCode {
		c = Unknown
	}
	o.counts[c].Add(1)
}

// Each calls f with each code that was counted, in order, and its count.
func (o *Outcomes) Each(f func(c Code, n uint64)) {
	for c := range o.counts {
		if n := o.counts[c].Load(); n > 0 {
			f(Code(c), n)
		}
	}
}

package pipeline

import "github.com/gozmq/gozmq/runtime/internal/lru"

// doneResults is the results of tasks that were done at a Consumer, for
// ventilators that keep them: when such a task comes again, because its end was
// lost, its result goes with its end once more. Beyond the bounds it forgets the
// oldest: then the end goes alone. The consumer's lock guards it.
type doneResults struct{ kept *lru.Cache[[]byte] }

// maxDoneResultBytes is how many bytes of results a Consumer remembers, of as many
// tasks as consumerMemory says.
const maxDoneResultBytes = 4 << 20

func newDoneResults() doneResults {
	return doneResults{lru.New[[]byte](lru.Bounds{Count: consumerMemory, Bytes: maxDoneResultBytes})}
}

// get returns the result of a task, nil for none.
func (r doneResults) get(id []byte) []byte {
	if e := r.kept.Get(id); e != nil {
		return e.Value
	}
	return nil
}

// add remembers the result of a task, in place of the one that it may have already;
// nil for none.
func (r doneResults) add(id string, result []byte) {
	if result == nil {
		return
	}
	e := r.kept.Get([]byte(id))
	if e == nil {
		e = r.kept.Add(id, nil, 0)
	}
	e.Value = result
	r.kept.Resize(e, len(result))
	r.kept.Evict(func(*lru.Entry[[]byte]) {})
	if r.kept.Bytes() > maxDoneResultBytes { // the cache leaves the last one
		r.kept.Remove(e)
	}
}

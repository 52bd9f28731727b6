package pipeline

// doneResults is the results of tasks that were done at a Consumer, for
// ventilators that keep them: when such a task comes again, because its end was
// lost, its result goes with its end once more. Beyond the bounds it forgets the
// oldest: then the end goes alone. Its zero value is empty; the consumer's lock
// guards it.
type doneResults struct {
	byID  map[string][]byte
	order []string // ids, oldest first
	bytes int
}

// maxDoneResultBytes is how many bytes of results a Consumer remembers, of as many
// tasks as consumerMemory says.
const maxDoneResultBytes = 4 << 20

// add remembers the result of a task, if it does not have it yet; nil for none.
func (r *doneResults) add(id string, result []byte) {
	if result == nil || r.byID[id] != nil {
		return
	}
	if r.byID == nil {
		r.byID = make(map[string][]byte)
	}
	r.byID[id] = result
	r.order = append(r.order, id)
	r.bytes += len(result)
	for len(r.order) > consumerMemory || r.bytes > maxDoneResultBytes {
		oldest := r.order[0]
		r.order[0], r.order = "", r.order[1:]
		r.bytes -= len(r.byID[oldest])
		delete(r.byID, oldest)
	}
}

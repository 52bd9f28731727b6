package taskqueue

import "encoding/binary"

// An index finds the tasks that are not finished by their ids. An id that it has
// given out says where its task is, so that no map is needed for that.
type index struct {
	places []place
	free   []uint32     // places that may be given out
	others map[ID]*Task // with ids that came from elsewhere
	count  int
}

// A place is where the task is of an id that NewID has given out.
type place struct {
	tag  uint64 // of the id; 0: the place is free
	task *Task  // nil: it was not added yet
}

const (
	// RandomBytes is how many bytes of an id of NewID nobody can guess. The bytes
	// before them name the place.
	RandomBytes = 12
	placeBytes  = 4
)

// NewID returns an id that no other task of the queue has, with random bytes of the
// caller's. A task with that id must be added, or DropID be called.
func (q *Queue) NewID(random [RandomBytes]byte) ID {
	x := &q.tasks
	var i uint32
	if n := len(x.free); n > 0 {
		i = x.free[n-1]
		x.free = x.free[:n-1]
	} else {
		i = uint32(len(x.places))
		x.places = append(x.places, place{})
	}
	x.places[i].tag = max(binary.BigEndian.Uint64(random[:]), 1)
	var id [placeBytes + RandomBytes]byte
	binary.BigEndian.PutUint32(id[:], i)
	copy(id[placeBytes:], random[:])
	return ID(id[:])
}

// DropID takes back an id of NewID to which no task was added.
func (q *Queue) DropID(id ID) {
	if p := q.tasks.place(id); p != nil && p.task == nil {
		q.tasks.clear(id, p)
	}
}

// place returns the place that was given out with an id; nil: none was.
func (x *index) place(id ID) *place {
	if len(id) != placeBytes+RandomBytes {
		return nil
	}
	i := placeOf(id)
	if uint64(i) >= uint64(len(x.places)) || x.places[i].tag != tagOf(id) {
		return nil
	}
	return &x.places[i]
}

// clear frees the place of an id.
func (x *index) clear(id ID, p *place) {
	*p = place{}
	x.free = append(x.free, placeOf(id))
}

// placeOf and tagOf return what an id of NewID says of its place.
func placeOf(id ID) uint32 {
	return uint32(id[0])<<24 | uint32(id[1])<<16 | uint32(id[2])<<8 | uint32(id[3])
}

func tagOf(id ID) uint64 {
	b := id[placeBytes : placeBytes+8]
	tag := uint64(b[0])<<56 | uint64(b[1])<<48 | uint64(b[2])<<40 | uint64(b[3])<<32 |
		uint64(b[4])<<24 | uint64(b[5])<<16 | uint64(b[6])<<8 | uint64(b[7])
	return max(tag, 1)
}

// get returns the task with an id, nil if there is none.
func (x *index) get(id ID) *Task {
	if p := x.place(id); p != nil && p.task != nil && p.task.ID == id {
		return p.task
	}
	return x.others[id]
}

// add adds a task, whose id is new.
func (x *index) add(t *Task) {
	x.count++
	if p := x.place(t.ID); p != nil && p.task == nil {
		p.task = t
		return
	}
	if x.others == nil {
		x.others = make(map[ID]*Task)
	}
	x.others[t.ID] = t
}

// remove removes a task that was added.
func (x *index) remove(t *Task) {
	x.count--
	if p := x.place(t.ID); p != nil && p.task == t {
		x.clear(t.ID, p)
		return
	}
	delete(x.others, t.ID)
}

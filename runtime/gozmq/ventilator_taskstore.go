package gozmq

// A TaskStore keeps the tasks of a ventilator that have not been done, so that
// its own end loses none. One ventilator uses a store at a time; it makes one
// call after the other. Package gozmqbolt, a module of its own, has one that is
// a file.
type TaskStore interface {
	// Load calls visit with each task, in the order in which they were put, and
	// ends with the first error that visit returns. It is called once, before
	// Apply.
	Load(visit func(StoredTask) error) error
	// Apply makes a change durable, all of it or nothing. What it is given is
	// the caller's when it returns.
	Apply(change *StoreChange) error
}

// A StoredTask is what a store keeps of a task.
type StoredTask struct {
	ID       string // unique; not printable
	Method   string
	Body     []byte
	Header   []byte
	Attempts int // how often it was handed out
}

// A StoreChange is a group of changes. A task may be in several of its parts:
// it is put before its attempts change, and deleted last. Attempts and Delete
// of a task that is not there have no effect.
type StoreChange struct {
	// Put has tasks that are new, in order.
	Put []StoredTask
	// Attempts has new numbers of attempts by id.
	Attempts map[string]int
	// Delete has the ids of tasks that were done or given up.
	Delete []string
}

func (c *StoreChange) empty() bool {
	return len(c.Put) == 0 && len(c.Attempts) == 0 && len(c.Delete) == 0
}

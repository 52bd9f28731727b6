package pipeline

// A Store keeps the tasks of a Dispatcher until they are finished. The
// Dispatcher makes one call at a time.
type Store interface {
	// Claim takes the store for one Dispatcher. It returns false while another
	// one has it.
	Claim() bool
	// Release ends a Claim, after the last call of Load or Apply has returned.
	Release()
	// Load calls visit with each task, in the order of Put, and ends with the
	// first error that visit returns. It is called once after Claim, before Apply.
	Load(visit func(StoredTask) error) error
	// Apply makes a change durable, all of it or nothing. The change belongs to
	// the caller again when Apply returns.
	Apply(*StoreChange) error
}

// A StoredTask is what a store keeps of a task, or of a batch (batchRecord).
type StoredTask struct {
	ID        string // unique; not printable
	Procedure string
	Body      []byte
	Header    []byte
	Attempts  int   // how often it was handed out
	Err       error // from Load: why it cannot be read; nil otherwise
}

// A StoreChange is a group of changes. A task that is in several parts is put
// before its attempts change, and deleted last.
type StoreChange struct {
	Put      []StoredTask   // new tasks, in order
	Attempts map[string]int // by id
	Delete   []string       // ids of tasks that are finished
}

func (c *StoreChange) empty() bool {
	return len(c.Put) == 0 && len(c.Attempts) == 0 && len(c.Delete) == 0
}

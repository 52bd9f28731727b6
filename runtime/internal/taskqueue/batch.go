package taskqueue

// A Batch counts the tasks that belong together.
type Batch struct {
	ID    []byte
	Name  string
	Ended bool // no more tasks will come

	Tasks    uint64
	Finished uint64 // done or given up
	Failed   uint64 // given up
	Failures []Failure
}

// A Failure is a task of a batch that was given up.
type Failure struct {
	ID        ID
	Procedure string
	Attempts  int
	Reason    error
}

// maxFailures is how many failures a batch lists; further ones are counted.
const maxFailures = 100

// Complete reports whether all tasks are done or given up and no more will
// come.
func (b *Batch) Complete() bool { return b.Ended && b.Finished == b.Tasks }

func (b *Batch) finish(t *Task, dead bool) {
	b.Finished++
	if !dead {
		return
	}
	b.Failed++
	if len(b.Failures) < maxFailures {
		b.Failures = append(b.Failures, Failure{t.ID, t.Procedure, t.Attempts, t.Reason})
	}
}

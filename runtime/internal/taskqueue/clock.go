package taskqueue

import "container/heap"

// clock is the tasks for which something happens at a time, earliest first.
type clock []*Task

func (c clock) Len() int           { return len(c) }
func (c clock) Less(i, j int) bool { return c[i].when.Before(c[j].when) }

func (c clock) Swap(i, j int) {
	c[i], c[j] = c[j], c[i]
	c[i].place, c[j].place = i, j
}

// Push adds a task (heap.Interface).
func (c *clock) Push(x any) {
	t := x.(*Task)
	t.place = len(*c)
	*c = append(*c, t)
}

// Pop removes the last task (heap.Interface).
func (c *clock) Pop() any {
	old := *c
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*c = old[:len(old)-1]
	t.place = -1
	return t
}

// set puts t where its time belongs; a zero time takes it out.
func (c *clock) set(t *Task) {
	switch {
	case t.when.IsZero():
		if t.place >= 0 {
			heap.Remove(c, t.place)
		}
	case t.place >= 0:
		heap.Fix(c, t.place)
	default:
		heap.Push(c, t)
	}
}

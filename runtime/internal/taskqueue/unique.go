package taskqueue

import "time"

// A uniqueKey is a key that one task has, or had.
type uniqueKey struct {
	key   string
	id    ID
	until time.Time // when it is free although nobody releases it; zero: never

	inStale int // its place there, plus 1
}

// Less reports whether u is free earlier (heap.Ordered).
func (u *uniqueKey) Less(other *uniqueKey) bool { return u.until.Before(other.until) }

// Slot returns the place of u in Queue.stale (heap.Ordered).
func (u *uniqueKey) Slot() *int { return &u.inStale }

// Unique returns which task has a unique key, or had it and keeps it until its
// time; ok is false if none does.
func (q *Queue) Unique(key string, now time.Time) (id ID, ok bool) {
	q.freeKeys(now)
	if u := q.unique[key]; u != nil {
		return u.id, true
	}
	return "", false
}

// UniqueKeys returns how many keys are taken.
func (q *Queue) UniqueKeys() int { return len(q.unique) }

// Freed returns the tasks whose unique key has become free since the last call,
// because its time was over. Some are still in the queue.
func (q *Queue) Freed() []ID {
	list := q.freed
	q.freed = nil
	return list
}

// freeKeys frees the keys whose time is over.
func (q *Queue) freeKeys(now time.Time) {
	for len(q.stale) > 0 && !q.stale[0].until.After(now) {
		u := q.stale[0]
		q.stale.Set(u, false)
		if q.unique[u.key] == u {
			delete(q.unique, u.key)
			q.freed = append(q.freed, u.id)
		}
	}
}

// Keep assigns a unique key to a task that is not in the queue, because it is being
// stored or was done, until that time; zero: until Free, or until the task was
// added and is over.
func (q *Queue) Keep(key string, id ID, until time.Time) {
	u := &uniqueKey{key: key, id: id, until: until}
	if q.unique == nil {
		q.unique = make(map[string]*uniqueKey)
	}
	q.unique[key] = u
	q.stale.Set(u, !until.IsZero())
}

// Free releases the unique key of the task with that id.
func (q *Queue) Free(key string, id ID) {
	if u := q.unique[key]; u != nil && u.id == id {
		delete(q.unique, key)
	}
}

// claimKey assigns t its unique key until the time in its terms, unless t already
// has it.
func (q *Queue) claimKey(t *Task) {
	if t.Terms == nil || t.Terms.UniqueKey == "" {
		return
	}
	u := q.unique[t.Terms.UniqueKey]
	if u == nil || u.id != t.ID || !u.until.Equal(t.Terms.UniqueUntil) {
		q.Keep(t.Terms.UniqueKey, t.ID, t.Terms.UniqueUntil)
	}
}

// releaseKey takes its unique key from t, which is over, unless it keeps it until a
// time.
func (q *Queue) releaseKey(t *Task) {
	if t.Terms != nil && t.Terms.UniqueKey != "" && t.Terms.UniqueUntil.IsZero() {
		q.Free(t.Terms.UniqueKey, t.ID)
	}
}

package taskqueue

import (
	"fmt"
	"testing"
	"time"
)

// begin hands out everything that can be handed out to one peer, which begins
// the first n of it.
func begin(t *testing.T, q *Queue, p *Peer, now time.Time, n int, says bool) (got []*Task) {
	t.Helper()
	for task, to := q.Next(now); task != nil; task, to = q.Next(now) {
		if to != p {
			t.Fatalf("task %s went to another peer", task.ID)
		}
		got = append(got, task)
	}
	for _, task := range got[:min(n, len(got))] {
		if says {
			if err := q.Extend(p, task.ID, task.Attempts, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	return got
}

// One task of 30 ends every worker that begins it: it alone is given up, whether
// or not workers say what they have begun.
func TestPoison(t *testing.T) {
	for _, says := range []bool{true, false} {
		for _, concurrency := range []int{1, 4} {
			t.Run(fmt.Sprintf("says %v, %d at once", says, concurrency), func(t *testing.T) {
				q := NewQueue(roomy)
				for i := range 30 {
					q.Add(&Task{ID: ID(fmt.Sprint(i)), MaxAttempts: 3, Lease: time.Hour})
				}
				var dead []*Task
				now, p := start, join(q, 10)
				for rounds := 0; q.Len() > 0; rounds++ {
					if rounds > 200 {
						t.Fatalf("%+v after %d rounds", q.Counts(), rounds)
					}
					got := begin(t, q, p, now, concurrency, says)
					crash := false
					for _, task := range got[:min(concurrency, len(got))] {
						crash = crash || task.ID == "7"
					}
					if crash {
						dead = append(dead, q.Leave(p, now)...)
						p = join(q, 10)
						continue
					}
					if len(got) == 0 {
						now = now.Add(time.Second)
						q.Expire(now)
					}
					for _, task := range got[:min(concurrency, len(got))] {
						if _, err := q.Done(p, task.ID); err != nil {
							t.Fatal(err)
						}
					}
					for _, task := range got[min(concurrency, len(got)):] {
						if err := q.Return(p, task.ID, now); err != nil {
							t.Fatal(err)
						}
					}
				}
				if len(dead) != 1 || dead[0].ID != "7" || dead[0].Attempts != 3 || q.Counts().Done != 29 {
					t.Errorf("dead: %+v, %+v", dead, q.Counts())
				}
			})
		}
	}
}

// A task that its worker still runs is not lost, however often the connection
// is, and whoever takes the task meanwhile.
func TestClaim(t *testing.T) {
	q := queueOf(roomy)
	q.Add(&Task{ID: "1", MaxAttempts: 2, Lease: time.Hour})
	now := start
	p := join(q, 1)
	wantNext(t, q, now, "1", p)
	for i := range 10 {
		if err := q.Extend(p, "1", 1, now); err != nil {
			t.Fatal(err)
		}
		if dead := q.Leave(p, now); len(dead) > 0 {
			t.Fatalf("it was given up after %d losses", i+1)
		}
		p = join(q, 1)
		if i%2 == 0 { // it comes again before the worker could claim it
			now = now.Add(10 * time.Second)
			q.Expire(now)
			wantNext(t, q, now, "1", p)
		}
	}
	if err := q.Extend(p, "1", 1, now); err != nil {
		t.Fatal(err)
	}
	if task, err := q.Done(p, "1"); err != nil || task == nil || task.Attempts != 1 {
		t.Errorf("%+v, %v", task, err)
	}
	if err := q.Extend(p, "none", 1, now); err != nil {
		t.Errorf("a task that is over: %v", err)
	}
}

// A worker whose new connection is there before the end of the old one is known
// keeps its task, as often as that happens; so it does when the lease ends at the
// old one. A claimant that reports the end, or is lost as well, has no claim.
func TestClaimBeforeTheLoss(t *testing.T) {
	q := queueOf(roomy)
	q.Add(&Task{ID: "1", MaxAttempts: 2, Lease: time.Hour})
	now := start
	p := join(q, 1)
	wantNext(t, q, now, "1", p)
	held := Counts{InFlight: 1}
	claim := func(p *Peer) {
		t.Helper()
		if err := q.Extend(p, "1", 1, now); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		next := join(q, 1)
		claim(next)
		if i%2 == 0 {
			if dead := q.Leave(p, now); len(dead) > 0 {
				t.Fatalf("it was given up after %d losses", i+1)
			}
		} else {
			now = now.Add(time.Hour)
			if e := q.Expire(now); len(e) != 1 || e[0].Peer != p || e[0].Dead {
				t.Fatalf("expired: %+v", e)
			}
			q.Leave(p, now)
		}
		if p = next; q.Counts() != held || q.Get("1").Attempts != 1 {
			t.Fatalf("loss %d: %+v, attempt %d", i+1, q.Counts(), q.Get("1").Attempts)
		}
		claim(p) // the lease goes on, and the claim is used up
	}
	for _, end := range []func(claimant *Peer){
		func(claimant *Peer) { q.Leave(claimant, now) },
		func(claimant *Peer) { _, _ = q.Fail(claimant, "1", errFailed, true, now) },
	} {
		claimant := join(q, 1)
		claim(claimant)
		end(claimant)
		q.Leave(p, now)
		if c := q.Counts(); c.InFlight != 0 || c.Queued != 1 {
			t.Fatalf("without a claimant: %+v", c)
		}
		p = join(q, 1)
		claim(p)
	}
	if task, err := q.Done(p, "1"); err != nil || task == nil || task.Attempts != 1 {
		t.Errorf("%+v, %v", task, err)
	}
}

// A task that was handled has not ended its worker: it goes on at once when the
// worker is lost, and one that was a suspect is none any more.
func TestHandledIsNoSuspect(t *testing.T) {
	q := queueOf(roomy, "1", "2", "3")
	p := join(q, 1)
	wantNext(t, q, start, "1", p)
	if err := q.Extend(p, "1", 1, start); err != nil {
		t.Fatal(err)
	}
	q.Handled(p, "1")
	q.Handled(p, "2") // which it does not have
	q.Leave(p, start)
	p = join(q, 3)
	for _, id := range []ID{"1", "2", "3"} { // no suspect, beside which it gets nothing
		wantNext(t, q, start, id, p)
		if err := q.Extend(p, id, 0, start); err != nil {
			t.Fatal(err)
		}
	}
	if n := q.Get("1").Attempts; n != 2 {
		t.Errorf("attempt %d, want 2", n)
	}
	q.Leave(p, start) // and now all are suspects
	now := start.Add(time.Hour)
	q.Expire(now)
	p = join(q, 3)
	first, _ := q.Next(now)
	if again, _ := q.Next(now); first == nil || again != nil {
		t.Fatalf("got %v and %v, want one suspect", first, again)
	}
	q.Handled(p, first.ID)
	if next, _ := q.Next(now); next != nil {
		t.Errorf("the next suspect %v went to a worker that has a task", next.ID)
	}
	if _, err := q.Done(p, first.ID); err != nil {
		t.Error(err)
	}
	if next, _ := q.Next(now); next == nil {
		t.Error("no further suspect was handed out")
	}
}

// What was begun waits after its worker is lost, and what was not goes on at
// once.
func TestPauseAfterLoss(t *testing.T) {
	q := queueOf(roomy, "1", "2", "3")
	p := join(q, 3)
	begin(t, q, p, start, 1, true)
	q.Leave(p, start)
	other := join(q, 3)
	wantNext(t, q, start, "2", other)
	wantNext(t, q, start, "3", other)
	wantNext(t, q, start, "", nil)
	now := start.Add(time.Second)
	q.Expire(now)
	wantNext(t, q, now, "", nil) // other is not free
	for _, id := range []ID{"2", "3"} {
		if _, err := q.Done(other, id); err != nil {
			t.Fatal(err)
		}
	}
	wantNext(t, q, now, "1", other)
}

// A busy queue lets a worker run dry for a suspect, and the others go on.
func TestSuspectIsNotStarved(t *testing.T) {
	q := queueOf(Limits{Tasks: 1000, Bytes: 1 << 20}, "bad")
	lost := join(q, 1)
	wantNext(t, q, start, "bad", lost)
	for i := range 100 {
		q.Add(&Task{ID: ID(fmt.Sprint(i)), Lease: time.Minute})
	}
	a, b := join(q, 2), join(q, 2)
	held := map[*Peer][]ID{}
	hand := func() (suspect bool) {
		for task, p := q.Next(start); task != nil; task, p = q.Next(start) {
			held[p] = append(held[p], task.ID)
			suspect = suspect || task.ID == "bad"
		}
		return suspect
	}
	hand()
	q.Leave(lost, start)
	for range 10 {
		for _, p := range []*Peer{a, b} {
			if len(held[p]) == 0 {
				continue
			}
			if _, err := q.Done(p, held[p][0]); err != nil {
				t.Fatal(err)
			}
			held[p] = held[p][1:]
			if hand() {
				return
			}
		}
	}
	t.Error("the suspect waits for ever")
}

// Whatever a worker extends, another one gets its task in the end.
func TestLongestHold(t *testing.T) {
	limits := roomy
	limits.MaxHold = 10 * time.Minute
	q := queueOf(limits, "1")
	hog := join(q, 1)
	wantNext(t, q, start, "1", hog)
	now := start
	for now.Before(start.Add(limits.MaxHold)) {
		if expired := q.Expire(now); len(expired) > 0 {
			t.Fatalf("it was taken after %v", now.Sub(start))
		}
		if err := q.Extend(hog, "1", 1, now); err != nil {
			t.Fatal(err)
		}
		now = now.Add(30 * time.Second)
	}
	if expired := q.Expire(now); len(expired) != 1 {
		t.Error("it was not taken")
	}
	other := join(q, 1)
	wantNext(t, q, now, "1", other)
}

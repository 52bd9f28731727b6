package measure

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Every task is counted once, however often and in whatever order workers get it.
func TestTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tasks := NewTasks()
		twice := func(list [][]byte) error {
			for _, task := range list {
				go func() {
					for range 2 {
						if err := tasks.Got(task); err != nil {
							t.Error(err)
						}
					}
				}()
			}
			time.Sleep(time.Millisecond)
			return nil
		}
		s, err := tasks.Rate(4, 3, 20*time.Millisecond, twice)
		if err != nil {
			t.Fatal(err)
		}
		if made := tasks.made.Load(); s.Rate <= 0 || tasks.Done() != made || made%3 != 0 {
			t.Errorf("%v tasks/s, %d done of %d", s.Rate, tasks.Done(), made)
		}
	})
}

// A task's time begins when it was due, though its producer was late.
func TestPacedTasks(t *testing.T) {
	const stall = 50 * time.Millisecond
	tasks := NewTasks()
	slow := func(list [][]byte) error {
		time.Sleep(stall)
		return tasks.Got(list[0])
	}
	s, err := tasks.Paced(1, 100, 100*time.Millisecond, slow)
	if err != nil {
		t.Fatal(err)
	}
	if tasks.Done() != 10 || s.P50 < 2*stall || s.P99 < 4*stall {
		t.Errorf("%d tasks, p50 %v, p99 %v", tasks.Done(), s.P50, s.P99)
	}
}

// The error of an insert ends a round.
func TestTasksFailedInsert(t *testing.T) {
	want := errors.New("no")
	if _, err := NewTasks().Rate(2, 1, time.Second, func([][]byte) error { return want }); !errors.Is(err, want) {
		t.Error(err)
	}
	if err := NewTasks().Got(nil); err == nil {
		t.Error("a task of no bytes is one")
	}
}

package gozmqpostgres

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/gozmq/gozmq/runtime/gozmqstore"
)

// A task with any field that plainArrays do not have is not plain.
func TestPlain(t *testing.T) {
	columns := []string{"ID", "Procedure", "MaxAttempts", "Lease", "Enqueued", "Header", "Body", "Err"} // Err is only read
	for _, f := range reflect.VisibleFields(reflect.TypeFor[gozmqstore.Task]()) {
		if f.Anonymous {
			continue
		}
		var task gozmqstore.Task
		switch v := reflect.ValueOf(&task).Elem().FieldByIndex(f.Index); {
		case f.Type == reflect.TypeFor[time.Time]():
			v.Set(reflect.ValueOf(time.Now()))
		case v.CanInt():
			v.SetInt(1)
		case v.CanUint():
			v.SetUint(1)
		case f.Type.Kind() == reflect.String:
			v.SetString("a")
		case f.Type.Kind() == reflect.Slice:
			v.SetBytes([]byte("a"))
		}
		if want := slices.Contains(columns, f.Name); plain(&task) != want {
			t.Errorf("with %s, plain is %v, want %v", f.Name, !want, want)
		}
	}
}

func TestDurationOf(t *testing.T) {
	const day = 24 * time.Hour
	for interval, want := range map[pgtype.Interval]time.Duration{
		{Microseconds: 1_500_000, Valid: true}:             1500 * time.Millisecond,
		{Microseconds: 1, Days: 2, Months: 1, Valid: true}: 32*day + time.Microsecond,
	} {
		if got := durationOf(interval); got != want {
			t.Errorf("%+v is %v, want %v", interval, got, want)
		}
	}
}

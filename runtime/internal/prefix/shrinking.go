package prefix

import "maps"

// keep is the size up to which slices and maps keep their memory.
const keep = 16

// cut drops the last element of s, and frees memory when most of it is unused.
func cut[T any](s []T) []T {
	last := len(s) - 1
	clear(s[last:])
	s = s[:last]
	if last == 0 {
		return nil
	}
	if cap(s) > keep && last < cap(s)/4 {
		return append(make([]T, 0, 2*last), s...)
	}
	return s
}

// A shrinking map frees memory as elements are removed, which Go's maps do not.
// The zero value is empty and ready.
type shrinking[K comparable, V any] struct {
	m    map[K]V
	peak int // most elements since the map was made
}

func (s *shrinking[K, V]) len() int { return len(s.m) }

func (s *shrinking[K, V]) get(k K) (V, bool) {
	v, ok := s.m[k]
	return v, ok
}

func (s *shrinking[K, V]) put(k K, v V) {
	if s.m == nil {
		s.m = make(map[K]V, 1)
	}
	s.m[k] = v
	s.peak = max(s.peak, len(s.m))
}

func (s *shrinking[K, V]) remove(k K) {
	delete(s.m, k)
	switch n := len(s.m); {
	case n == 0:
		*s = shrinking[K, V]{}
	case s.peak > keep && n < s.peak/4:
		m := make(map[K]V, n)
		maps.Copy(m, s.m)
		s.m, s.peak = m, n
	}
}

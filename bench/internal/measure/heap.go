package measure

import "runtime"

// Heap returns how many bytes are reachable. A pool holds what it has for two
// collections.
func Heap() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

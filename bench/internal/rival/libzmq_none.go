//go:build !libzmq

package rival

const libzmqName = "libzmq (cgo)"

func libzmq() []Rival {
	return []Rival{{Name: libzmqName, Missing: "libzmq not installed"}}
}

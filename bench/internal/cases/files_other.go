//go:build !unix

package cases

func maxFiles() int { return 0 }

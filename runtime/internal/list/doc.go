// Package list has doubly linked lists whose elements are fields of the values that
// they hold, so that adding and removing a value allocates nothing.
package list

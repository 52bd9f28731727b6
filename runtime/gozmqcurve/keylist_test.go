package gozmqcurve

import (
	"testing"

	"github.com/gozmq/gozmq/runtime/gozmq"
)

func TestKeyList(t *testing.T) {
	ada, bob := newKey(t).Public(), newKey(t).Public()
	list := new(KeyList)
	ask := func(k gozmq.PublicKey) string {
		id, err := list.Authenticate(t.Context(), &gozmq.AuthRequest{Mechanism: gozmq.MechanismCurve, PublicKey: k})
		if err != nil {
			return err.Error()
		}
		return id.Name
	}
	if got := ask(ada); got != errUnknownKey.Error() {
		t.Errorf("an empty list says %q", got)
	}
	list.Replace(map[gozmq.PublicKey]gozmq.AuthIdentity{ada: {Name: "ada"}})
	if ask(ada) != "ada" || ask(bob) != errUnknownKey.Error() {
		t.Error("the list is not what it was made of")
	}
	list.Replace(map[gozmq.PublicKey]gozmq.AuthIdentity{bob: {Name: "bob"}})
	if ask(bob) != "bob" || ask(ada) != errUnknownKey.Error() {
		t.Error("the list is not what replaced it")
	}
	if _, err := list.Authenticate(t.Context(), &gozmq.AuthRequest{Mechanism: gozmq.MechanismPlain}); err == nil {
		t.Error("PLAIN gets in without a key")
	}
}

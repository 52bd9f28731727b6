package goldens

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
	"github.com/gozmq/gozmq/testdata/golden/foreign"
	"github.com/gozmq/gozmq/testdata/golden/foreign/foreigngozmq"
	"github.com/gozmq/gozmq/testdata/golden/pubsub"
)

// A program that has the annotations, and another option of their number,
// starts, and reads that option. This program has both.
func TestForeignOption(t *testing.T) {
	service := foreign.File_foreign_foreign_proto.Services().ByName("Rooms")
	if got := proto.GetExtension(service.Options(), foreign.E_Level); got != int32(3) {
		t.Errorf("the service's level is %v", got)
	}
	if got := proto.GetExtension(service.Methods().ByName("Enter").Options(), foreign.E_Options_Inner_Role); got != "guest" {
		t.Errorf("the method's role is %v", got)
	}
	room := (*foreign.Room)(nil).ProtoReflect().Descriptor()
	if got, _ := proto.GetExtension(room.Options(), foreign.E_Tags).([]string); !slices.Equal(got, []string{"quiet"}) {
		t.Errorf("the message's tags are %v", got)
	}
	if got := foreigngozmq.RoomsName; got != "golden.foreign.Rooms" {
		t.Errorf("the service is %q", got)
	}
}

// Programs find the annotations' file behind those that import it.
func TestAnnotationsAreFound(t *testing.T) {
	imports := pubsub.File_pubsub_pubsub_proto.Imports()
	for i := range imports.Len() {
		if imports.Get(i).Path() == annotations.File_gozmq_v1_annotations_proto.Path() && !imports.Get(i).IsPlaceholder() {
			return
		}
	}
	t.Error("pubsub.proto does not have its import")
}

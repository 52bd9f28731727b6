package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jhump/protoreflect/v2/protoprint"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gozmq/gozmq/cmd/gozmq/internal/schema"
)

// describeCommand returns the verb describe.
func describeCommand(a *app) *cobra.Command {
	var output, image string
	c := &cobra.Command{
		Use:   "describe [ENDPOINT]... [NAME]...",
		Short: "Print services, methods and messages as .proto text or JSON",
		Long: `describe prints the definition of services, methods, messages and enums as .proto
text, and with it that of the messages which go in and come out of them. Without
a name it prints all services.

With --output json it prints the descriptors as JSON: one object with "name" and
"descriptor" in each line. --image-out writes the whole schema to a file, which
--image and buf read, so that it can be used when the system does not run.`,
		Example: `  gozmq describe tcp://127.0.0.1:5555
  gozmq describe tcp://127.0.0.1:5555 greet.v1.Greeter/SayHello
  gozmq describe --proto weather.proto weather.v1.Alert --output json
  gozmq describe --context prod --image-out prod.binpb`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, names, err := a.known(cmd, args)
			if err != nil {
				return err
			}
			if image != "" {
				return a.writeImage(s, image)
			}
			list, err := described(s, names)
			if err != nil {
				return err
			}
			if output == "json" {
				return describeJSON(a.out, s, list)
			}
			return describeText(a.out, list)
		},
	}
	a.endFlags(c)
	chooseOutput(c, &output)
	c.Flags().StringVar(&image, "image-out", "", "write the schema as a descriptor image to `FILE`, and print nothing")
	return c
}

// completeNames completes services and methods.
func (a *app) completeNames(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, args, toComplete, func(s *schema.Schema) (names []string) {
		for _, svc := range s.Services {
			names = append(names, svc.Name)
		}
		for _, m := range s.Methods {
			names = append(names, m.Procedure)
		}
		return names
	})
}

func (a *app) writeImage(s *schema.Schema, path string) error {
	set := s.FileSet()
	b, err := proto.Marshal(set)
	if err != nil {
		return err
	}
	if err := writeFile(path, b); err != nil {
		return err
	}
	a.say("%s has %s of %s", path, plural(len(set.GetFile()), "file"), s.Source)
	return nil
}

// described returns the declarations of these names, each followed by the messages
// that it needs, once.
func described(s *schema.Schema, names []string) (list []protoreflect.Descriptor, err error) {
	have := map[protoreflect.FullName]bool{}
	add := func(d protoreflect.Descriptor) {
		if !have[d.FullName()] {
			have[d.FullName()] = true
			list = append(list, d)
		}
	}
	if len(names) == 0 {
		for _, svc := range s.Services {
			if svc.Desc != nil {
				add(svc.Desc)
			}
		}
		for _, m := range s.Methods {
			if m.Service == nil {
				add(m.Input)
			}
		}
		return list, nil
	}
	for _, name := range names {
		d, err := find(s, name)
		if err != nil {
			return nil, err
		}
		add(d)
		for _, m := range needs(d) {
			add(m)
		}
	}
	return list, nil
}

// find returns what name names, in full or as methods are named.
func find(s *schema.Schema, name string) (protoreflect.Descriptor, error) {
	if d, err := s.Find(name); err == nil {
		return d, nil
	}
	if svc := s.Service(name); svc != nil && svc.Desc != nil {
		return svc.Desc, nil
	}
	if m, err := s.Method(name, 0); err == nil {
		return s.Find(m.Procedure)
	}
	if near := schema.Nearest(name, s.Names()); near != "" {
		return nil, wrongf("there is no %q in %s; did you mean %s?", name, s.Source, near)
	}
	return nil, wrongf("there is no %q in %s; gozmq list says what there is", name, s.Source)
}

// needs returns the messages and enums to which a declaration refers, directly or
// not, except protobuf's own.
func needs(d protoreflect.Descriptor) (list []protoreflect.Descriptor) {
	have := map[protoreflect.FullName]bool{}
	var visit func(d protoreflect.Descriptor)
	refer := func(d protoreflect.Descriptor) {
		if have[d.FullName()] || strings.HasPrefix(string(d.FullName()), "google.protobuf.") {
			return
		}
		have[d.FullName()] = true
		list = append(list, d)
		visit(d)
	}
	visit = func(d protoreflect.Descriptor) {
		switch d := d.(type) {
		case protoreflect.ServiceDescriptor:
			for i := range d.Methods().Len() {
				visit(d.Methods().Get(i))
			}
		case protoreflect.MethodDescriptor:
			refer(d.Input())
			refer(d.Output())
		case protoreflect.MessageDescriptor:
			for i := range d.Fields().Len() {
				f := d.Fields().Get(i)
				if f.IsMap() {
					f = f.MapValue()
				}
				if m := f.Message(); m != nil {
					refer(m)
				} else if e := f.Enum(); e != nil {
					refer(e)
				}
			}
		}
	}
	visit(d)
	return list
}

func describeText(w io.Writer, list []protoreflect.Descriptor) error {
	p := protoprint.Printer{Compact: true, OmitComments: protoprint.CommentsNonDoc}
	for i, d := range list {
		text, err := p.PrintProtoToString(d)
		if err != nil {
			return fmt.Errorf("print %s: %w", d.FullName(), err)
		}
		if i > 0 {
			fmt.Fprintln(w)
		}
		if _, err := fmt.Fprintf(w, "// %s\n%s\n", d.FullName(), strings.TrimSpace(text)); err != nil {
			return err
		}
	}
	return nil
}

// describeJSON prints each descriptor as a line.
func describeJSON(w io.Writer, s *schema.Schema, list []protoreflect.Descriptor) error {
	enc := json.NewEncoder(w)
	for _, d := range list {
		m := descriptorProto(d)
		if m == nil {
			continue
		}
		b, err := protojson.MarshalOptions{Resolver: s.Types}.Marshal(m)
		if err != nil {
			return err
		}
		if err := enc.Encode(map[string]any{"name": d.FullName(), "file": d.ParentFile().Path(), "descriptor": json.RawMessage(b)}); err != nil {
			return err
		}
	}
	return nil
}

func descriptorProto(d protoreflect.Descriptor) proto.Message {
	switch d := d.(type) {
	case protoreflect.ServiceDescriptor:
		return protodesc.ToServiceDescriptorProto(d)
	case protoreflect.MethodDescriptor:
		return protodesc.ToMethodDescriptorProto(d)
	case protoreflect.MessageDescriptor:
		return protodesc.ToDescriptorProto(d)
	case protoreflect.EnumDescriptor:
		return protodesc.ToEnumDescriptorProto(d)
	case protoreflect.FieldDescriptor:
		return protodesc.ToFieldDescriptorProto(d)
	}
	return nil
}

package plan

import (
	"google.golang.org/protobuf/compiler/protogen"

	"github.com/gozmq/gozmq/proto/gozmq/v1/annotations"
)

// service plans s, or returns nil when nothing must be printed for it.
func (p *planner) service(s *protogen.Service) *Service {
	if p.opts.SkipUnannotated && !annotated(s) {
		return nil
	}
	p.checkService(s)
	from := origin{s.Desc, s.Location, p.source.Generate}
	n := namer{p.scope, from, []string{p.scope.serviceBase(from, s.GoName)}}
	out := &Service{
		Doc:       p.doc(s.Comments, options[*serviceOpts](s.Desc)),
		FullName:  string(s.Desc.FullName()),
		NameConst: n.exported("", "Name"),
		Name:      string(s.Desc.Name()),
		File:      p.source.GoDescriptorIdent,
	}
	switch pattern(s) {
	case annotations.Pattern_PATTERN_PUB_SUB:
		out.PubSub = n.pubSub(bare(s))
		p.methods(s, out, n, out.PubSub.Unimplemented)
		nameSubscriptions(out.Methods)
		p.checkOverlaps(s, out)
	case annotations.Pattern_PATTERN_PUSH_PULL:
		out.PushPull = n.pushPull(hasOutputs(s))
		out.PushPull.AtLeastOnce = atLeastOnce(s)
		p.methods(s, out, n, out.PushPull.Unimplemented)
	default:
		out.ReqRep = n.reqRep()
		p.methods(s, out, n, out.ReqRep.Unimplemented)
	}
	return out
}

// pattern returns the pattern of s, REQ/REP if it is not set.
func pattern(s *protogen.Service) annotations.Pattern {
	if set := serviceAnnotation(s).GetPattern(); set != annotations.Pattern_PATTERN_UNSPECIFIED {
		return set
	}
	return annotations.Pattern_PATTERN_REQ_REP
}

func bare(s *protogen.Service) bool {
	return serviceAnnotation(s).GetFraming() == annotations.Framing_FRAMING_BARE
}

func streams(m *protogen.Method) bool {
	return m.Desc.IsStreamingClient() || m.Desc.IsStreamingServer()
}

func hasOutputs(s *protogen.Service) bool {
	for _, m := range s.Methods {
		if !isEmpty(m.Output) {
			return true
		}
	}
	return false
}

func isEmpty(m *protogen.Message) bool {
	return m.Desc.FullName() == "google.protobuf.Empty"
}

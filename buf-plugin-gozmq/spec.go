package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/descriptor"
	"buf.build/go/bufplugin/info"
	"buf.build/go/bufplugin/option"
	"google.golang.org/protobuf/types/descriptorpb"

	gozmqcheck "github.com/gozmq/gozmq/generator/check"
)

// spec turns our rules into buf's.
func spec() *check.Spec {
	out := &check.Spec{
		Info: &info.Spec{
			Documentation: "Checks the annotations of gozmq: what a change of them breaks between peers, and what protoc-gen-gozmq refuses.",
		},
		Before: before,
	}
	for _, c := range gozmqcheck.Categories() {
		out.Categories = append(out.Categories, &check.CategorySpec{ID: c.ID, Purpose: c.Purpose})
	}
	for _, r := range gozmqcheck.Rules() {
		kind := check.RuleTypeLint
		if r.Kind == gozmqcheck.KindBreaking {
			kind = check.RuleTypeBreaking
		}
		out.Rules = append(out.Rules, &check.RuleSpec{
			ID: r.ID, CategoryIDs: []string{r.Category}, Default: r.Default, Purpose: r.Purpose, Type: kind,
			Handler: check.RuleHandlerFunc(func(ctx context.Context, w check.ResponseWriter, _ check.Request) error {
				return handle(ctx, w, r)
			}),
		})
	}
	return out
}

// A run collects all findings once, for all rules of a request.
type run struct {
	lint, breaking func() ([]gozmqcheck.Finding, error)
}

type runKey struct{}

// before puts a run into the context of a request's handlers.
func before(ctx context.Context, req check.Request) (context.Context, check.Request, error) {
	opts, err := optionsOf(req.Options())
	if err != nil {
		return nil, nil, err
	}
	now := sync.OnceValues(func() (*gozmqcheck.Image, error) { return imageOf(req.FileDescriptors()) })
	r := &run{
		lint: sync.OnceValues(func() ([]gozmqcheck.Finding, error) {
			img, err := now()
			if err != nil {
				return nil, err
			}
			return gozmqcheck.Lint(img, opts)
		}),
		breaking: sync.OnceValues(func() ([]gozmqcheck.Finding, error) {
			img, err := now()
			if err != nil {
				return nil, err
			}
			old, err := imageOf(req.AgainstFileDescriptors())
			if err != nil {
				return nil, fmt.Errorf("the old files: %w", err)
			}
			return gozmqcheck.Breaking(old, img, opts)
		}),
	}
	return context.WithValue(ctx, runKey{}, r), req, nil
}

// handle writes the findings of one rule.
func handle(ctx context.Context, w check.ResponseWriter, rule gozmqcheck.Rule) error {
	r, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		return fmt.Errorf("rule %s: the request was not prepared", rule.ID)
	}
	find := r.lint
	if rule.Kind == gozmqcheck.KindBreaking {
		find = r.breaking
	}
	findings, err := find()
	if err != nil {
		return err
	}
	for _, f := range findings {
		if f.Rule == rule.ID {
			w.AddAnnotation(annotation(f)...)
		}
	}
	return nil
}

func annotation(f gozmqcheck.Finding) []check.AddAnnotationOption {
	message := f.Message
	if f.Name != "" {
		message = f.Name + ": " + message
	}
	out := []check.AddAnnotationOption{check.WithMessage(message)}
	if f.At.File != "" {
		out = append(out, check.WithFileNameAndSourcePath(f.At.File, f.At.Path))
	}
	if f.Against.File != "" {
		out = append(out, check.WithAgainstFileNameAndSourcePath(f.Against.File, f.Against.Path))
	}
	return out
}

func imageOf(files []descriptor.FileDescriptor) (*gozmqcheck.Image, error) {
	var all []*descriptorpb.FileDescriptorProto
	imports := map[string]bool{}
	for _, f := range files {
		all = append(all, f.FileDescriptorProto())
		imports[f.FileDescriptorProto().GetName()] = f.IsImport()
	}
	return gozmqcheck.NewImage(all, func(path string) bool { return imports[path] })
}

// optionKey is the plugin's one option in buf.yaml: the options of
// protoc-gen-gozmq, as a string or a list of strings, as in buf.gen.yaml.
const optionKey = "opt"

func optionsOf(options option.Options) (gozmqcheck.Options, error) {
	var out gozmqcheck.Options
	var fault error
	options.Range(func(key string, value any) {
		switch value := value.(type) {
		case string:
			out.Parameter = value
		case []string:
			out.Parameter = strings.Join(value, ",")
		default:
			fault = fmt.Errorf("the option %q must be a string or a list of strings", optionKey)
		}
		if key != optionKey {
			fault = fmt.Errorf("there is no option %q; the option is %q, with the options of protoc-gen-gozmq, as in buf.gen.yaml", key, optionKey)
		}
	})
	return out, fault
}

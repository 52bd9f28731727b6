package input

import (
	"errors"
	"fmt"

	"github.com/gozmq/gozmq/generator/internal/plan"
)

// Options collects the plugin options that are not protogen's own.
type Options struct {
	plan.Options
	faults []error
}

// NewOptions returns the defaults.
func NewOptions() *Options {
	return &Options{Options: plan.Options{PackageSuffix: "gozmq"}}
}

// Set sets one option. It keeps faults for Err, so that all are reported at once.
func (o *Options) Set(name, value string) error {
	switch name {
	case "package_suffix":
		if !isSuffix(value) {
			o.fault("package_suffix is %q and must be lower-case letters, digits and underscores, or empty for the messages' own package", value)
		}
		o.PackageSuffix = value
	case "unannotated":
		if value != "req_rep" && value != "skip" {
			o.fault("unannotated is %q and must be req_rep or skip", value)
		}
		o.SkipUnannotated = value == "skip"
	default:
		o.fault("there is no option %q; the options are paths, module, M<file>=<package>, default_api_level, apilevelM<file>, package_suffix and unannotated", name)
	}
	return nil
}

func (o *Options) fault(format string, args ...any) {
	o.faults = append(o.faults, fmt.Errorf(format, args...))
}

// Err returns all faults of the options, or nil.
func (o *Options) Err() error { return errors.Join(o.faults...) }

func isSuffix(s string) bool {
	for _, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return true
}

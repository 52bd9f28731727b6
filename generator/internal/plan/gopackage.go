package plan

import (
	"fmt"
	"path"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// goPackageOption is the place of a file's go_package.
var goPackageOption = protogen.Location{Path: protoreflect.SourcePath{fileOptions, goPackageField}}

// target returns the Go package that our code for f goes to.
func target(f *protogen.File, opts Options) (protogen.GoPackageName, protogen.GoImportPath) {
	if opts.PackageSuffix == "" {
		return f.GoPackageName, f.GoImportPath
	}
	name := protogen.GoPackageName(packageBase(string(f.GoPackageName)) + opts.PackageSuffix)
	return name, protogen.GoImportPath(path.Join(string(f.GoImportPath), string(name)))
}

// packageBase returns the name of the messages' package without underscores in
// front, since the go command leaves out folders that begin with one. protogen puts
// one in front of a keyword, which with a suffix is no longer one, and in front of
// a digit.
func packageBase(name string) string {
	base := strings.TrimLeft(name, "_")
	if base == "" || base[0] >= '0' && base[0] <= '9' {
		return "pb" + base
	}
	return base
}

// checkGoPackages reports each Go package of messages that our code for file
// could not import. Code in the messages' own package needs no import, and compiles
// wherever the messages do.
func (p *planner) checkGoPackages(file *File, self protogen.GoImportPath) {
	if base := path.Base(p.source.Desc.Path()); strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".") {
		p.report.fault(RuleGoPackage, p.source.Desc, protogen.Location{}, nil,
			"the go command leaves out files whose names begin with %q, and the generated file's name would; rename the .proto", base[:1])
	}
	for importPath := range file.imports() {
		if importPath == self {
			continue
		}
		if importPath == p.source.GoImportPath {
			p.checkGoPackage(p.source)
		} else if files := p.index.files[importPath]; len(files) > 0 {
			p.checkGoPackage(files[0])
		}
	}
}

// checkGoPackage reports that no other package can import that of f.
func (p *planner) checkGoPackage(f *protogen.File) {
	const remedy = "; write the full path, such as example.com/module/folder, in go_package or in an M option, or generate into the messages' own package with package_suffix="
	importPath := string(f.GoImportPath)
	switch {
	case importPathFault(importPath) != nil:
		p.report.fault(RuleGoPackage, f.Desc, goPackageOption, nil, "its Go package %q cannot be imported: %v"+remedy, importPath, importPathFault(importPath))
	case f.GoPackageName == "main":
		p.report.fault(RuleGoPackage, f.Desc, goPackageOption, nil,
			"its Go package is named main, which no other package can import; write another name in go_package, such as %q, or generate into the messages' own package with package_suffix=", importPath+";mainpb")
	case hiddenElement(importPath) != "":
		p.report.fault(RuleGoPackage, f.Desc, goPackageOption, nil,
			"its Go package %q is in the folder %q, which the go command leaves out of ./..., with its contents"+remedy, importPath, hiddenElement(importPath))
	}
}

// importPathFault returns why the go command rejects importPath, or nil.
func importPathFault(importPath string) error {
	if strings.HasPrefix(importPath, "./") || strings.HasPrefix(importPath, "../") || importPath == "." || importPath == ".." {
		return fmt.Errorf("it is a relative path")
	}
	if strings.HasPrefix(importPath, "/") {
		return fmt.Errorf("it begins with a slash")
	}
	if strings.HasSuffix(importPath, "/") {
		return fmt.Errorf("it ends in a slash")
	}
	for _, element := range strings.Split(importPath, "/") {
		if err := elementFault(element); err != nil {
			return err
		}
	}
	return nil
}

func elementFault(element string) error {
	switch {
	case element == "":
		return fmt.Errorf("it has two slashes in a row")
	case strings.Trim(element, ".") == "":
		return fmt.Errorf("it has the element %q", element)
	case strings.HasSuffix(element, "."):
		return fmt.Errorf("its element %q ends in a dot", element)
	}
	for _, r := range element {
		if !importable(r) {
			return fmt.Errorf("its element %q has the character %q", element, r)
		}
	}
	return reservedFault(element)
}

// importable reports whether the go command accepts r in an import path.
func importable(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~+", r)
}

// reservedFault returns why an element cannot be a folder on Windows, or nil. The
// go command refuses such elements everywhere.
func reservedFault(element string) error {
	short, _, _ := strings.Cut(element, ".")
	switch upper := strings.ToUpper(short); {
	case upper == "CON", upper == "AUX", upper == "NUL", upper == "PRN",
		len(upper) == 4 && upper[3] >= '1' && upper[3] <= '9' && (upper[:3] == "COM" || upper[:3] == "LPT"):
		return fmt.Errorf("the folder %q cannot be made on Windows", element)
	}
	tilde := strings.LastIndexByte(short, '~')
	if tilde >= 0 && tilde < len(short)-1 && strings.Trim(short[tilde+1:], "0123456789") == "" {
		return fmt.Errorf("the folder %q looks like a short name of Windows", element)
	}
	return nil
}

// hiddenElement returns the first element that begins with a dot or an
// underscore, or "".
func hiddenElement(importPath string) string {
	for _, element := range strings.Split(importPath, "/") {
		if strings.HasPrefix(element, "_") || strings.HasPrefix(element, ".") {
			return element
		}
	}
	return ""
}

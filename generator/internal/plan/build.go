package plan

import (
	"path"
	"sort"

	"google.golang.org/protobuf/compiler/protogen"
)

// Options are the plugin options that change the plan.
type Options struct {
	// PackageSuffix, added to the name of the messages' Go package, names the Go
	// package of our files. Empty: the same package.
	PackageSuffix string
	// SkipUnannotated leaves out services without any annotation.
	SkipUnannotated bool
}

// Build plans all files of a run. The error joins every fault of every file.
func Build(gen *protogen.Plugin, opts Options) ([]*File, error) {
	files, faults := Check(gen, opts)
	return files, join(faults)
}

// Check plans all files of a run, and returns every fault of every file, in the
// order of files and positions. Faulty declarations are in the plan as far as they
// can be understood.
func Check(gen *protogen.Plugin, opts Options) (files []*File, faults []Fault) {
	r := &report{}
	v := newVocabulary(gen, r)
	for _, f := range gen.Files {
		if f.Generate {
			v.check(f)
		}
	}
	ix := newIndex(gen)
	for _, pkg := range packages(gen, opts) {
		files = append(files, pkg.plan(ix, r, opts)...)
	}
	return files, r.inOrder()
}

// An index finds the declarations of all files of a run. It is made once per run.
type index struct {
	// procedures are the methods of all files by their name on the wire.
	procedures map[string]*protogen.Method
	// files are all files by the Go package of their messages.
	files map[protogen.GoImportPath][]*protogen.File
	// names has the names of those packages.
	names map[protogen.GoImportPath]protogen.GoPackageName
}

func newIndex(gen *protogen.Plugin) *index {
	ix := &index{
		procedures: map[string]*protogen.Method{},
		files:      map[protogen.GoImportPath][]*protogen.File{},
		names:      map[protogen.GoImportPath]protogen.GoPackageName{},
	}
	for _, f := range gen.Files {
		ix.files[f.GoImportPath] = append(ix.files[f.GoImportPath], f)
		ix.names[f.GoImportPath] = f.GoPackageName
		for _, s := range f.Services {
			for _, m := range s.Methods {
				ix.procedures[procedure(m)] = m
			}
		}
	}
	return ix
}

// An outPackage is one Go package that our files go to.
type outPackage struct {
	name protogen.GoPackageName
	path protogen.GoImportPath
	// files are the files that share the package, each after the files that it
	// imports.
	files []*protogen.File
}

// packages groups the files by the Go package that our files go to. Packages
// without generated code are left out.
func packages(gen *protogen.Plugin, opts Options) []*outPackage {
	byPath := map[protogen.GoImportPath]*outPackage{}
	generate := map[protogen.GoImportPath]bool{}
	var order []*outPackage
	for _, f := range importsFirst(gen) {
		name, importPath := target(f, opts)
		p := byPath[importPath]
		if p == nil {
			p = &outPackage{name: name, path: importPath}
			byPath[importPath] = p
			order = append(order, p)
		}
		p.files = append(p.files, f)
		generate[importPath] = generate[importPath] || f.Generate
	}
	var out []*outPackage
	for _, p := range order {
		if generate[p.path] {
			out = append(out, p)
		}
	}
	return out
}

// importsFirst sorts the files by path, but each after those that it imports.
func importsFirst(gen *protogen.Plugin) []*protogen.File {
	sorted := append([]*protogen.File{}, gen.Files...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Desc.Path() < sorted[j].Desc.Path() })
	var out []*protogen.File
	done := map[string]bool{}
	var visit func(f *protogen.File)
	visit = func(f *protogen.File) {
		if f == nil || done[f.Desc.Path()] {
			return
		}
		done[f.Desc.Path()] = true
		for i := range f.Desc.Imports().Len() {
			visit(gen.FilesByPath[f.Desc.Imports().Get(i).Path()])
		}
		out = append(out, f)
	}
	for _, f := range sorted {
		visit(f)
	}
	return out
}

// plan plans the package's files. Files that are not generated in this run are
// planned only for their names.
func (pkg *outPackage) plan(ix *index, r *report, opts Options) []*File {
	s := newScope(r)
	for _, f := range ix.files[pkg.path] {
		s.reserveMessages(f)
	}
	identifiers := map[string]bool{}
	var out []*File
	first := true // whether this is the first file of the package with content
	for _, f := range pkg.files {
		p := &planner{scope: s, source: f, opts: opts, report: r, index: ix}
		if !f.Generate {
			p.report = &report{}
		}
		file := p.file()
		if len(file.Services)+len(file.Messages) == 0 {
			continue
		}
		if first && pkg.path != f.GoImportPath {
			file.Contains = contents(f)
		}
		first = false
		if !f.Generate {
			continue
		}
		p.checkGoPackages(file, pkg.path)
		file.Filename = filename(f, opts)
		file.Package, file.ImportPath = pkg.name, pkg.path
		file.Identifiers, file.PackageNames = identifiers, ix.names
		out = append(out, file)
	}
	for name := range s.owners {
		identifiers[name] = true
	}
	return out
}

// contents names the protobuf package, or the file, whose code the Go package
// contains.
func contents(f *protogen.File) string {
	if pkg := f.Desc.Package(); pkg != "" {
		return string(pkg)
	}
	return oneLine(f.Desc.Path())
}

func filename(f *protogen.File, opts Options) string {
	prefix := f.GeneratedFilenamePrefix
	if opts.PackageSuffix != "" {
		name, _ := target(f, opts)
		prefix = path.Join(path.Dir(prefix), string(name), path.Base(prefix))
	}
	return prefix + ".gozmq.go"
}

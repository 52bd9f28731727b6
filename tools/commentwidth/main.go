// Commentwidth reports comments of Go files that are wider than they should be:
//
//	go run -C tools ./commentwidth ..
//
// Only comments with lines of their own are looked at, and only their prose:
// directives, indented lines and words that cannot be broken may be wider. So may
// generated files. It exits with status 1 when it has found any.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	width    = 84 // columns, for a text that is wrapped at 80 or a little later
	tabWidth = 4
)

func main() {
	found := 0
	for _, root := range os.Args[1:] {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && path != root && skipped(d.Name()):
				return fs.SkipDir
			case !d.Type().IsRegular() || filepath.Ext(path) != ".go":
				return nil
			}
			lines, err := check(path, nil)
			found += len(lines)
			for _, line := range lines {
				fmt.Println(line)
			}
			return err
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, "commentwidth:", err)
			os.Exit(1)
		}
	}
	if found > 0 {
		fmt.Printf("%d comments are wider than %d columns\n", found, width)
		os.Exit(1)
	}
}

// skipped reports whether a folder has no sources to look at.
func skipped(folder string) bool {
	return folder == "testdata" || folder == "gen" || strings.HasPrefix(folder, ".")
}

// check returns a line for each comment of a file that is too wide. src is its
// text; nil: it is read.
func check(path string, src any) ([]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil || ast.IsGenerated(file) {
		return nil, err
	}
	code := codeLines(files, file)
	var wide []string
	for _, group := range file.Comments {
		if strings.HasPrefix(group.Text(), "Output:") {
			continue // what an Example prints
		}
		for _, comment := range group.List {
			at := files.Position(comment.Pos())
			if code[at.Line] || !strings.HasPrefix(comment.Text, "//") {
				continue
			}
			if n := (at.Column-1)*tabWidth + utf8.RuneCountInString(comment.Text); n > width && prose(comment.Text) {
				wide = append(wide, fmt.Sprintf("%s:%d: %d columns", path, at.Line, n))
			}
		}
	}
	return wide, nil
}

// prose reports whether a comment is text that can be broken.
func prose(comment string) bool {
	text := strings.TrimPrefix(comment, "//")
	return strings.HasPrefix(text, " ") && !strings.HasPrefix(text, "  ") && len(strings.Fields(text)) > 1 &&
		!slices.ContainsFunc(strings.Fields(text), func(word string) bool { return len(word) > width/2 })
}

// codeLines returns the lines on which something but a comment begins or ends.
func codeLines(files *token.FileSet, file *ast.File) map[int]bool {
	lines := make(map[int]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n.(type) {
		case nil, *ast.Comment, *ast.CommentGroup, *ast.File:
			_, isFile := n.(*ast.File)
			return isFile
		}
		lines[files.Position(n.Pos()).Line] = true
		lines[files.Position(n.End()).Line] = true
		return true
	})
	return lines
}

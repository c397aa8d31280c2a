// Comparison of the functions of Kubernetes with the digests of the code that was reviewed last.

package upstream

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const list = "functions.txt"

var update = flag.Bool("update", false, "update the digests")

func TestFunctionsThatWeDependOnAreUnchanged(t *testing.T) {
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	directories := moduleDirectories(t)
	lines := strings.Split(string(text), "\n")
	for index, line := range lines {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if len(fields) != 4 {
			t.Fatalf("%s:%d: want digest, file, function, ours", list, index+1)
		}
		before, file, function, ours := fields[0], fields[1], fields[2], fields[3]
		if _, err := os.Stat(filepath.Join("..", ours)); err != nil {
			t.Errorf("%s:%d: %v", list, index+1, err)
		}
		now := digest(t, locate(t, directories, file), function)
		if now == before {
			continue
		}
		lines[index] = strings.Join([]string{now, file, function, ours}, " ")
		if !*update {
			t.Errorf("%s in %s has changed: compare it with %s, then run `go test ./upstream -update`", function, file, ours)
		}
	}
	if *update {
		if err := os.WriteFile(list, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// moduleDirectories returns the directory of each module's source code.
func moduleDirectories(t *testing.T) map[string]string {
	t.Helper()
	output, err := exec.Command("go", "list", "-m", "-f", "{{.Path}} {{.Dir}}", "k8s.io/kubernetes", "k8s.io/apiserver").Output()
	if err != nil {
		t.Fatal(err)
	}
	directories := map[string]string{}
	for line := range strings.Lines(string(output)) {
		path, directory, _ := strings.Cut(strings.TrimSpace(line), " ")
		directories[path] = directory
	}
	return directories
}

func locate(t *testing.T, directories map[string]string, file string) string {
	t.Helper()
	for path, directory := range directories {
		if rest, inside := strings.CutPrefix(file, path+"/"); inside {
			return filepath.Join(directory, rest)
		}
	}
	t.Fatalf("%s is not in a module that this test reads", file)
	return ""
}

// digest returns the digest of the code of `function`, or of the method `Type.function`, without
// comments and formatting.
func digest(t *testing.T, file, function string) string {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return "gone"
	}
	index := slices.IndexFunc(parsed.Decls, func(declaration ast.Decl) bool {
		found, is := declaration.(*ast.FuncDecl)
		return is && name(found) == function
	})
	if index < 0 {
		return "gone"
	}
	var code bytes.Buffer
	// An empty file set has no positions, so the output does not depend on the original lines.
	if err := (&printer.Config{Mode: printer.RawFormat}).Fprint(&code, token.NewFileSet(), parsed.Decls[index]); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(code.Bytes()))[:12]
}

func name(function *ast.FuncDecl) string {
	if function.Recv == nil {
		return function.Name.Name
	}
	receiver := function.Recv.List[0].Type
	if pointer, is := receiver.(*ast.StarExpr); is {
		receiver = pointer.X
	}
	if named, is := receiver.(*ast.Ident); is {
		return named.Name + "." + function.Name.Name
	}
	return ""
}

package binaries

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

const (
	// CacheEnv names the variable that moves the cache out of the repository.
	CacheEnv = "KUBE_REMEDY_CACHE"
	// RootEnv names the variable that says where the repository is, for programs started outside of it.
	RootEnv = "KUBE_REMEDY_ROOT"

	// sourceDir is this folder, seen from the root of the repository.
	sourceDir = "e2e/cluster/binaries"

	// recipeVersion changes when the way of building changes, so that old results are not taken for new ones.
	recipeVersion = "1"
)

// RepositoryRoot finds the checkout: $KUBE_REMEDY_ROOT, else the closest parent of the working directory that
// holds this folder.
func RepositoryRoot() (string, error) {
	if root := os.Getenv(RootEnv); root != "" {
		return filepath.Abs(root)
	}
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, sourceDir, "kubernetes", "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no kube-remedy checkout at or above %s: run inside one or set %s", start, RootEnv)
		}
	}
}

// CacheRoot is the folder for everything that is built once, for all checkouts: $KUBE_REMEDY_CACHE, else kube-remedy in
// the user's cache folder.
func CacheRoot() (string, error) {
	if dir := os.Getenv(CacheEnv); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w; %s names another folder", err, CacheEnv)
	}
	return filepath.Join(dir, "kube-remedy"), nil
}

// layout is where one version of the programs comes from and goes to.
type layout struct {
	source   string            // the folder with the wrapper modules
	target   string            // the cache folder of this key
	versions map[string]string // by module path
}

// part is a set of programs that is built into one folder of the cache: its name begins with the versions of these.
type part struct {
	names    []string
	programs []Program
}

var (
	controlPlane = part{[]string{"kubernetes", "etcd", "kwok"}, []Program{APIServer, Etcd, Kwok}}
	realNode     = part{[]string{"node", "containerd", "cni", "crictl"}, []Program{Kubelet, Containerd, Loopback, Crictl}}
)

func findLayout(p part) (*layout, error) {
	root, err := RepositoryRoot()
	if err != nil {
		return nil, err
	}
	cache, err := CacheRoot()
	if err != nil {
		return nil, err
	}
	l := &layout{source: filepath.Join(root, sourceDir), versions: map[string]string{}}
	// The digest covers go.sum, so that a dependency that was bumped alone is built too.
	digest := sha256.New()
	fmt.Fprintln(digest, recipeVersion)
	for _, program := range p.programs {
		r := program.recipe()
		for _, name := range []string{"go.mod", "go.sum"} {
			text, err := os.ReadFile(filepath.Join(l.source, r.wrapper, name))
			if err != nil {
				return nil, err
			}
			digest.Write(text)
			if name == "go.mod" {
				if l.versions[r.module], err = requiredVersion(string(text), r.module); err != nil {
					return nil, err
				}
			}
		}
	}
	var key []string
	for n, program := range p.programs {
		key = append(key, p.names[n]+"-"+l.versions[program.recipe().module])
	}
	key = append(key, runtime.GOOS+"-"+runtime.GOARCH, hex.EncodeToString(digest.Sum(nil))[:8])
	l.target = filepath.Join(cache, "bin", strings.Join(key, "_"))
	return l, nil
}

// requiredVersion reads the version that a go.mod requires of one module.
func requiredVersion(gomod, module string) (string, error) {
	re := regexp.MustCompile(`(?m)^(?:require)?\s+` + regexp.QuoteMeta(module) + `\s+(v\S+)`)
	m := re.FindStringSubmatch(gomod)
	if m == nil {
		return "", fmt.Errorf("go.mod does not require %s", module)
	}
	return m[1], nil
}

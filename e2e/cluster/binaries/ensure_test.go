package binaries

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheCacheKeyNamesTheVersions(t *testing.T) {
	t.Setenv(CacheEnv, t.TempDir())
	l, err := findLayout(controlPlane)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Base(l.target)
	for _, module := range []string{kubernetesModule, etcdModule, kwokModule} {
		if version := l.versions[module]; !strings.HasPrefix(version, "v") || !strings.Contains(key, "-"+version+"_") {
			t.Errorf("%s has version %q, the key is %s", module, version, key)
		}
	}
	if flags := l.linkerFlags(APIServer.recipe()); !strings.Contains(flags, ".gitVersion="+l.versions[kubernetesModule]) {
		t.Errorf("the version is not stamped in: %s", flags)
	}
}

func TestReadyMadeAssetsAreUsedAndNothingIsBuilt(t *testing.T) {
	assets := t.TempDir()
	t.Setenv(AssetsEnv, assets)
	t.Setenv(CacheEnv, t.TempDir())
	for _, p := range []Program{Etcd, APIServer} {
		if err := os.WriteFile(filepath.Join(assets, string(p)), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var progress strings.Builder
	set, err := Ensure(context.Background(), &progress, Etcd, APIServer)
	if err != nil {
		t.Fatal(err)
	}
	if progress.Len() > 0 {
		t.Errorf("it did something: %s", progress.String())
	}
	if got, want := set.Path(APIServer), filepath.Join(assets, "kube-apiserver"); got != want {
		t.Errorf("the API server is %s, want %s", got, want)
	}
	if got := set.Path(Scheduler); strings.HasPrefix(got, assets) {
		t.Errorf("the scheduler is %s, which the assets never hold", got)
	}
}

func TestAMissingModuleIsNamed(t *testing.T) {
	if _, err := requiredVersion("module x\n\nrequire a.example/b v1.2.3\n", "a.example/c"); err == nil || !strings.Contains(err.Error(), "a.example/c") {
		t.Errorf("got %v", err)
	}
}

package realnode

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// The images of the node. Nothing pulls them: they are made here and imported.
const (
	PauseImage  = "registry.local/pause:1"
	RemedyImage = "registry.local/kube-remedy:test"
	UnusedImage = "registry.local/unused:1" // of no container
)

// writeImages makes them in dir, each beside a file that holds its name.
func writeImages(ctx context.Context, dir string) error {
	for name, image := range map[string]struct {
		name, entrypoint string
		fill             func(ctx context.Context, root string) error
	}{
		"pause":       {PauseImage, "/pause", buildPause},
		"unused":      {UnusedImage, "/unused", writeUnused},
		"kube-remedy": {RemedyImage, "/usr/bin/kube-remedy", operator.LayOutImage},
	} {
		root := filepath.Join(dir, name)
		err := image.fill(ctx, root)
		if err == nil {
			err = writeImage(root+".tar", image.name, root, image.entrypoint)
		}
		err = errors.Join(err, os.WriteFile(root+".name", []byte(image.name), 0o644), os.RemoveAll(root))
		if err != nil {
			return fmt.Errorf("image %s: %w", image.name, err)
		}
	}
	return nil
}

func buildPause(ctx context.Context, root string) error {
	repository, err := binaries.RepositoryRoot()
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(root, "pause"), "./realnode/pause")
	build.Dir, build.Env = filepath.Join(repository, "e2e"), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building pause: %w\n%s", err, out)
	}
	return nil
}

// writeUnused makes what nobody runs.
func writeUnused(_ context.Context, root string) error {
	return errors.Join(os.Mkdir(root, 0o755), os.WriteFile(filepath.Join(root, "unused"), nil, 0o755))
}

// writeImage makes an image of the files under root as "docker save" writes it, which containerd imports.
func writeImage(path, name, root, entrypoint string) error {
	var files bytes.Buffer
	layer := tar.NewWriter(&files)
	if err := errors.Join(layer.AddFS(os.DirFS(root)), layer.Close()); err != nil {
		return err
	}
	digest := sha256.Sum256(files.Bytes())
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64",
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": []string{entrypoint}},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(digest[:])}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{name}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, part := range []struct {
		name    string
		content []byte
	}{{"config.json", config}, {"layer.tar", files.Bytes()}, {"manifest.json", manifest}} {
		if err := addFile(w, part.name, part.content); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, archive.Bytes(), 0o644)
}

func addFile(w *tar.Writer, name string, content []byte) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

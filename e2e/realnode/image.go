package realnode

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The images of the node. Nothing pulls them: they are made here and imported.
const (
	PauseImage  = "registry.local/pause:1"
	RemedyImage = "registry.local/kube-remedy:test"
	UnusedImage = "registry.local/unused:1" // of no container
)

// A fileInImage is one regular file.
type fileInImage struct {
	path string // in the image
	from string // on this machine
}

// writeImage makes an image of one layer as "docker save" writes it, which containerd imports.
func writeImage(path, name string, files []fileInImage, entrypoint ...string) error {
	layer, err := layerOf(files)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(layer)
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64",
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": entrypoint},
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
	}{{"config.json", config}, {"layer.tar", layer}, {"manifest.json", manifest}} {
		if err := addFile(w, part.name, part.content, 0o644); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, archive.Bytes(), 0o644)
}

func layerOf(files []fileInImage) ([]byte, error) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	made := map[string]bool{}
	for _, file := range files {
		for dir := filepath.Dir(file.path); dir != "/" && !made[dir]; dir = filepath.Dir(dir) {
			made[dir] = true
			header := &tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(dir, "/") + "/", Mode: 0o755}
			if err := w.WriteHeader(header); err != nil {
				return nil, err
			}
		}
		content, err := os.ReadFile(file.from)
		if err != nil {
			return nil, err
		}
		if err := addFile(w, strings.TrimPrefix(file.path, "/"), content, 0o755); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return layer.Bytes(), err
}

func addFile(w *tar.Writer, name string, content []byte, mode int64) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

// withLibraries is a program and the shared libraries that it needs, each at its own path.
func withLibraries(ctx context.Context, program, at string) ([]fileInImage, error) {
	out, err := exec.CommandContext(ctx, "ldd", program).Output()
	if err != nil {
		return nil, fmt.Errorf("ldd %s: %w", program, err)
	}
	files := []fileInImage{{at, program}}
	for _, word := range strings.Fields(string(out)) {
		if strings.HasPrefix(word, "/") {
			files = append(files, fileInImage{word, word})
		}
	}
	return files, nil
}

package operator

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
)

// LayOutImage makes root what the image of the program under test holds, as config/image/Dockerfile does.
func LayOutImage(ctx context.Context, root string) error {
	program, err := Binary("kube-remedy")
	if err != nil {
		return err
	}
	repository, err := binaries.RepositoryRoot()
	if err != nil {
		return err
	}
	script := filepath.Join(repository, "config", "image", "root-fs.sh")
	if out, err := exec.CommandContext(ctx, script, filepath.Dir(program), root).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", script, err, out)
	}
	return nil
}

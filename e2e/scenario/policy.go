package scenario

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/binaries"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// ShippedPolicy is a policy of config/policies with a JSON merge patch on top ("" = none), as YAML.
func ShippedPolicy(file, patch string) (string, error) {
	root, err := binaries.RepositoryRoot()
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(filepath.Join(root, "config", "policies", file))
	if err != nil {
		return "", err
	}
	if patch == "" {
		return string(content), nil
	}
	document, err := yaml.YAMLToJSON(content)
	if err != nil {
		return "", err
	}
	merged, err := jsonpatch.MergePatch(document, []byte(patch))
	if err != nil {
		return "", err
	}
	text, err := yaml.JSONToYAML(merged)
	return string(text), err
}

// ApplyPolicy applies it with kubectl, as a user would.
func ApplyPolicy(ctx context.Context, kubeconfig, file, patch string) error {
	policy, err := ShippedPolicy(file, patch)
	if err != nil {
		return err
	}
	_, err = operator.Kubectl(ctx, kubeconfig, strings.NewReader(policy), "apply", "-f", "-")
	return err
}

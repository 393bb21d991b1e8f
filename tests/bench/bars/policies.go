package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// readyLimit bounds the wait until the operator has listed and judged everything.
const readyLimit = 2 * time.Minute

var (
	policyResource      = schema.GroupVersionResource{Group: "kube-remedy.io", Version: "v1alpha1", Resource: "remediationpolicies"}
	remediationResource = schema.GroupVersionResource{Group: "kube-remedy.io", Version: "v1alpha1", Resource: "remediations"}
)

// applyPolicies makes these files the policies that there are. All are new objects: no status tells of an
// earlier operator.
func (w *world) applyPolicies(ctx context.Context, o options, files ...string) error {
	if _, err := operator.Kubectl(ctx, w.AdminKubeconfig(), nil, "delete", "remediationpolicies", "--all"); err != nil {
		return err
	}
	for _, file := range files {
		if _, err := operator.Kubectl(ctx, w.AdminKubeconfig(), nil, "create", "-f", filepath.Join(o.policies, file)); err != nil {
			return err
		}
	}
	return nil
}

// awaitPolicies waits until every policy says that it watches all of its targets.
func (w *world) awaitPolicies(ctx context.Context) error {
	last := ""
	err := wait.PollUntilContextTimeout(ctx, poll, readyLimit, true, func(ctx context.Context) (bool, error) {
		policies, err := w.dynamic.Resource(policyResource).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, policy := range policies.Items {
			if last = w.lacks(policy); last != "" {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", last, err)
	}
	return nil
}

// lacks says what a policy is waiting for; "" when nothing.
func (w *world) lacks(policy unstructured.Unstructured) string {
	kind, _, _ := unstructured.NestedString(policy.Object, "spec", "target", "kind")
	want := map[string]int{"Pod": w.pods, "Node": w.nodes}[kind]
	if have, _, _ := unstructured.NestedInt64(policy.Object, "status", "targets", "selected"); int(have) != want {
		return fmt.Sprintf("policy %s has selected %d of %d", policy.GetName(), have, want)
	}
	conditions, _, _ := unstructured.NestedSlice(policy.Object, "status", "conditions")
	for _, c := range conditions {
		if condition := c.(map[string]any); condition["type"] == "Ready" {
			if condition["status"] == "True" {
				return ""
			}
			return fmt.Sprintf("policy %s is not ready: %v", policy.GetName(), condition["message"])
		}
	}
	return fmt.Sprintf("policy %s has no condition Ready", policy.GetName())
}

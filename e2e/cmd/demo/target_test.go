package main

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	fakediscovery "k8s.io/client-go/discovery/fake"
	"k8s.io/client-go/kubernetes/fake"
)

func TestDemoOnAnExistingClusterRefusesWhatItCouldRemoveByMistake(t *testing.T) {
	namespace := func(name string) []runtime.Object {
		return []runtime.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}}
	}
	for _, c := range []struct {
		name    string
		objects []runtime.Object
		groups  []*metav1.APIResourceList
		refusal string
	}{
		{name: "an ordinary cluster with Calico", objects: namespace("calico-system")},
		{name: "the demo's namespace", objects: namespace(ownNamespace), refusal: "namespace kube-remedy-demo already"},
		{name: "the operator's namespace", objects: namespace("kube-remedy"), refusal: "namespace kube-remedy already"},
		{
			name:    "kube-remedy itself",
			groups:  []*metav1.APIResourceList{{GroupVersion: "kube-remedy.io/v1alpha1"}},
			refusal: "installed in that cluster already",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := fake.NewClientset(c.objects...)
			client.Discovery().(*fakediscovery.FakeDiscovery).Resources = c.groups
			err := nothingOfOursYet(t.Context(), client)
			if c.refusal == "" && err != nil {
				t.Fatalf("refused: %v", err)
			}
			if c.refusal != "" && (err == nil || !strings.Contains(err.Error(), c.refusal)) {
				t.Fatalf("want a refusal with %q, got %v", c.refusal, err)
			}
		})
	}
}

func TestDemoOnAnExistingClusterStaysInItsOwnNamespace(t *testing.T) {
	foreign := existing("any")
	if foreign.namespace != ownNamespace || !strings.Contains(foreign.policy, `"namespaces":["`+ownNamespace+`"]`) {
		t.Fatalf("plays in %s with a policy for %s", foreign.namespace, foreign.policy)
	}
}

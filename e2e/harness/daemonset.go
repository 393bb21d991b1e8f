package harness

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// DaemonSet makes one that no node fits, so that its controller has it rolled out at once, with one container "main".
func (w *World) DaemonSet(t testing.TB, namespace, name string, annotations map[string]string) *appsv1.DaemonSet {
	t.Helper()
	labels := map[string]string{"app": name}
	ds, err := w.Client.AppsV1().DaemonSets(namespace).Create(t.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: labels, Annotations: annotations},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					NodeSelector: map[string]string{"kube-remedy.io/no-such": "node"},
					Containers:   []corev1.Container{{Name: "main", Image: "registry.local/main:1"}},
				},
			},
		},
	}, metav1.CreateOptions{})
	Must(t, err)
	return ds
}

// GetDaemonSet reads one.
func (w *World) GetDaemonSet(t testing.TB, namespace, name string) *appsv1.DaemonSet {
	t.Helper()
	ds, err := w.Client.AppsV1().DaemonSets(namespace).Get(t.Context(), name, metav1.GetOptions{})
	Must(t, err)
	return ds
}

// Annotate sets an annotation of a DaemonSet, or removes it when the value is "".
func (w *World) Annotate(t testing.TB, namespace, name, key, value string) {
	t.Helper()
	text := "null"
	if value != "" {
		text = fmt.Sprintf("%q", value)
	}
	w.PatchDaemonSet(t, namespace, name, fmt.Sprintf(`{"metadata":{"annotations":{%q:%s}}}`, key, text), "somebody")
}

// PatchDaemonSet sends a strategic merge patch as the given field manager.
func (w *World) PatchDaemonSet(t testing.TB, namespace, name, patch, manager string) {
	t.Helper()
	_, err := w.Client.AppsV1().DaemonSets(namespace).Patch(t.Context(), name, types.StrategicMergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: manager})
	Must(t, err)
}

// Env is the value of a variable of the first container, and whether it is there.
func Env(ds *appsv1.DaemonSet, name string) (corev1.EnvVar, bool) {
	for _, e := range ds.Spec.Template.Spec.Containers[0].Env {
		if e.Name == name {
			return e, true
		}
	}
	return corev1.EnvVar{}, false
}

// Package scenario makes the incidents that the tests and the demo are about: it plays the parts of everybody but
// the operator and the control plane.
package scenario

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
)

// CalicoNode is the name of the DaemonSet and of its container.
const CalicoNode = "calico-node"

// ProbeMessage is what the kubelet says when calico-node's liveness probe cannot resolve localhost
// (projectcalico/calico#6963).
const ProbeMessage = `Liveness probe failed: calico/node is not ready: Felix is not live: Get "http://localhost:9099/liveness": dial tcp: lookup localhost on 8.8.8.8:53: no such host`

// Nodes makes simulated nodes; kwok plays their kubelets.
func Nodes(ctx context.Context, client kubernetes.Interface, n int) error {
	resources := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("8"),
		corev1.ResourceMemory: resource.MustParse("32Gi"),
		corev1.ResourcePods:   resource.MustParse("110"),
	}
	for i := range n {
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{
				Name:        fmt.Sprintf("node-%d", i+1),
				Annotations: map[string]string{cluster.FakeNodeAnnotation: "fake"},
			},
			Status: corev1.NodeStatus{Allocatable: resources, Capacity: resources},
		}
		if _, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// CalicoDaemonSet is calico-node as its manifest has it, cut down to what matters here.
func CalicoDaemonSet(namespace string) *appsv1.DaemonSet {
	labels := map[string]string{"k8s-app": CalicoNode}
	one := intstr.FromInt32(1)
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: CalicoNode, Namespace: namespace, Labels: labels},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
				Type:          appsv1.RollingUpdateDaemonSetStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &one},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					HostNetwork: true,
					Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
					Containers: []corev1.Container{{
						Name:  CalicoNode,
						Image: "registry.local/calico/node:v3.28.0",
						Env: []corev1.EnvVar{
							{Name: "DATASTORE_TYPE", Value: "kubernetes"},
							{Name: "NODENAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "spec.nodeName"}}},
							{Name: "FELIX_HEALTHENABLED", Value: "true"},
						},
					}},
				},
			},
		},
	}
}

// Available returns when all pods of the DaemonSet, at least so many, run its newest template.
func Available(ctx context.Context, client kubernetes.Interface, namespace, name string, atLeast int32) error {
	var s appsv1.DaemonSetStatus
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		ds, err := client.AppsV1().DaemonSets(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		s = ds.Status
		all := s.DesiredNumberScheduled
		return s.ObservedGeneration == ds.Generation && all >= atLeast && s.NumberAvailable == all && s.UpdatedNumberScheduled == all, nil
	})
	if err != nil {
		err = fmt.Errorf("waiting for DaemonSet %s/%s: %d of %d pods are available, at least %d are expected: %w",
			namespace, name, s.NumberAvailable, s.DesiredNumberScheduled, atLeast, err)
	}
	return err
}

// Pods lists the pods of calico-node.
func Pods(ctx context.Context, client kubernetes.Interface, namespace string) ([]corev1.Pod, error) {
	list, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=" + CalicoNode})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// UnhealthyEvent is one that the kubelet would post about a pod, seen `count` times until `last`.
func UnhealthyEvent(pod *corev1.Pod, suffix string, count int32, last time.Time) *corev1.Event {
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name + "." + suffix, Namespace: pod.Namespace},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID,
			FieldPath: "spec.containers{" + CalicoNode + "}",
		},
		Reason:         "Unhealthy",
		Message:        ProbeMessage,
		Type:           corev1.EventTypeWarning,
		Source:         corev1.EventSource{Component: "kubelet", Host: pod.Spec.NodeName},
		FirstTimestamp: metav1.NewTime(last),
		LastTimestamp:  metav1.NewTime(last),
		Count:          count,
	}
}

// SeriesEvent is the same in the form of an events.k8s.io recorder.
func SeriesEvent(pod *corev1.Pod, suffix string, count int32, last time.Time) *eventsv1.Event {
	event := &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Name: pod.Name + "." + suffix, Namespace: pod.Namespace},
		EventTime:           metav1.NewMicroTime(last),
		ReportingController: "kubelet",
		ReportingInstance:   pod.Spec.NodeName,
		Action:              "Probe",
		Reason:              "Unhealthy",
		Note:                ProbeMessage,
		Type:                corev1.EventTypeWarning,
		Regarding:           corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
	}
	if count > 1 {
		event.Series = &eventsv1.EventSeries{Count: count, LastObservedTime: metav1.NewMicroTime(last)}
	}
	return event
}

// ProbesFail posts the kubelets' Events: one for each of the first three pods (or three for one pod).
func ProbesFail(ctx context.Context, client kubernetes.Interface, namespace, suffix string) error {
	pods, err := Pods(ctx, client, namespace)
	if err != nil {
		return err
	}
	if len(pods) == 0 {
		return fmt.Errorf("%s/%s has no pods", namespace, CalicoNode)
	}
	for i := range 3 {
		pod := pods[i%len(pods)]
		event := UnhealthyEvent(&pod, fmt.Sprintf("%s-%d", suffix, i), 1, time.Now())
		if _, err := client.CoreV1().Events(namespace).Create(ctx, event, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

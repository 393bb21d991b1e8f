package fakecloud

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/cluster/clustertest"
)

type world struct {
	*testing.T
	client kubernetes.Interface
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) start(options Options) *Provider {
	w.Helper()
	options.Client = w.client
	p, err := Start(w.Context(), options)
	w.must(err)
	w.Cleanup(p.Stop)
	return p
}

func (w *world) service(name string, change func(*corev1.Service)) {
	w.Helper()
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"cloud.example/scheme": "internal", "cloud.example/idle": "60"}},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}}}
	if change != nil {
		change(s)
	}
	_, err := w.client.CoreV1().Services("default").Create(w.Context(), s, metav1.CreateOptions{})
	w.must(err)
}

func (w *world) patch(name, patch string) {
	w.Helper()
	_, err := w.client.CoreV1().Services("default").Patch(w.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	w.must(err)
}

func (w *world) await(name, what string, fits func(*corev1.Service) bool) *corev1.Service {
	w.Helper()
	var s *corev1.Service
	err := wait.PollUntilContextTimeout(w.Context(), 20*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		var err error
		s, err = w.client.CoreV1().Services("default").Get(ctx, name, metav1.GetOptions{})
		return err == nil && fits(s), nil
	})
	if err != nil {
		w.Fatalf("%s: waited for %s: %v, %v", name, what, s.Spec, s.Status)
	}
	return s
}

func (w *world) awaitEvent(name, reason, message string) {
	w.Helper()
	err := wait.PollUntilContextTimeout(w.Context(), 20*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		list, err := w.client.CoreV1().Events("default").List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + name + ",reason=" + reason})
		if err != nil {
			return false, err
		}
		for _, e := range list.Items {
			if strings.Contains(e.Message, message) {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		w.Fatalf("%s: no Event %s %q", name, reason, message)
	}
}

func address(s *corev1.Service) string {
	if len(s.Status.LoadBalancer.Ingress) == 0 {
		return ""
	}
	return s.Status.LoadBalancer.Ingress[0].IP
}

// As the incident has it: what a load balancer was made with is read once. Only a new one has the new value.
func TestALifeOfLoadBalancers(t *testing.T) {
	c := clustertest.Start(t, cluster.Options{})
	w := &world{t, kubernetes.NewForConfigOrDie(c.RESTConfig())}
	p := w.start(Options{CreationOnly: []string{"cloud.example/scheme"}})
	w.service("web", nil)
	first := w.await("web", "an address", func(s *corev1.Service) bool { return address(s) != "" })
	if len(first.Finalizers) != 1 || first.Finalizers[0] != Finalizer {
		t.Errorf("finalizers: %v", first.Finalizers)
	}
	w.awaitEvent("web", "EnsuringLoadBalancer", "")
	w.awaitEvent("web", "EnsuredLoadBalancer", "")

	w.patch("web", `{"metadata":{"annotations":{"cloud.example/scheme":"public","cloud.example/idle":"90"}}}`)
	w.poll("the annotation that may be changed", func() bool { return p.LoadBalancers("default", "web")[0].Parameters["cloud.example/idle"] == "90" })
	if got := p.LoadBalancers("default", "web")[0].Parameters["cloud.example/scheme"]; got != "internal" {
		t.Errorf("the scheme of the first is %q, want what it was made with", got)
	}

	p.NeverDelete("default", "web", true)
	w.patch("web", `{"spec":{"type":"NodePort"}}`)
	w.awaitEvent("web", "SyncLoadBalancerFailed", "is in use")
	p.NeverDelete("default", "web", false)
	gone := w.await("web", "the load balancer to go", func(s *corev1.Service) bool { return len(s.Finalizers) == 0 && address(s) == "" })
	w.awaitEvent("web", "DeletedLoadBalancer", "")
	if gone.UID != first.UID || gone.Spec.ClusterIP != first.Spec.ClusterIP {
		t.Errorf("it is another Service: %v", gone.ObjectMeta)
	}

	w.patch("web", `{"spec":{"type":"LoadBalancer"}}`)
	second := w.await("web", "an address", func(s *corev1.Service) bool { return address(s) != "" })
	all := p.LoadBalancers("default", "web")
	if len(all) != 2 || all[1].Parameters["cloud.example/scheme"] != "public" || all[1].Address != address(second) || address(first) == address(second) {
		t.Errorf("load balancers: %+v", all)
	}
	if most := p.MostAtOnce("default", "web"); most != 1 {
		t.Errorf("%d at once, want one", most)
	}

	w.service("classy", func(s *corev1.Service) { class := "other.example/lb"; s.Spec.LoadBalancerClass = &class })
	w.service("plain", nil)
	w.await("plain", "an address", func(s *corev1.Service) bool { return address(s) != "" })
	if all := p.LoadBalancers("default", "classy"); len(all) != 0 {
		t.Errorf("a Service with a class was served: %+v", all)
	}
}

func TestRefusesAsAlibabaDoes(t *testing.T) {
	c := clustertest.Start(t, cluster.Options{})
	w := &world{t, kubernetes.NewForConfigOrDie(c.RESTConfig())}
	w.start(Options{CreationOnly: []string{"cloud.example/scheme"}, Refuse: true})
	w.service("web", nil)
	w.await("web", "an address", func(s *corev1.Service) bool { return address(s) != "" })
	w.patch("web", `{"metadata":{"annotations":{"cloud.example/scheme":"public"}}}`)
	w.awaitEvent("web", "SyncLoadBalancerFailed", "alicloud: can not change LoadBalancer scheme once created. delete and retry")
}

func (w *world) poll(what string, done func() bool) {
	w.Helper()
	if err := wait.PollUntilContextTimeout(w.Context(), 20*time.Millisecond, 30*time.Second, true,
		func(context.Context) (bool, error) { return done(), nil }); err != nil {
		w.Fatal(fmt.Errorf("waited for %s: %w", what, err))
	}
}

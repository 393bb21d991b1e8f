package cases

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kube-remedy/kube-remedy/e2e/fakecloud"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// drifted is a policy about one annotation that the cloud reads when it makes a load balancer.
const drifted = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: %[1]s}
spec:
  target: {apiVersion: v1, kind: Service, namespaces: [%[1]s]}
  triggers:
  - name: drift
    changed: {expression: "object.metadata.?annotations[?'cloud.example/scheme'].orValue('')"}
    match: [{name: balanced, expression: object.spec.type == 'LoadBalancer'}]
  remedies:
  - name: recreate
    steps:
    - recreateService: {addressStableFor: 0s, %[2]s}
    verify: [{name: address, expression: "object.?status.loadBalancer.ingress.orValue([]).size() > 0"}]
  recovery: {stableFor: 0s}
  limits: {maxConcurrent: 100%%, maxUnhealthy: 100%%}
`

// A balanced is a Service with a load balancer of a cloud of its own, and all that was ever seen of it.
type balanced struct {
	*testing.T
	w      *harness.World
	ns     string
	cloud  *fakecloud.Provider
	before *corev1.Service

	mu   sync.Mutex
	seen []*corev1.Service // every version; nil when it was not there
}

const foreignFinalizer = "example.com/kept"

// balance makes a Service with everything that can get lost, on a cloud that serves only its class.
func balance(t *testing.T, w *harness.World, ns string, change func(*corev1.Service)) *balanced {
	t.Helper()
	b := &balanced{T: t, w: w, ns: w.Namespace(t, ns)}
	config := rest.CopyConfig(w.RESTConfig())
	config.QPS = -1
	class := "cloud.example/" + ns
	var err error
	b.cloud, err = fakecloud.Start(t.Context(), fakecloud.Options{Client: kubernetes.NewForConfigOrDie(config), Class: class,
		CreationOnly: []string{"cloud.example/scheme"}})
	harness.Must(t, err)
	t.Cleanup(b.cloud.Stop)
	owner, err := w.Client.CoreV1().ConfigMaps(ns).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner"}}, metav1.CreateOptions{})
	harness.Must(t, err)
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Labels: map[string]string{"app": "web"},
			Annotations:     map[string]string{"cloud.example/scheme": "internal", "cloud.example/idle": "60"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: owner.UID}}},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: &class, Selector: map[string]string{"app": "web"},
			LoadBalancerSourceRanges: []string{"10.0.0.0/8"}, ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyLocal,
			Ports: []corev1.ServicePort{{Name: "http", Port: 80}, {Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP}}}}
	if change != nil {
		change(s)
	}
	_, err = b.services().Create(t.Context(), s, metav1.CreateOptions{})
	harness.Must(t, err)
	b.before = b.await("an address", func(s *corev1.Service) bool { return address(s) != "" })
	stream, err := b.services().Watch(t.Context(), metav1.ListOptions{ResourceVersion: b.before.ResourceVersion, FieldSelector: "metadata.name=web"})
	harness.Must(t, err)
	go func() {
		for event := range stream.ResultChan() {
			s, _ := event.Object.(*corev1.Service)
			if event.Type == watch.Deleted {
				s = nil
			}
			b.mu.Lock()
			b.seen = append(b.seen, s)
			b.mu.Unlock()
		}
	}()
	return b
}

func (b *balanced) services() interface {
	Create(context.Context, *corev1.Service, metav1.CreateOptions) (*corev1.Service, error)
	Get(context.Context, string, metav1.GetOptions) (*corev1.Service, error)
	List(context.Context, metav1.ListOptions) (*corev1.ServiceList, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
	Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*corev1.Service, error)
} {
	return b.w.Client.CoreV1().Services(b.ns)
}

func (b *balanced) patch(patch string) {
	b.Helper()
	_, err := b.services().Patch(context.WithoutCancel(b.Context()), "web", types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	harness.Must(b.T, err)
}

func (b *balanced) await(what string, fits func(*corev1.Service) bool) *corev1.Service {
	b.Helper()
	var s *corev1.Service
	harness.Eventually(b.T, "the Service to have "+what, harness.Limit, func() (bool, string) {
		var err error
		s, err = b.services().Get(b.Context(), "web", metav1.GetOptions{})
		return err == nil && fits(s), fmt.Sprintf("%+v %+v", s.Spec, s.Status)
	})
	return s
}

func address(s *corev1.Service) string {
	if len(s.Status.LoadBalancer.Ingress) == 0 {
		return ""
	}
	return s.Status.LoadBalancer.Ingress[0].IP
}

// kept is what may not be another one afterwards.
func kept(s *corev1.Service) string {
	s = s.DeepCopy()
	s.ManagedFields, s.ResourceVersion, s.Generation, s.Status = nil, "", 0, corev1.ServiceStatus{}
	delete(s.Annotations, "cloud.example/scheme")
	slices.Sort(s.Finalizers)
	return harness.Text(s)
}

// wantKept compares what a recreation must leave as it was.
func (b *balanced) wantKept(now *corev1.Service) {
	b.Helper()
	if got, want := kept(now), kept(b.before); got != want {
		b.Errorf("the Service is\n%s\nit was\n%s", got, want)
	}
}

// install applies a drift policy and waits until it knows what the Service is like.
func (b *balanced) install(how string) {
	b.Helper()
	b.w.Apply(b.T, fmt.Sprintf(drifted, b.ns, how))
	b.w.DeleteAtEnd(b.T, b.ns)
	b.w.AwaitCondition(b.T, b.ns, "Ready", "True", "Ready")
	harness.Eventually(b.T, "the baseline of "+b.ns, harness.Limit, func() (bool, string) {
		list, err := b.w.Dynamic.Resource(harness.Baselines).List(b.Context(), metav1.ListOptions{})
		harness.Must(b.T, err)
		text := ""
		for _, item := range list.Items {
			text += harness.Text(item.Object["spec"])
		}
		return strings.Contains(text, `"namespace":"`+b.ns+`"`), text
	})
}

func (b *balanced) drift() {
	b.patch(`{"metadata":{"annotations":{"cloud.example/scheme":"public"}}}`)
}

// wantNew checks that there is one load balancer, made with the new value, and that its address was told.
func (b *balanced) wantNew(r harness.Remediation, made int) *corev1.Service {
	b.Helper()
	now := b.await("an address", func(s *corev1.Service) bool { return address(s) != "" })
	all := b.cloud.LoadBalancers(b.ns, "web")
	last := all[len(all)-1]
	if len(all) != made || last.Parameters["cloud.example/scheme"] != "public" || last.Address != address(now) || !slices.Equal(last.Ranges, []string{"10.0.0.0/8"}) {
		b.Errorf("load balancers: %+v, want %d", all, made)
	}
	if most := b.cloud.MostAtOnce(b.ns, "web"); most != 1 {
		b.Errorf("%d load balancers at once", most)
	}
	told := fmt.Sprintf("the address was %s and is %s", address(b.before), address(now))
	message := ""
	for _, step := range r.Status.Steps {
		message += step.Message
	}
	wantText(b.T, "the step's message", message, told)
	harness.Eventually(b.T, "the Event", harness.Limit, func() (bool, string) {
		out := b.w.Kubectl(b.T, "", "-n", b.ns, "get", "events", "--field-selector=reason=LoadBalancerRecreated", "-o", "jsonpath={.items[*].message}")
		return strings.Contains(out, told), out
	})
	return now
}

// A creation-only annotation drifts: by its type the Service gets a new load balancer, and is the same Service all the time.
func TestRecreateServiceByType(t *testing.T) {
	w, _ := withOperator.Get(t)
	b := balance(t, w, "recreate-by-type", func(s *corev1.Service) { s.Finalizers = []string{foreignFinalizer} })
	t.Cleanup(func() { b.patch(`{"metadata":{"finalizers":null}}`) })
	b.install("strategy: TypeFlip")
	// Nothing was written on it, and what the cloud takes over in place is no drift.
	if now := b.await("", func(*corev1.Service) bool { return true }); now.ResourceVersion != b.before.ResourceVersion {
		t.Errorf("the policy was installed, and the Service is %s, it was %s", now.ResourceVersion, b.before.ResourceVersion)
	}
	b.patch(`{"metadata":{"annotations":{"cloud.example/idle":"90"}}}`)
	b.before.Annotations["cloud.example/idle"] = "90"
	b.drift()
	r := w.AwaitPhase(t, b.ns, "Succeeded")
	now := b.wantNew(r, 2)
	b.wantKept(now)
	b.mu.Lock()
	for _, s := range b.seen {
		if s == nil || s.UID != b.before.UID || s.Spec.ClusterIP != b.before.Spec.ClusterIP || harness.Text(s.Spec.Ports) != harness.Text(b.before.Spec.Ports) {
			t.Errorf("on the way it was %s", harness.Text(s))
		}
	}
	b.mu.Unlock()
	if all := w.Remediations(t, b.ns); len(all) != 1 {
		t.Errorf("%d Remediations, want one", len(all))
	}
}

// F30: deleted and made again it keeps cluster IP, node ports, health check port, class, ranges, owner; others know it by its name.
func TestF30DeletedAndMadeAgainNothingIsLost(t *testing.T) {
	w, _ := withOperator.Get(t)
	b := balance(t, w, "recreate-anew", nil)
	b.install("strategy: DeleteCreate")
	b.drift()
	r := w.AwaitPhase(t, b.ns, "Succeeded")
	now := b.wantNew(r, 2)
	now.UID, now.CreationTimestamp = b.before.UID, b.before.CreationTimestamp
	b.wantKept(now)
}

// With a stand-in there is an address at every moment.
func TestRecreateServiceBlueGreen(t *testing.T) {
	w, _ := withOperator.Get(t)
	b := balance(t, w, "recreate-blue-green", nil)
	b.install("strategy: BlueGreen, overlap: 1s")
	b.drift()
	without := 0
	harness.Eventually(t, "the end", harness.Limit, func() (bool, string) {
		list, err := b.services().List(t.Context(), metav1.ListOptions{})
		harness.Must(t, err)
		if !slices.ContainsFunc(list.Items, func(s corev1.Service) bool { return address(&s) != "" }) {
			without++
		}
		all := w.Remediations(t, b.ns)
		return len(all) > 0 && all[0].Final(), harness.Text(all)
	})
	now := b.wantNew(w.AwaitPhase(t, b.ns, "Succeeded"), 2)
	b.wantKept(now)
	list, err := b.services().List(t.Context(), metav1.ListOptions{})
	harness.Must(t, err)
	if without > 0 || len(list.Items) != 1 {
		t.Errorf("%d times there was no address; in the end there are %d Services", without, len(list.Items))
	}
	if gap := b.cloud.Without(b.ns, "web"); gap != 0 {
		t.Errorf("for %v there was no load balancer", gap)
	}
}

// The old load balancer never goes: it stops as a NodePort without a second one, and says how a person completes it.
func TestAnOldLoadBalancerThatNeverGoes(t *testing.T) {
	w, _ := withOperator.Get(t)
	b := balance(t, w, "recreate-stuck", nil)
	b.cloud.NeverDelete(b.ns, "web", true)
	b.install("timeout: 2s")
	b.drift()
	r := w.AwaitPhase(t, b.ns, "Failed")
	now := b.await("no second load balancer", func(s *corev1.Service) bool { return s.Spec.Type == corev1.ServiceTypeNodePort })
	if now.UID != b.before.UID || now.Spec.ClusterIP != b.before.Spec.ClusterIP || harness.Text(now.Spec.Ports) != harness.Text(b.before.Spec.Ports) {
		t.Errorf("the Service is %s", harness.Text(now))
	}
	wantText(t, "the message", r.Status.Message, "OldLoadBalancerRemains", fakecloud.Finalizer, "is of type NodePort now", "kubectl -n "+b.ns+" patch service web")
	out := w.Kubectl(t, "", "-n", b.ns, "get", "events", "--field-selector=reason=RemedyFailed", "-o", "jsonpath={.items[*].message}")
	wantText(t, "the Event", out, "OldLoadBalancerRemains")
	if all := b.cloud.LoadBalancers(b.ns, "web"); len(all) != 1 {
		t.Errorf("load balancers: %+v", all)
	}
	b.cloud.NeverDelete(b.ns, "web", false)
	b.await("lost its load balancer", func(s *corev1.Service) bool { return len(s.Finalizers) == 0 && address(s) == "" })
	_, command, _ := strings.Cut(r.Status.Message, "-p '")
	patch, _, _ := strings.Cut(command, "'")
	w.Kubectl(t, "", "-n", b.ns, "patch", "service", "web", "--type=merge", "-p", patch)
	completed := b.await("an address", func(s *corev1.Service) bool { return address(s) != "" })
	b.wantKept(completed)
}

// What stopped as a NodePort is completed by the next run, from the log of the one that stopped.
func TestTheNextRunCompletesWhatWasLeft(t *testing.T) {
	w, _ := withOperator.Get(t)
	b := balance(t, w, "recreate-resumed", nil)
	b.cloud.NeverDelete(b.ns, "web", true)
	b.install("timeout: 2s")
	b.drift()
	w.AwaitPhase(t, b.ns, "Failed")
	b.cloud.NeverDelete(b.ns, "web", false)
	b.await("lost its load balancer", func(s *corev1.Service) bool { return len(s.Finalizers) == 0 && address(s) == "" })
	w.Kubectl(t, "", "remedy", "run", b.ns, "web", "-n", b.ns)
	completed := b.await("an address", func(s *corev1.Service) bool { return address(s) != "" })
	b.wantKept(completed)
}

// Policy deleted, cancelled, paused or deleted in the middle: what was begun is completed, then it stops.
func TestPolicyDeletedMidFlipFinishesAndUndoes(t *testing.T) {
	w, _ := withOperator.Get(t)
	for _, stop := range []string{"policy", "cancel", "remediation"} {
		t.Run(stop, func(t *testing.T) {
			b := balance(t, w, "recreate-mid-"+stop, nil)
			b.cloud.NeverDelete(b.ns, "web", true)
			b.install("timeout: 40s")
			b.drift()
			b.await("no load balancer", func(s *corev1.Service) bool { return s.Spec.Type == corev1.ServiceTypeNodePort })
			r := w.AwaitStep(t, b.ns, "recreateService")
			switch stop {
			case "policy":
				w.Kubectl(t, "", "delete", "rempol", b.ns)
			case "cancel":
				w.Kubectl(t, "", "patch", "rem", r.Name, "--type=merge", "-p", `{"spec":{"cancel":true}}`)
			case "remediation":
				w.Kubectl(t, "", "delete", "rem", r.Name, "--wait=false")
			}
			w.AwaitRemediation(t, b.ns, "to say that it completes", func(r *harness.Remediation) bool {
				return strings.Contains(r.Status.Message, "completes what was begun")
			})
			b.cloud.NeverDelete(b.ns, "web", false)
			completed := b.await("an address again", func(s *corev1.Service) bool {
				return s.Spec.Type == corev1.ServiceTypeLoadBalancer && address(s) != ""
			})
			b.wantKept(completed)
			if stop == "remediation" {
				harness.Eventually(t, "the Remediation to go", harness.Limit, func() (bool, string) { // another may have its name
					out, _ := w.TryKubectl(t, "", "get", "rem", r.Name, "-o", "jsonpath={.metadata.uid}")
					return out != string(r.UID), out
				})
				return
			}
			ended := w.AwaitPhase(t, b.ns, "Cancelled")
			wantText(t, "the message", ended.Status.Message, "completed first")
		})
	}
}

package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Services that get new load balancers, one by its type, one deleted and made again and one while another stands in for
// it: whatever happens on the way, none is lost, none has two, and the last one always has one.

const serviceRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kube-remedy-fault-services
  labels: {kube-remedy.io/aggregate-to-controller: "true"}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get, list, watch, patch]}
- {apiGroups: [""], resources: [services], verbs: [get, patch, create, delete]}
`

const servicePolicy = `
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: balance}
spec:
  target: {apiVersion: v1, kind: ConfigMap, selector: {matchLabels: {role: balanced}}}
  triggers:
  - name: marked
    match:
    - {name: sick, expression: "object.metadata.?annotations.?sick.orValue('') == 'yes'"}
  remedies:
  - name: new-load-balancers
    steps:
    - recreateService: {addressStableFor: 0s}
      applyTo: {ref: {apiVersion: v1, kind: Service, name: flipped}}
    - recreateService: {addressStableFor: 0s, strategy: DeleteCreate}
      applyTo: {ref: {apiVersion: v1, kind: Service, name: remade}}
    - recreateService: {addressStableFor: 0s, strategy: BlueGreen, overlap: 1s}
      applyTo: {ref: {apiVersion: v1, kind: Service, name: covered}}
    - patch: {set: [{path: /metadata/annotations/sick, remove: true}]}
    verify:
    - {name: marked-no-more, expression: "object.metadata.?annotations.?sick.orValue('') == ''"}
  recovery: {stableFor: 0s}
  limits: {maxConcurrent: 100%, maxUnhealthy: 100%}
`

var recreations = &regimen{name: "balance", role: serviceRole, policy: servicePolicy, admit: (*ward).admitBalanced, least: 10}

func TestEveryFaultAtEveryWriteOfARecreation(t *testing.T) { everyFault(t, recreations) }

func TestCrashAtEveryWriteOfARecreation(t *testing.T) { everyCrash(t, recreations) }

// balanced are each patient's Services, by how they get another load balancer.
var balanced = []string{"flipped", "remade", "covered"}

// admitBalanced makes a patient, and waits until the cloud has provided for its Services.
func (w *ward) admitBalanced(ctx context.Context, name string) error {
	patient := &corev1.ConfigMap{ObjectMeta: meta(name, map[string]string{"role": "balanced"})}
	if _, err := w.Client.CoreV1().ConfigMaps(name).Create(ctx, patient, metav1.CreateOptions{}); err != nil {
		return err
	}
	class := "cloud.example/" + w.name
	for _, service := range balanced {
		object := &corev1.Service{ObjectMeta: meta(service, nil), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer,
			LoadBalancerClass: &class, Selector: map[string]string{"app": "web"}, LoadBalancerSourceRanges: []string{"10.0.0.0/8"},
			ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyLocal, Ports: []corev1.ServicePort{{Port: 80}}}}
		s, err := w.Client.CoreV1().Services(name).Create(ctx, object, metav1.CreateOptions{})
		for ; err == nil && len(s.Status.LoadBalancer.Ingress) == 0; s, err = w.Client.CoreV1().Services(name).Get(ctx, service, metav1.GetOptions{}) {
			time.Sleep(20 * time.Millisecond)
		}
		if err != nil {
			return err
		}
		w.mu.Lock()
		w.services[name+"/"+service] = whole(s)
		w.mu.Unlock()
	}
	return nil
}

// whole is what of a Service may not be another one when it has got its new load balancer.
func whole(s *corev1.Service) string {
	class := ""
	if s.Spec.LoadBalancerClass != nil {
		class = *s.Spec.LoadBalancerClass
	}
	return fmt.Sprint(s.Spec.Type, class, s.Spec.ClusterIP, s.Spec.Ports, s.Spec.HealthCheckNodePort, s.Spec.LoadBalancerSourceRanges, s.Spec.ExternalTrafficPolicy)
}

// servicesOf says what has become of a patient's Services.
func (w *ward) servicesOf(name string) (lines []string) {
	for _, service := range balanced {
		if _, had := w.services[name+"/"+service]; !had {
			continue
		}
		s, err := w.Client.CoreV1().Services(name).Get(w.t.Context(), service, metav1.GetOptions{})
		if err != nil {
			lines = append(lines, "lost: "+err.Error())
			continue
		}
		all := w.cloud.LoadBalancers(name, service)
		last := len(s.Status.LoadBalancer.Ingress) > 0 && len(all) > 0 && s.Status.LoadBalancer.Ingress[0].IP == all[len(all)-1].Address
		lines = append(lines, fmt.Sprintf("%s: as before: %v, finalizers %v, load balancers made: %d, at once: %d, has the last: %v", service,
			whole(s) == w.services[name+"/"+service], s.Finalizers, len(all), w.cloud.MostAtOnce(name, service), last))
	}
	if len(lines) > 0 { // whoever stood in is gone, and was there as long as it had to be
		list, err := w.Client.CoreV1().Services(name).List(w.t.Context(), metav1.ListOptions{})
		lines = append(lines, fmt.Sprintf("services: %d %v, covered was without a load balancer for %v", len(list.Items), err, w.cloud.Without(name, "covered")))
	}
	return lines
}

package catalogue

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kube-remedy/kube-remedy/e2e/fakecloud"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// cloud serves Services of one class, and reads Alibaba's address type once.
func cloud(t *testing.T, class string, refuse bool) *fakecloud.Provider {
	t.Helper()
	w, _ := withNodes.Get(t)
	config := rest.CopyConfig(w.RESTConfig())
	config.QPS = -1
	p, err := fakecloud.Start(context.WithoutCancel(t.Context()), fakecloud.Options{Client: kubernetes.NewForConfigOrDie(config), Class: class, Refuse: refuse,
		CreationOnly: []string{"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type"}})
	harness.Must(t, err)
	t.Cleanup(func() {
		defer p.Stop()
		dropServices(t, w)
	})
	return p
}

// dropServices deletes the Services of a test while there is a cloud that lets them go: other tests look at all Services.
func dropServices(t *testing.T, w *harness.World) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), harness.Limit)
	defer cancel()
	for {
		all, err := w.Client.CoreV1().Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
		left := 0
		for _, service := range all.Items {
			if service.Spec.LoadBalancerClass == nil {
				continue
			}
			left++
			_ = w.Client.CoreV1().Services(service.Namespace).Delete(ctx, service.Name, metav1.DeleteOptions{})
		}
		if err != nil || left == 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Errorf("%d Services are left", left)
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// balanced is a Service with a load balancer; annotations are YAML.
func balanced(ns, name, class, annotations string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: %s, namespace: %s, annotations: {%s}}
spec: {type: LoadBalancer, loadBalancerClass: %s, selector: {app: web}, ports: [{name: http, port: 80}]}
---`, name, ns, annotations, class)
}

const ingress = "{.status.loadBalancer.ingress[0].ip}"

func annotations(t *testing.T) string {
	t.Helper()
	folder, err := operator.Manifests("config/policies/service")
	harness.Must(t, err)
	text, err := os.ReadFile(filepath.Join(folder, "annotations.yaml"))
	harness.Must(t, err)
	return string(text)
}

// baseline waits until the policy knows what a Service is like.
func (i *incident) baseline(name string) {
	i.Helper()
	harness.Eventually(i, "the baseline of "+name, harness.Limit, func() (bool, string) {
		out := i.w.Kubectl(i, "", "get", "targetbaselines", "-o", "jsonpath={.items[*].spec.targetRef.name}")
		return strings.Contains(out, name), out
	})
}

// about waits for a phase of the Remediation of that Service.
func (i *incident) about(service, phase string) (found harness.Remediation) {
	i.Helper()
	harness.Eventually(i, service+" to be "+phase, harness.Limit, func() (bool, string) {
		state := ""
		for _, r := range i.w.Remediations(i, i.policy) {
			if r.Spec.TargetRef.Name == service {
				state, found = r.String(), r
			}
		}
		return found.Status.Phase == phase, state
	})
	return found
}

// R15: an annotation that is read once was changed; nothing else is a drift.
func TestR15ServiceAnnotationDrift(t *testing.T) {
	const ns, class = "r15", "cloud.example/r15"
	p := cloud(t, class, false)
	const kind = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type"
	i := play(t, "service/service-annotation-drift", ns, annotations(t)+"---"+balanced(ns, "r15-web", class, kind+": intranet"),
		"for: 1m", "for: 1s", "recreateService: {}", "recreateService: {addressStableFor: 0s}")
	harness.Eventually(t, "an address", harness.Limit, func() (bool, string) { got := i.get(ingress, "service", "r15-web"); return got != "", got })
	first := i.get(ingress, "service", "r15-web")
	i.baseline("r15-web")
	i.wantWrites("services", 0)
	i.w.Kubectl(t, "", "-n", ns, "annotate", "service", "r15-web", "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-bandwidth=5")
	i.w.Kubectl(t, "", "-n", ns, "annotate", "--overwrite", "service", "r15-web", kind+"=internet")
	r := i.w.AwaitPhase(t, i.policy, "AwaitingApproval")
	i.wantWrites("services", 0)
	i.approve(r)
	i.cured()
	all := p.LoadBalancers(ns, "r15-web")
	if len(all) != 2 || all[1].Parameters[kind] != "internet" || p.MostAtOnce(ns, "r15-web") != 1 || i.get(ingress, "service", "r15-web") == first {
		t.Errorf("load balancers: %+v", all)
	}
	i.wantWrites("services", 2)
	i.wantOne("service", "r15-web")

	// A provider that nobody knows is refused, and said.
	i.w.Kubectl(t, "", "-n", "kube-remedy", "patch", "configmap", "load-balancer-annotations", "--type=merge", "-p", `{"data":{"creationOnly":"{\"awz\": []}"}}`)
	harness.Eventually(t, "the table to be refused", harness.Limit, func() (bool, string) {
		policy := i.w.Policy(t, i.policy)
		c := policy.Condition("Ready")
		return c.Status == "False" && strings.Contains(c.Message, `data.creationOnly: has the key "awz", expected one of awsInTree`), c.Message
	})
}

// R15, as Alibaba's controller says it: by an Event.
func TestR15RefusedByTheProvider(t *testing.T) {
	const ns, class = "r15-refused", "cloud.example/r15-refused"
	p := cloud(t, class, true)
	const kind = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type"
	// Nobody watched when it was changed: only the Event tells.
	w, _ := withNodes.Get(t)
	w.Apply(t, annotations(t))
	w.Namespace(t, ns)
	w.Apply(t, balanced(ns, "r15-refused", class, kind+": intranet"))
	harness.Eventually(t, "an address", harness.Limit, func() (bool, string) {
		return len(p.LoadBalancers(ns, "r15-refused")) == 1 && w.Kubectl(t, "", "-n", ns, "get", "service", "r15-refused", "-o", "jsonpath="+ingress) != "", ""
	})
	i := play(t, "service/service-annotation-drift", "", "", "for: 1m", "for: 1h", "recreateService: {}", "recreateService: {addressStableFor: 0s}")
	i.ns = ns
	i.w.Kubectl(t, "", "-n", ns, "annotate", "--overwrite", "service", "r15-refused", kind+"=internet")
	i.approve(i.about("r15-refused", "AwaitingApproval"))
	i.about("r15-refused", "Succeeded")
	all := p.LoadBalancers(ns, "r15-refused")
	if len(all) != 2 || all[1].Parameters[kind] != "internet" || p.MostAtOnce(ns, "r15-refused") != 1 {
		t.Errorf("load balancers: %+v", all)
	}
}

// R14: where the controller knows the annotation it is set, after approval; otherwise it is told.
func TestR14NLBAlpnPolicy(t *testing.T) {
	const ns = "r14"
	i := play(t, "service/nlb-alpn-policy", ns, "", "for: 5m", "for: 1s")
	const tls = `service.beta.kubernetes.io/aws-load-balancer-type: nlb, service.beta.kubernetes.io/aws-load-balancer-ssl-cert: "arn:x"`
	i.w.Apply(t, balanced(ns, "unmarked", "service.k8s.aws/nlb", tls)+balanced(ns, "no-tls", "service.k8s.aws/nlb", "a: b")+balanced(ns, "web", "service.k8s.aws/nlb", tls))
	i.w.Kubectl(t, "", "-n", ns, "label", "service", "web", "no-tls", "kube-remedy.io/http2=true")
	i.approve(i.w.AwaitPhase(t, i.policy, "AwaitingApproval"))
	i.cured()
	i.await("HTTP2Preferred", `{.metadata.annotations.service\.beta\.kubernetes\.io/aws-load-balancer-alpn-policy}`, "service", "web")
	i.wantWrites("services", 1)
	i.wantOne("service", "web")
	i.w.Apply(t, balanced(ns, "old", "cloud.example/ccm", tls))
	i.w.Kubectl(t, "", "-n", ns, "label", "service", "old", "kube-remedy.io/http2=true")
	i.about("old", "Reported")
	i.wantWrites("services", 1)
}

// R69: the younger of two Services that take one port of one load balancer.
func TestR69SLBPortConflict(t *testing.T) {
	const ns, class, id = "r69", "cloud.example/r69", "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-id"
	p := cloud(t, class, false)
	i := play(t, "service/slb-port-conflict", ns, "", "for: 2m", "for: 1s", "recreateService:", "recreateService:\n        addressStableFor: 0s")
	i.w.Apply(t, balanced(ns, "older", class, id+": lb-1")+balanced(ns, "other", class, id+": lb-2"))
	for _, name := range []string{"older", "other"} {
		harness.Eventually(t, "an address", harness.Limit, func() (bool, string) { return len(p.LoadBalancers(ns, name)) == 1, "" })
	}
	i.w.Apply(t, balanced(ns, "younger", class, id+": lb-1"))
	r := i.w.AwaitPhase(t, i.policy, "AwaitingApproval")
	i.approve(r)
	i.cured()
	i.await("", `{.metadata.annotations.service\.beta\.kubernetes\.io/alibaba-cloud-loadbalancer-id}`, "service", r.Spec.TargetRef.Name)
	if all := p.LoadBalancers(ns, r.Spec.TargetRef.Name); len(all) != 2 || p.MostAtOnce(ns, r.Spec.TargetRef.Name) != 1 {
		t.Errorf("load balancers: %+v", all)
	}
	i.wantWrites("services", 2)
	i.wantOne("service", "older")
}

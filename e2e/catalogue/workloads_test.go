package catalogue

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// approve says yes to what a Remediation waits for, as a person would.
func (i *incident) approve(r harness.Remediation) {
	i.Helper()
	i.w.Kubectl(i, "", "remedy", "approve", r.Name)
}

// deployment is one with labels, replicas and more of its pod's spec.
func deployment(name, ns, labels string, replicas int, pod string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: %[2]s, labels: {%[3]s}}
spec:
  replicas: %[4]d
  selector: {matchLabels: {app: %[1]s}}
  template: {metadata: {labels: {app: %[1]s}}, spec: {%[5]s containers: [{name: c, image: "i"}]}}
---`, name, ns, labels, replicas, pod)
}

// R08: nothing behind the resource metrics is ready.
func TestR08MetricsAPIService(t *testing.T) {
	const ns = "metrics"
	i := play(t, "metrics-apiservice-unavailable", ns, deployment("server", ns, "", 1, "schedulerName: nobody,"), "for: 5m", "for: 1s")
	i.w.Apply(t, `
apiVersion: v1
kind: Service
metadata: {name: server, namespace: metrics}
spec: {selector: {app: server}, ports: [{port: 443}]}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {name: server, namespace: metrics}
`)
	harness.Eventually(t, "the backend to be restarted", harness.Limit, func() (bool, string) {
		out := i.get("{.spec.template.metadata.annotations}", "deployment", "server")
		return out != "" && out != "error: ", out
	})
	// As when the backend answers again: the API server serves what has no Service itself.
	i.w.Kubectl(t, "", "patch", "apiservice", "v1beta1.metrics.k8s.io", "--type=merge", "-p", `{"spec":{"service":null,"insecureSkipTLSVerify":null}}`)
	i.cured()
	i.wantWrites("deployments", 1)
	i.wantOne("apiservice", "v1beta1.metrics.k8s.io")
	i.w.Kubectl(t, "", "delete", "apiservice", "v1beta1.metrics.k8s.io")
	i.w.Kubectl(t, "", "-n", ns, "delete", "service", "server")
}

// R26: pods of three owners wait for Secrets; the provider has one replica.
func TestR26CredentialProvider(t *testing.T) {
	const ns = "credentials"
	i := play(t, "credential-provider-starved", ns, deployment("provider", ns, `kube-remedy.io/credential-provider: "true"`, 1, ""))
	i.await("1", "{.status.availableReplicas}", "deployment", "provider")
	fail := func(owner string) {
		i.w.Apply(t, deployment(owner, ns, "", 1, "schedulerName: nobody,"))
		pod := ""
		harness.Eventually(t, "a pod of "+owner, harness.Limit, func() (bool, string) {
			pod = i.get("{.items[0].metadata.name}", "pods", "-l", "app="+owner)
			return pod != "" && pod[0] != 'e', pod
		})
		i.w.Apply(t, fmt.Sprintf(`
apiVersion: v1
kind: Event
metadata: {name: %[1]s.1, namespace: %[2]s}
type: Warning
reason: FailedMount
message: 'MountVolume.SetUp failed for volume "creds" : secret "%[1]s-credentials" not found'
involvedObject: {apiVersion: v1, kind: Pod, name: %[3]s, namespace: %[2]s, uid: %[4]s}
source: {component: kubelet}
count: 5
firstTimestamp: %[5]s
lastTimestamp: %[5]s
`, owner, ns, pod, i.get("{.metadata.uid}", "pod", pod), ago(0)))
	}
	fail("xa")
	fail("xb")
	i.await("1", "{.spec.replicas}", "deployment", "provider")
	fail("xc")
	i.await("2", "{.spec.replicas}", "deployment", "provider")
	i.cured()
	i.wantWrites("deployments", 1)
	i.wantOne("deployment", "provider")
}

// R53: two of four replicas crash one after the other.
func TestR53Avalanche(t *testing.T) {
	const ns = "avalanche"
	opted := `kube-remedy.io/scale-on-avalanche: "true"`
	i := play(t, "crashloop-traffic-avalanche", ns, "", "duration('1h')", "duration('1s')")
	i.w.Apply(t, deployment("web", ns, opted, 4, "schedulerName: nobody,")+deployment("other", ns, "", 4, "schedulerName: nobody,"))
	var pods []string
	for _, app := range []string{"web", "other"} {
		i.await("4", "{.status.replicas}", "deployment", app)
		for k := range 4 {
			pods = append(pods, i.get(fmt.Sprintf("{.items[%d].metadata.name}", k), "pods", "-l", "app="+app))
		}
	}
	ready := func(pod, ready, state string) {
		i.status(`{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"`+ready+`","lastTransitionTime":"`+ago(time.Hour)+`"}],`+
			`"containerStatuses":[{"name":"c","image":"i","imageID":"","ready":false,"restartCount":3,"state":`+state+`}]}}`, "pod", pod)
	}
	for _, pod := range pods {
		ready(pod, "True", `{"running":{}}`)
	}
	for _, app := range []string{"web", "other"} {
		i.await("4", "{.status.readyReplicas}", "deployment", app)
	}
	// One is not half.
	crash := func(k int) {
		ready(pods[k], "False", `{"waiting":{"reason":"CrashLoopBackOff"}}`)
		ready(pods[4+k], "False", `{"waiting":{"reason":"CrashLoopBackOff"}}`)
	}
	crash(0)
	i.await("3", "{.status.readyReplicas}", "deployment", "web")
	i.await("4", "{.spec.replicas}", "deployment", "web")
	crash(1)
	i.await("6", "{.spec.replicas}", "deployment", "web")
	i.await("4", "{.spec.replicas}", "deployment", "other")
	i.wantWrites("deployments", 1)

	// With the two that it got, the load is one that all of them carry.
	i.await("6", "{.status.replicas}", "deployment", "web")
	for _, pod := range strings.Fields(i.get("{.items[*].metadata.name}", "pods", "-l", "app=web")) {
		ready(pod, "True", `{"running":{}}`)
	}
	i.await("6", "{.status.readyReplicas}", "deployment", "web")
	i.cured()
	i.wantOne("deployment", "web")
	i.wantWrites("deployments", 1)
}

// R57: nothing behind a Service is ready; what stood at zero wakes up once somebody approved it.
func TestR57ServiceWithoutEndpoints(t *testing.T) {
	const ns = "endpoints"
	i := play(t, "service-without-endpoints", ns, deployment("asleep", ns, "", 0, ""), "for: 5m", "for: 1s")
	i.w.Kubectl(t, "", "-n", ns, "annotate", "deployment", "asleep", "kube-remedy.io/previous-replicas=2")
	i.w.Apply(t, `
apiVersion: v1
kind: Service
metadata: {name: asleep, namespace: endpoints}
spec: {selector: {app: asleep}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: meant, namespace: endpoints, labels: {kube-remedy.io/exclude: "true"}}
spec: {selector: {app: nothing}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere, namespace: endpoints}
spec: {ports: [{port: 80}]}
`)
	r := i.w.AwaitPhase(t, i.policy, "AwaitingApproval")
	i.approve(r)
	i.cured()
	i.await("2", "{.status.readyReplicas}", "deployment", "asleep")
	i.wantWrites("deployments", 1)
	i.wantOne("service", "asleep")
}

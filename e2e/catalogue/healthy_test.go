package catalogue

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
	"github.com/kube-remedy/kube-remedy/e2e/scenario"
)

// The healthy cluster: 600 pods of DaemonSets and 100 in each of 44 namespaces.
const (
	healthyNodes      = 300
	healthyNamespaces = 44
	healthyPods       = 2*healthyNodes + 100*healthyNamespaces
)

// agents are what runs on every node, and what is scraped of it.
const agents = `
apiVersion: v1
kind: Namespace
metadata: {name: monitoring}
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: kube-proxy, namespace: monitoring}
spec: {selector: {matchLabels: {k8s-app: kube-proxy}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-proxy, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: kube-proxy}}
  template: {metadata: {labels: {k8s-app: kube-proxy}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: calico-node, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: calico-node}}
  template: {metadata: {labels: {k8s-app: calico-node}}, spec: {containers: [{name: calico-node, image: i}]}}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec: {group: metrics.k8s.io, version: v1beta1, groupPriorityMinimum: 100, versionPriority: 100}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ingress-nginx, namespace: kube-system, labels: {kube-remedy.io/tune: "true"}}
data:
  keep-alive: "300"
  keep-alive-requests: "1000"
  upstream-keepalive-connections: "300"
  upstream-keepalive-requests: "1000"
  upstream-keepalive-timeout: "300"
  proxy-connect-timeout: "75"
  proxy-read-timeout: "75"
  proxy-send-timeout: "75"
`

// tenant is a namespace of 100 pods in which every shipped policy that can have one has a target.
const tenant = `
apiVersion: v1
kind: Namespace
metadata: {name: %[1]s, labels: {tenant: "true", kube-remedy.io/defaults: "true"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: baseline, namespace: %[1]s}
spec: {limits: [{type: Container, defaultRequest: {cpu: 1m}}]}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: defaults, namespace: %[1]s}
spec: {hard: {pods: "200"}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: %[1]s, labels: {kube-remedy.io/http2: "true"}}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: %[1]s
  labels: {kube-remedy.io/scale-on-avalanche: "true", kube-remedy.io/credential-provider: "true"}
spec:
  replicas: 60
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: %[1]s}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 60
  maxReplicas: 60
---
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {name: data, namespace: %[1]s}
spec: {targetRef: {apiVersion: apps/v1, kind: StatefulSet, name: data}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: data, namespace: %[1]s}
spec:
  serviceName: data
  replicas: 30
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: data}}
  template: {metadata: {labels: {app: data}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: old, namespace: %[1]s, labels: {kube-remedy.io/roll: "true"}}
spec:
  replicas: 10
  selector: {app: old}
  template: {metadata: {labels: {app: old}}, spec: {containers: [{name: c, image: i}]}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: etcd-backup, namespace: %[1]s, labels: {app: etcd-backup}}
spec:
  schedule: "0 3 1 1 *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}
---
`

// idle is how long the cluster is watched: KR_IDLE, else as long as the tests of a change can afford.
func idle(t *testing.T) time.Duration {
	text := os.Getenv("KR_IDLE")
	if text == "" {
		return time.Minute
	}
	d, err := time.ParseDuration(text)
	harness.Must(t, err)
	return d
}

// unmarked are the policies about what is not there, or about what people mark.
var unmarked = []string{"kube-proxy-podmonitor-missing", "node-decommission", "node-generation-rolling"}

// TestAHealthyClusterIsLeftAlone loads every shipped policy on 300 nodes and 5,000 pods on which nothing is wrong,
// though much happens: pods come and go, workloads are rolled out and scaled.
func TestAHealthyClusterIsLeftAlone(t *testing.T) {
	w := harness.Start(t, cluster.Options{Scheduler: true, Kwok: true})
	harness.Must(t, scenario.Nodes(t.Context(), w.Client, healthyNodes))
	w.Apply(t, crd("PodMonitor", "podmonitors", "monitoring.coreos.com", "v1")+"---"+
		crd("VerticalPodAutoscaler", "verticalpodautoscalers", "autoscaling.k8s.io", "v1"))
	w.Kubectl(t, "", "wait", "--for=condition=Established", "crd/podmonitors.monitoring.coreos.com", "crd/verticalpodautoscalers.autoscaling.k8s.io")
	var objects strings.Builder
	for n := range healthyNamespaces {
		fmt.Fprintf(&objects, tenant, fmt.Sprintf("tenant-%02d", n))
	}
	w.Apply(t, agents+"---"+objects.String())
	awaitReady(t, w, healthyPods)

	folder, err := operator.Manifests("config/policies")
	harness.Must(t, err)
	files, err := filepath.Glob(filepath.Join(folder, "*-*.yaml"))
	harness.Must(t, err)
	below, err := filepath.Glob(filepath.Join(folder, "*", "*-*.yaml"))
	harness.Must(t, err)
	files = append(files, below...)
	w.Kubectl(t, "", "apply", "-k", folder)
	var names, policies []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		harness.Must(t, err)
		policies = append(policies, string(text))
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".yaml"))
	}
	(&incident{T: t, w: w}).allow(strings.Join(policies, "\n---\n"))
	op := w.Operator(t, operator.Options{})
	for _, name := range names {
		w.AwaitCondition(t, name, "Ready", "True", "Ready")
		// Each has something to look at.
		harness.Eventually(t, name+" to select a target", harness.Limit, func() (bool, string) {
			p := w.Policy(t, name)
			return p.Status.Targets.Selected > 0 || slices.Contains(unmarked, name), harness.Text(p.Status)
		})
	}

	for end, round := time.Now().Add(idle(t)), 0; time.Now().Before(end); round++ {
		ns := fmt.Sprintf("tenant-%02d", round%healthyNamespaces)
		live(t, w, ns)
		for _, name := range names {
			p := w.Policy(t, name)
			// What is rolled out is not ready for a while: there are triggers that hold, but not for long enough.
			waiting := p.Status.Targets.Waiting
			for _, reason := range p.Status.WaitingReasons {
				if reason.Reason == "SymptomPending" {
					waiting -= reason.Count
				}
			}
			if s := p.Status.Targets; s.Remediating+waiting+s.Exhausted > 0 {
				t.Fatalf("%s has something to do: %s", name, harness.Text(p.Status))
			}
			if all := w.Remediations(t, name); len(all) > 0 {
				t.Fatalf("there is a Remediation of a healthy cluster: %s", all[0].String())
			}
		}
	}
	awaitReady(t, w, healthyPods)
	for _, name := range names {
		harness.Eventually(t, name+" to find nothing sick", harness.Limit, func() (bool, string) {
			p := w.Policy(t, name)
			return p.Status.Targets.Unhealthy == 0, harness.Text(p.Status)
		})
	}
	// It has written nothing but its lease, Events and what it says of itself; and Remediations are none of that here.
	// A question about permissions is a creation of nothing.
	for _, write := range w.Writes(t, "", "", "") {
		ref := write.ObjectRef
		lease := ref.Resource == "leases" && ref.Namespace == "kube-system" && ref.Name == "kube-remedy"
		own := ref.APIGroup == "kube-remedy.io" && ref.Resource != "remediations"
		if !lease && !own && ref.Resource != "events" && ref.Resource != "selfsubjectaccessreviews" {
			t.Errorf("it wrote: %s %s", write.Verb, write.RequestURI)
		}
	}
	_, metrics, err := op.Get(t.Context(), "/metrics")
	harness.Must(t, err)
	for _, line := range strings.Split(metrics, "\n") {
		if strings.HasPrefix(line, "process_cpu_seconds_total ") || strings.HasPrefix(line, "process_resident_memory_bytes ") {
			t.Log(line)
		}
	}
}

// live is what happens in a healthy namespace: a rollout, a pod that is replaced, replicas that come and go.
func live(t *testing.T, w *harness.World, ns string) {
	t.Helper()
	w.Kubectl(t, "", "-n", ns, "rollout", "restart", "deployment/web", "statefulset/data")
	w.Kubectl(t, "", "-n", ns, "delete", "pod", "-l", "app=old", "--wait=false", "--grace-period=1")
	w.Kubectl(t, "", "-n", ns, "annotate", "service", "web", "looked-at="+time.Now().Format("150405"), "--overwrite")
	w.Kubectl(t, "", "-n", ns, "rollout", "status", "deployment/web", "--timeout=3m")
	w.Kubectl(t, "", "-n", ns, "rollout", "status", "statefulset/data", "--timeout=3m")
}

// awaitReady waits until that many pods are ready, and no more are there.
func awaitReady(t *testing.T, w *harness.World, want int) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%d ready pods", want), 10*time.Minute, func() (bool, string) {
		pods, ready := 0, 0
		for next := ""; ; {
			list, err := w.Client.CoreV1().Pods("").List(context.WithoutCancel(t.Context()), metav1.ListOptions{Limit: 1000, Continue: next})
			if err != nil {
				return false, err.Error()
			}
			for i := range list.Items {
				pods++
				for _, c := range list.Items[i].Status.Conditions {
					if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
						ready++
					}
				}
			}
			if next = list.Continue; next == "" {
				break
			}
		}
		time.Sleep(2 * time.Second) // 5,000 pods are much to ask for all the time
		return pods == want && ready == want, fmt.Sprintf("%d pods, %d ready", pods, ready)
	})
}

package catalogue

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
)

// crd is a CustomResourceDefinition that takes anything: kind, plural, group, version.
func crd(kind, plural, group, version string) string {
	return fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[2]s.%[3]s, annotations: {api-approved.kubernetes.io: "unapproved, for a test"}}
spec:
  group: %[3]s
  scope: Namespaced
  names: {kind: %[1]s, plural: %[2]s, listKind: %[1]sList}
  versions:
  - name: %[4]s
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
`, kind, plural, group, version)
}

// ago is an instant as the API writes it.
func ago(d time.Duration) string {
	return time.Now().Add(-d).UTC().Format(time.RFC3339)
}

// R03: nothing scrapes kube-proxy.
func TestR03KubeProxyPodMonitor(t *testing.T) {
	setup := crd("PodMonitor", "podmonitors", "monitoring.coreos.com", "v1")
	w, _ := withNodes.Get(t)
	w.Apply(t, setup)
	w.Kubectl(t, "", "wait", "--for=condition=Established", "crd/podmonitors.monitoring.coreos.com")
	i := play(t, "kube-proxy-podmonitor-missing", "monitoring", "", "for: 5m", "for: 1s")
	// Without kube-proxy nothing is missing.
	i.w.Apply(t, `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-proxy, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: kube-proxy}}
  template:
    metadata: {labels: {k8s-app: kube-proxy}}
    spec: {nodeSelector: {none: "such"}, containers: [{name: c, image: "i"}]}
`)
	i.cured()
	i.await("k8s-app", "{.spec.jobLabel}", "podmonitors", "kube-proxy")
	i.wantWrites("podmonitors", 1)
	i.wantOne("podmonitors", "kube-proxy")
}

// R17: a tenant's namespace without its LimitRange, beside one that is nobody's tenant.
func TestR17NamespaceBaseline(t *testing.T) {
	i := play(t, "namespace-baseline", "tenant-a", "", "for: 1m", "for: 1s")
	i.w.Namespace(t, "no-tenant")
	i.w.Kubectl(t, "", "label", "namespace", "tenant-a", "tenant=true")
	i.cured()
	i.await("128Mi", "{.spec.limits[0].defaultRequest.memory}", "limitrange", "baseline")
	i.wantWrites("limitranges", 1)
	i.wantOne()
	if out := i.w.Kubectl(t, "", "-n", "no-tenant", "get", "limitrange"); out != "No resources found in no-tenant namespace.\n" {
		t.Errorf("the namespace without the label has %s", out)
	}
	// Taken away, it comes back.
	i.w.Kubectl(t, "", "-n", "tenant-a", "delete", "limitrange", "baseline")
	i.await("baseline", "{.metadata.name}", "limitrange", "baseline")
}

// R105: the LimitRange by itself, the quota after somebody approved it.
func TestR105QuotaAndLimitRange(t *testing.T) {
	i := play(t, "quota-limitrange-defaults", "bare", "", "for: 1m", "for: 1s", "cureWithin: 3m", "cureWithin: 3s")
	i.w.Kubectl(t, "", "label", "namespace", "bare", "kube-remedy.io/defaults=true")
	i.await("100m", "{.spec.limits[0].defaultRequest.cpu}", "limitrange", "defaults")
	r := i.w.AwaitPhase(t, i.policy, "AwaitingApproval")
	i.wantWrites("resourcequotas", 0)
	i.approve(r)
	i.cured()
	i.await("200", "{.spec.hard.pods}", "resourcequota", "defaults")
	i.wantWrites("limitranges", 1)
	i.wantWrites("resourcequotas", 1)
	i.wantOne()
}

// R21: a backup that did not succeed for too long.
func TestR21BackupCronJob(t *testing.T) {
	const ns = "backups"
	cron := func(name, app string) string {
		return fmt.Sprintf(`
apiVersion: batch/v1
kind: CronJob
metadata: {name: %s, namespace: %s, labels: {app: %s}}
spec:
  schedule: "0 3 1 1 *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, schedulerName: nobody, containers: [{name: c, image: "i"}]}}}}
---`, name, ns, app)
	}
	i := play(t, "backup-cronjob-stale", ns, "", "default: 26h", "default: 1h")
	i.w.Apply(t, cron("fresh", "etcd-backup")+cron("other", "something-else"))
	i.status(`{"status":{"lastSuccessfulTime":"`+ago(time.Minute)+`"}}`, "cronjob", "fresh")
	i.w.Apply(t, cron("stale", "etcd-backup"))
	i.status(`{"status":{"lastSuccessfulTime":"`+ago(2*time.Hour)+`"}}`, "cronjob", "stale")
	jobs := func(n int) []string {
		var names []string
		harness.Eventually(t, fmt.Sprintf("%d Jobs", n), harness.Limit, func() (bool, string) {
			names = strings.Fields(i.get("{.items[*].metadata.name}", "jobs"))
			return len(names) == n, strings.Join(names, " ")
		})
		return names
	}
	first := jobs(1)[0]
	i.await("manual", `{.metadata.annotations.cronjob\.kubernetes\.io/instantiate}`, "job", first)
	if !strings.HasPrefix(first, "remedy-stale-") {
		t.Errorf("the Job is called %s", first)
	}
	i.w.AwaitPhase(t, i.policy, "Verifying")
	succeeded := func(at string) {
		i.status(`{"status":{"lastSuccessfulTime":"`+at+`"}}`, "cronjob", "stale")
	}
	succeeded(ago(-time.Second))
	i.cured()
	i.wantWrites("jobs", 1)
	i.wantOne("cronjob", "stale")

	// The next time there is another Job, though the first one is still there and has failed, maybe.
	succeeded(ago(2 * time.Hour))
	jobs(2)
	i.w.AwaitPhase(t, i.policy, "Verifying")
	succeeded(ago(-time.Second))
	harness.Eventually(t, "two cures", harness.Limit, func() (bool, string) {
		all := i.w.Remediations(t, i.policy)
		return len(all) == 2 && all[0].Status.Phase == "Succeeded" && all[1].Status.Phase == "Succeeded", fmt.Sprint(all)
	})
	i.wantWrites("jobs", 2)
}

// R47: six evicted pods of one owner, of which the newest three stay; two of another are below the threshold.
func TestR47EvictedPods(t *testing.T) {
	const ns = "evictions"
	i := play(t, "pod-evicted-cleanup", ns, "")
	owners := map[string]int{"many": 6, "few": 2}
	for owner, n := range owners {
		i.w.Apply(t, fmt.Sprintf(`
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  replicas: %[3]d
  selector: {matchLabels: {app: %[1]s}}
  template: {metadata: {labels: {app: %[1]s}}, spec: {schedulerName: nobody, containers: [{name: c, image: i}]}}
`, owner, ns, n))
		i.await(fmt.Sprint(n), "{.status.replicas}", "replicaset", owner)
		// The ReplicaSet replaces what was evicted, and leaves it behind.
		for _, pod := range strings.Fields(i.get("{.items[*].metadata.name}", "pods", "-l", "app="+owner)) {
			i.w.Kubectl(t, "", "-n", ns, "label", "pod", pod, "evicted="+owner)
			i.status(`{"status":{"phase":"Failed","reason":"Evicted"}}`, "pod", pod)
		}
	}
	i.serve("duration('10m')", "duration('3s')") // only now any is old enough
	i.cured()
	for owner, left := range map[string]int{"many": 3, "few": 2} {
		if out := strings.Fields(i.get("{.items[*].metadata.name}", "pods", "-l", "evicted="+owner)); len(out) != left {
			t.Errorf("of the evicted pods of %s there are %v, want %d", owner, out, left)
		}
	}
	i.wantWrites("pods", 3)
	i.wantOne("namespace", ns)
}

// R61: a ReplicationController that opted in gets its new image pod by pod.
func TestR61ReplicationController(t *testing.T) {
	const ns = "controllers"
	controller := func(name, image, roll string) string {
		return fmt.Sprintf(`
apiVersion: v1
kind: ReplicationController
metadata: {name: %[1]s, namespace: %[2]s, labels: {kube-remedy.io/roll: "%[4]s"}}
spec:
  replicas: 2
  selector: {app: %[1]s}
  template: {metadata: {labels: {app: %[1]s}}, spec: {containers: [{name: c, image: "%[3]s"}]}}
---`, name, ns, image, roll)
	}
	i := play(t, "replicationcontroller-not-updating", ns, controller("opted-in", "a:1", "true")+controller("other", "a:1", "no"), "for: 1m", "for: 1s")
	for _, name := range []string{"opted-in", "other"} {
		i.await("2", "{.status.readyReplicas}", "rc", name)
	}
	i.w.Apply(t, controller("opted-in", "a:2", "true")+controller("other", "a:2", "no"))
	i.cured()
	i.await("a:2 a:2", "{.items[*].spec.containers[0].image}", "pods", "-l", "app=opted-in")
	i.await("a:1 a:1", "{.items[*].spec.containers[0].image}", "pods", "-l", "app=other")
	i.wantWrites("pods", 2)
	i.wantOne("rc", "opted-in")
}

// R62: the pod that is broken has an older revision than the template.
func TestR62StatefulSetUpdate(t *testing.T) {
	const ns = "sets"
	set := func(name, image string) string {
		return fmt.Sprintf(`
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  replicas: 2
  serviceName: %[1]s
  selector: {matchLabels: {app: %[1]s}}
  template: {metadata: {labels: {app: %[1]s}}, spec: {containers: [{name: c, image: "%[3]s"}]}}
---`, name, ns, image)
	}
	i := play(t, "statefulset-update-stuck", ns, set("stuck", "a:1")+set("well", "a:1"))
	for _, name := range []string{"stuck", "well"} {
		i.await("2", "{.status.readyReplicas}", "sts", name)
	}
	broken := func(since time.Duration) string {
		return `{"status":{"conditions":[{"type":"Ready","status":"False","lastTransitionTime":"` + ago(since) + `"}]}}`
	}
	// Not for long enough yet.
	i.status(broken(time.Minute), "pod", "well-1")
	uid := i.get("{.metadata.uid}", "pod", "stuck-1")
	// The controller does not go on while a pod is not ready: the template changes, the pod stays.
	i.status(broken(time.Minute), "pod", "stuck-1")
	i.w.Apply(t, set("stuck", "a:2"))
	old := i.get("{.status.currentRevision}", "sts", "stuck")
	harness.Eventually(t, "the controller to see the template", harness.Limit, func() (bool, string) {
		out := i.get("{.status.updateRevision}", "sts", "stuck")
		return out != old, out
	})
	i.status(broken(20*time.Minute), "pod", "stuck-1")
	i.cured()
	if now := i.get("{.metadata.uid}", "pod", "stuck-1"); now == uid {
		t.Error("the broken pod is still there")
	}
	i.wantWrites("pods", 1)
	i.wantOne("sts", "stuck")
}

// R71: agreed settings are set, others stay.
func TestR71IngressNginx(t *testing.T) {
	const ns = "ingress-nginx"
	i := play(t, "ingress-nginx-tuning", ns, "", "for: 1m", "for: 1s")
	i.w.Apply(t, `
apiVersion: v1
kind: ConfigMap
metadata: {name: other, namespace: ingress-nginx}
data: {keep-alive: "1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ingress-nginx-controller, namespace: ingress-nginx, labels: {kube-remedy.io/tune: "true"}}
data: {keep-alive: "75", proxy-body-size: 8m}
`)
	i.cured()
	i.await("300 8m", "{.data.keep-alive} {.data.proxy-body-size}", "configmap", "ingress-nginx-controller")
	i.await("1", "{.data.keep-alive}", "configmap", "other")
	i.wantWrites("configmaps", 1)
	i.wantOne("configmap", "ingress-nginx-controller")
}

// R77: the vertical autoscaler is switched off once somebody approved it.
func TestR77VerticalAndHorizontal(t *testing.T) {
	const ns = "autoscalers"
	w, _ := withNodes.Get(t)
	w.Apply(t, crd("VerticalPodAutoscaler", "verticalpodautoscalers", "autoscaling.k8s.io", "v1"))
	w.Kubectl(t, "", "wait", "--for=condition=Established", "crd/verticalpodautoscalers.autoscaling.k8s.io")
	i := play(t, "vpa-hpa-conflict", ns, "", "for: 1m", "for: 1s")
	pair := func(name, controlled string) string {
		return fmt.Sprintf(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  maxReplicas: 5
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %[1]s}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
---
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: %[1]s}
  updatePolicy: {updateMode: Auto}
  resourcePolicy: {containerPolicies: [{containerName: "*", controlledResources: %[3]s}]}
---`, name, ns, controlled)
	}
	i.w.Apply(t, pair("fights", "[cpu, memory]")+pair("safe", "[memory]"))
	r := i.w.AwaitPhase(t, i.policy, "AwaitingApproval")
	i.wantWrites("verticalpodautoscalers", 0)
	i.approve(r)
	i.cured()
	i.await("Off", "{.spec.updatePolicy.updateMode}", "verticalpodautoscalers", "fights")
	i.await("Auto", "{.spec.updatePolicy.updateMode}", "verticalpodautoscalers", "safe")
	i.wantWrites("verticalpodautoscalers", 1)
	i.wantOne()
}

// R102: a finished pod of nobody, beside one that ended just now.
func TestR102CompletedPods(t *testing.T) {
	i := play(t, "completed-pods-kube-system", "kube-system", "")
	pod := func(name string, ended time.Duration) {
		i.w.Apply(t, fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: kube-system, labels: {of: r102}}, spec: {schedulerName: nobody, containers: [{name: c, image: i}]}}", name))
		i.status(`{"status":{"phase":"Succeeded","containerStatuses":[{"name":"c","image":"i","imageID":"","ready":false,"restartCount":0,`+
			`"state":{"terminated":{"exitCode":0,"finishedAt":"`+ago(ended)+`"}}}]}}`, "pod", name)
	}
	pod("just-now", time.Minute)
	pod("old", 2*time.Hour)
	harness.Eventually(t, "the old pod to go", harness.Limit, func() (bool, string) {
		out := i.get("{.items[*].metadata.name}", "pods", "-l", "of=r102")
		return out == "just-now", out
	})
	for name, want := range map[string]int{"old": 1, "just-now": 0} { // other incidents have pods there, too
		if n := len(i.w.Writes(t, "pods", "kube-system", name)); n != want {
			t.Errorf("pod %s was written %d times, want %d", name, n, want)
		}
	}
	i.wantOne("pod", "just-now")
	i.w.Kubectl(t, "", "-n", "kube-system", "delete", "pod", "just-now", "--grace-period=0", "--force")
}

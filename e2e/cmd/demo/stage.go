package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-remedy/kube-remedy/e2e/operator"
	"github.com/kube-remedy/kube-remedy/e2e/scenario"
)

// A stage tells the story as it goes.
type stage struct {
	out   io.Writer
	begin time.Time
}

func (s *stage) say(format string, args ...any) {
	fmt.Fprintf(s.out, "\n[%5.1fs] %s\n", time.Since(s.begin).Seconds(), fmt.Sprintf(format, args...))
}

// show runs kubectl and prints command and answer, as a user would see them.
func (s *stage) show(ctx context.Context, kubeconfig string, args ...string) error {
	fmt.Fprintf(s.out, "\n$ kubectl %s\n", strings.Join(args, " "))
	out, err := operator.Kubectl(ctx, kubeconfig, nil, args...)
	fmt.Fprint(s.out, out)
	return err
}

func (s *stage) play(ctx context.Context, t target) (err error) {
	admin, kubeconfig, dir, err := t.prepare(ctx)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(admin)
	if err != nil {
		return err
	}
	if err := t.check(ctx, client); err != nil {
		return err
	}
	if t.cleanup {
		defer func() { err = errors.Join(err, s.remove(context.WithoutCancel(ctx), kubeconfig, t)) }()
	}
	s.say("Installing CRDs, RBAC and the admission policy: kubectl apply -k config/local")
	if err := operator.Install(ctx, kubeconfig); err != nil {
		return err
	}
	s.say("A DaemonSet calico-node in namespace %s, as calico's manifest has it. FELIX_HEALTHHOST is not set.", t.namespace)
	if err := s.calico(ctx, client, t); err != nil {
		return err
	}

	s.say("The operator as a process, with the token of its service account: kube-remedy controller")
	identity, err := t.identity(ctx, admin, dir)
	if err != nil {
		return err
	}
	op, err := operator.Start(operator.Options{Kubeconfig: identity, Dir: dir})
	if err != nil {
		return err
	}
	defer op.Kill()
	if err := op.WaitReady(ctx); err != nil {
		return err
	}
	s.say("The policy R115: kubectl apply -k config/policies (with stableFor 2s instead of 2m: this is a demo)")
	if err := s.policy(ctx, kubeconfig, t); err != nil {
		return err
	}
	if err := s.show(ctx, kubeconfig, "get", "rempol"); err != nil {
		return err
	}

	s.say("Playing the kubelets' part: three Events that say the probe could not resolve localhost.\n         %s", scenario.ProbeMessage)
	if err := scenario.ProbesFail(ctx, client, t.namespace, "demo"); err != nil {
		return err
	}
	if err := s.follow(ctx, kubeconfig); err != nil {
		return err
	}
	s.say("What kubectl shows now:")
	return s.epilogue(ctx, kubeconfig, t)
}

func (s *stage) calico(ctx context.Context, client kubernetes.Interface, t target) error {
	nodes, err := t.nodes(ctx, client)
	if err != nil {
		return err
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: t.namespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		return err
	}
	ds, err := client.AppsV1().DaemonSets(t.namespace).Create(ctx, t.workload(t.namespace), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return scenario.Available(ctx, client, ds.Namespace, ds.Name, nodes)
}

func (s *stage) policy(ctx context.Context, kubeconfig string, t target) error {
	if err := scenario.ApplyPolicy(ctx, kubeconfig, "calico-felix-healthhost.yaml", t.policy); err != nil {
		return err
	}
	_, err := operator.Kubectl(ctx, kubeconfig, nil, "wait", "--for=condition=Ready", "--timeout=60s", "rempol/calico-felix-healthhost")
	return err
}

// follow prints each new phase and message of the Remediation until it is complete.
func (s *stage) follow(ctx context.Context, kubeconfig string) error {
	last := ""
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		out, err := operator.Kubectl(ctx, kubeconfig, nil, "get", "rem",
			"-o", `jsonpath={range .items[*]}{.status.phase}{" "}{.status.step}{": "}{.status.message}{"\n"}{end}`)
		if err != nil {
			return false, err
		}
		line := strings.TrimSpace(out)
		if line != last && line != "" && line != ":" {
			s.say("Remediation: %s", line)
			last = line
		}
		if strings.HasPrefix(line, "Failed") || strings.HasPrefix(line, "Cancelled") {
			return false, fmt.Errorf("the remediation ended as %s", line)
		}
		return strings.HasPrefix(line, "Succeeded"), nil
	})
}

// remove takes everything back, all of which check has shown to be the demo's own; the operator is gone by now.
func (s *stage) remove(ctx context.Context, kubeconfig string, t target) error {
	s.say("Removing what the demo brought.")
	local, err := operator.Manifests("config/local")
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"rempol,rem", "--all"},
		{"namespace", t.namespace},
		{"lease", "--namespace", "kube-system", "kube-remedy"},
		{"-k", local},
	} {
		args = append([]string{"delete", "--ignore-not-found", "--timeout=2m"}, args...)
		if _, deleteErr := operator.Kubectl(ctx, kubeconfig, nil, args...); deleteErr != nil {
			err = errors.Join(err, fmt.Errorf("something stayed: %w", deleteErr))
		}
	}
	return err
}

func (s *stage) epilogue(ctx context.Context, kubeconfig string, t target) error {
	for _, args := range [][]string{
		{"get", "rempol"},
		{"get", "rem"},
		{"describe", "rem"},
		{"-n", t.namespace, "get", "daemonset", scenario.CalicoNode, "-o", "jsonpath={.spec.template.spec.containers[0].env}{\"\\n\"}"},
		{"-n", t.namespace, "get", "events", "--field-selector", "involvedObject.kind=DaemonSet", "--sort-by=.metadata.creationTimestamp"},
	} {
		if err := s.show(ctx, kubeconfig, args...); err != nil {
			return err
		}
	}
	return nil
}

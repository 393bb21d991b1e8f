package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	// patient bounds the wait for one remediation, or for all of a storm.
	patient = time.Minute
	// rounds of each measurement; the best is taken, because others use the machine too.
	rounds = 2
	// stormWriters make symptoms at the same time.
	stormWriters = 16

	// Who writes what is told by the User-Agent in the audit log.
	symptomAgent = "bench-symptom"
	cureAgent    = "bench-cure"
)

// A nurse makes nodes sick and well by a condition in their status.
type nurse struct {
	sick, well kubernetes.Interface
}

func newNurse(config *rest.Config) (n nurse, err error) {
	sick, well := rest.CopyConfig(config), rest.CopyConfig(config)
	sick.UserAgent, well.UserAgent = symptomAgent, cureAgent
	if n.sick, err = kubernetes.NewForConfig(sick); err != nil {
		return n, err
	}
	n.well, err = kubernetes.NewForConfig(well)
	return n, err
}

func (n nurse) makeSick(ctx context.Context, node string) error {
	return setFault(ctx, n.sick, node, corev1.ConditionTrue)
}

func (n nurse) makeWell(ctx context.Context, node string) error {
	return setFault(ctx, n.well, node, corev1.ConditionFalse)
}

func setFault(ctx context.Context, client kubernetes.Interface, node string, status corev1.ConditionStatus) error {
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"BenchFault","status":%q,"reason":"Bench","message":"made by the bench","lastTransitionTime":%q}]}}`,
		status, time.Now().UTC().Format(time.RFC3339))
	_, err := client.CoreV1().Nodes().Patch(ctx, node, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	return err
}

// measureReactions runs kube-remedy with all of the bench's policies and makes nodes sick, first one by one and then
// many at once. Each node is used once.
func (w *world) measureReactions(ctx context.Context, o options) (single, storm reaction, err error) {
	if err := w.applyPolicies(ctx, o, "pods.yaml", "nodes.yaml", "latency.yaml"); err != nil {
		return single, storm, err
	}
	op, err := w.startOperator(ctx, "operator-latency")
	if err != nil {
		return single, storm, err
	}
	defer op.Kill()
	if err := w.awaitPolicies(ctx); err != nil {
		return single, storm, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b, err := newBoard(ctx, w)
	if err != nil {
		return single, storm, err
	}
	n, err := newNurse(w.RESTConfig())
	if err != nil {
		return single, storm, err
	}
	nodes, err := w.healthyNodes(ctx)
	if err != nil {
		return single, storm, err
	}
	if need := rounds * (o.samples + o.storm); len(nodes) < need {
		return single, storm, fmt.Errorf("%d healthy nodes are too few for %d", len(nodes), need)
	}
	measure := func(what string, count int, play plot, cost func(reaction) time.Duration) (best reaction, err error) {
		for round := range rounds {
			chosen := nodes[:count]
			nodes = nodes[count:]
			before, err := usageOf(op.Pid())
			if err != nil {
				return best, err
			}
			if err := play(ctx, b, n, chosen); err != nil {
				return best, err
			}
			after, err := usageOf(op.Pid())
			if err != nil {
				return best, err
			}
			r, err := w.readReaction(b, chosen)
			if err != nil {
				return best, err
			}
			r.cpu = (after.cpu - before.cpu) / time.Duration(count)
			say("%s, round %d: %v", what, round+1, r)
			if round == 0 || cost(r) < cost(best) {
				best = r
			}
			if err := b.clear(ctx, w, patient); err != nil {
				return best, err
			}
		}
		return best, nil
	}
	if single, err = measure("one by one", o.samples, oneByOne, func(r reaction) time.Duration { return r.acted.at(50) }); err != nil {
		return single, storm, err
	}
	if storm, err = measure("all at once", o.storm, allAtOnce, func(r reaction) time.Duration { return r.whole }); err != nil {
		return single, storm, err
	}
	return single, storm, stopOperator(ctx, op)
}

// A plot makes these nodes sick, and well once they were acted on, and ends when all remediations have.
type plot func(context.Context, *board, nurse, []string) error

// oneByOne lets each remediation come to its end before the next symptom.
func oneByOne(ctx context.Context, b *board, n nurse, nodes []string) error {
	for i, node := range nodes {
		if err := n.makeSick(ctx, node); err != nil {
			return err
		}
		if err := b.awaitActed(ctx, []string{node}, patient); err != nil {
			return err
		}
		if err := n.makeWell(ctx, node); err != nil {
			return err
		}
		if err := b.awaitSucceeded(ctx, i+1, patient); err != nil {
			return err
		}
	}
	return nil
}

func allAtOnce(ctx context.Context, b *board, n nurse, nodes []string) error {
	if err := forAll(ctx, nodes, n.makeSick); err != nil {
		return err
	}
	if err := b.awaitActed(ctx, nodes, patient); err != nil {
		return err
	}
	return errors.Join(forAll(ctx, nodes, n.makeWell), b.awaitSucceeded(ctx, len(nodes), patient))
}

func forAll(ctx context.Context, nodes []string, f func(context.Context, string) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(stormWriters)
	for _, node := range nodes {
		group.Go(func() error { return f(ctx, node) })
	}
	return group.Wait()
}

// healthyNodes are those that are ready: the realistic data has some that are not.
func (w *world) healthyNodes(ctx context.Context) (names []string, err error) {
	nodes, err := w.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, node := range nodes.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				names = append(names, node.Name)
			}
		}
	}
	return names, nil
}

package cases

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/cluster"
	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

const (
	signingKey  = "0123456789abcdef"
	bearerToken = "bearer-token-of-the-receiver"
)

// A receiver is a webhook: it verifies what comes and answers what the test says.
type receiver struct {
	url string

	mu       sync.Mutex
	answer   func(n int) (code int, body string) // to the n-th call, from 1
	keys     []string
	bodies   map[string]bool
	problems []string
}

// newReceiver starts one and configures it as the webhook of that name.
func newReceiver(t *testing.T, w *harness.World, name string) *receiver {
	t.Helper()
	cert, key := selfSigned(t)
	pair, err := tls.X509KeyPair(cert, key)
	harness.Must(t, err)
	r := &receiver{bodies: map[string]bool{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	r.url = server.URL + "/hook?tenant=blue"
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-remedy-webhook-" + name, Namespace: operator.Namespace},
		StringData: map[string]string{"url": r.url, "hmac-key": signingKey, "token": bearerToken + "\n", "ca.crt": string(cert)},
	}
	secrets := w.Client.CoreV1().Secrets(operator.Namespace)
	_, err = secrets.Create(t.Context(), secret, metav1.CreateOptions{})
	harness.Must(t, err)
	t.Cleanup(func() {
		harness.Must(t, secrets.Delete(context.Background(), secret.Name, metav1.DeleteOptions{}))
	})
	return r
}

func (r *receiver) serve(out http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(in.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	problem := func(text string) { r.problems = append(r.problems, text) }
	if err != nil {
		problem(err.Error())
	}
	mac := hmac.New(sha256.New, []byte(signingKey))
	mac.Write([]byte(in.Header.Get("Kube-Remedy-Timestamp") + "."))
	mac.Write(body)
	if want := "v1=" + hex.EncodeToString(mac.Sum(nil)); in.Header.Get("Kube-Remedy-Signature") != want {
		problem("the signature is " + in.Header.Get("Kube-Remedy-Signature") + ", want " + want)
	}
	if in.Method != http.MethodPost || in.URL.RequestURI() != "/hook?tenant=blue" || in.Header.Get("Authorization") != "Bearer "+bearerToken {
		problem(fmt.Sprint(in.Method, in.URL, in.Header))
	}
	var envelope struct{ IdempotencyKey string }
	if err := json.Unmarshal(body, &envelope); err != nil || envelope.IdempotencyKey != in.Header.Get("Idempotency-Key") {
		problem(fmt.Sprint("the envelope ", string(body), err))
	}
	r.keys = append(r.keys, envelope.IdempotencyKey)
	r.bodies[string(body)] = true
	code, text := r.answer(len(r.keys))
	out.WriteHeader(code)
	io.WriteString(out, text)
}

// script says what is answered from now on, and returns how many calls there were.
func (r *receiver) script(answer func(n int) (int, string)) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
	return len(r.keys)
}

func (r *receiver) calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.keys)
}

// allowing is a configuration with which a receiver on this machine may be called.
const allowing = hasty + "webhooks: {namespace: kube-remedy, allowNetworks: [127.0.0.0/8]}\n"

// calling is a patch of harness.SelfCuring: what the webhook answers is what cures.
const calling = `
spec:
  remedies:
  - name: cure
    steps:
    - webhook:
        name: %s
        parameters:
        - {name: operation, value: power-cycle}
        - {name: who, expression: "target.namespace + '/' + target.name"}
        deadline: 2m
    - setEnv: {container: main, env: [{name: CURED, valueExpression: "remediation.record['%[1]s'].ticket"}]}
    verify:
    - {name: observed, expression: object.status.observedGeneration == object.metadata.generation}
`

func TestAWebhookIsOneCallAcrossErrorsAndKilledOperators(t *testing.T) {
	w := harness.Start(t, cluster.Options{})
	ns := w.Namespace(t, "webhook")
	w.DaemonSet(t, ns, "d", nil)
	r := newReceiver(t, w, "machines")
	r.script(func(int) (int, string) { return http.StatusInternalServerError, "too early" })

	// An address of this machine is not called as long as nobody says so.
	first := w.Operator(t, operator.Options{Config: hasty + "webhooks: {namespace: kube-remedy}\n", Name: "webhook-1"})
	w.ApplyPolicy(t, ns, ns, harness.SelfCuring, fmt.Sprintf(calling, "machines"))
	w.AwaitRemediation(t, ns, "to be refused the address", func(rem *harness.Remediation) bool {
		return strings.Contains(rem.Status.Message, "webhook machines cannot be called: 127.0.0.1 is a loopback address")
	})
	if n := r.calls(); n != 0 {
		t.Fatalf("the receiver was called %d times", n)
	}
	first.Kill()

	// Busy twice, then at it; killed meanwhile.
	r.script(func(n int) (int, string) {
		if n <= 2 {
			return http.StatusServiceUnavailable, "busy"
		}
		return http.StatusAccepted, `{"status": "Pending", "message": "switching off", "retryAfter": 1}`
	})
	second := w.Operator(t, operator.Options{Config: allowing, Name: "webhook-2"})
	w.AwaitRemediation(t, ns, "to be told that it is at it", func(rem *harness.Remediation) bool {
		return strings.Contains(rem.Status.Message, "webhook machines is at it: switching off")
	})
	second.Kill()

	before := r.script(func(int) (int, string) {
		return http.StatusOK, `{"status": "Done", "message": "it is on again", "evidence": {"ticket": "OPS-7"}}`
	})
	third := w.Operator(t, operator.Options{Config: allowing, Name: "webhook-3"})
	rem := w.AwaitPhase(t, ns, "Succeeded")

	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.problems) > 0 {
		t.Errorf("what came was not right: %v", r.problems)
	}
	if before < 3 || len(r.keys) <= before {
		t.Errorf("%d calls before the second kill, %d in all", before, len(r.keys))
	}
	if len(r.bodies) != 1 {
		t.Errorf("%d different bodies, want one: %v", len(r.bodies), r.bodies)
	}
	if step := rem.Status.Steps[0]; len(step.Writes) != 1 || step.Writes[0].Verb != "Call" || step.Writes[0].Outcome != "Applied" {
		t.Errorf("the step's writes are %s", harness.Text(step))
	}
	last := rem.Status.Evidence[len(rem.Status.Evidence)-1]
	wantText(t, "the evidence", last.Source+" "+last.Message, "webhook.machines", `{"ticket":"OPS-7"}`)
	if got := w.GetDaemonSet(t, ns, "d").Spec.Template.Spec.Containers[0].Env; len(got) != 1 || got[0].Value != "OPS-7" {
		t.Errorf("the env is %+v", got)
	}

	// What is secret stands nowhere.
	seen := w.Kubectl(t, "", "get", "rem,rempol,events", "-A", "-o", "yaml")
	for _, op := range []*operator.Operator{first, second, third} {
		log, err := os.ReadFile(op.Log())
		harness.Must(t, err)
		seen += string(log)
	}
	for _, secret := range []string{bearerToken, signingKey, "tenant=blue", base64.StdEncoding.EncodeToString([]byte(signingKey))} {
		if strings.Contains(seen, secret) {
			t.Errorf("%q is in a log or in the cluster", secret)
		}
	}
}

package harness

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/pki"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// What a Receiver and the operator both know.
const (
	SigningKey  = "0123456789abcdef"
	BearerToken = "bearer-token-of-the-receiver"
)

// A Receiver is a webhook of policies: it verifies what comes and answers what the test says.
type Receiver struct {
	server *httptest.Server

	mu       sync.Mutex
	answer   func(n int, call Call) (code int, body string)
	calls    []Call
	problems []string
}

// A Call is one request of the operator.
type Call struct{ Key, Body string }

// StartReceiver starts one and configures it as the webhook of that name.
func (w *World) StartReceiver(ctx context.Context, name string) (*Receiver, error) {
	authority, err := pki.NewAuthority("webhook authority")
	if err != nil {
		return nil, err
	}
	pair, err := authority.IssueServer("webhook", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	certificate, err := pair.TLS()
	if err != nil {
		return nil, err
	}
	r := &Receiver{answer: func(int, Call) (int, string) { return http.StatusOK, "{}" }}
	r.server = httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	r.server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	r.server.StartTLS()
	_, err = w.Client.CoreV1().Secrets(operator.Namespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-remedy-webhook-" + name, Namespace: operator.Namespace},
		StringData: map[string]string{"url": r.server.URL + "/hook?tenant=blue", "hmac-key": SigningKey, "token": BearerToken + "\n",
			"ca.crt": string(authority.CertPEM())},
	}, metav1.CreateOptions{})
	return r, err
}

// Receiver is one that ends with the test.
func (w *World) Receiver(t testing.TB, name string) *Receiver {
	t.Helper()
	r, err := w.StartReceiver(t.Context(), name)
	Must(t, err)
	t.Cleanup(func() {
		r.server.Close()
		Must(t, w.Client.CoreV1().Secrets(operator.Namespace).Delete(context.WithoutCancel(t.Context()), "kube-remedy-webhook-"+name, metav1.DeleteOptions{}))
	})
	return r
}

func (r *Receiver) serve(out http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(in.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	problem := func(text string) { r.problems = append(r.problems, text) }
	if err != nil {
		problem(err.Error())
	}
	mac := hmac.New(sha256.New, []byte(SigningKey))
	mac.Write([]byte(in.Header.Get("Kube-Remedy-Timestamp") + "."))
	mac.Write(body)
	if want := "v1=" + hex.EncodeToString(mac.Sum(nil)); in.Header.Get("Kube-Remedy-Signature") != want {
		problem("the signature is " + in.Header.Get("Kube-Remedy-Signature") + ", want " + want)
	}
	if in.Method != http.MethodPost || in.URL.RequestURI() != "/hook?tenant=blue" || in.Header.Get("Authorization") != "Bearer "+BearerToken {
		problem(fmt.Sprint(in.Method, in.URL, in.Header))
	}
	var envelope struct{ IdempotencyKey string }
	if err := json.Unmarshal(body, &envelope); err != nil || envelope.IdempotencyKey != in.Header.Get("Idempotency-Key") {
		problem(fmt.Sprint("the envelope ", string(body), err))
	}
	call := Call{Key: envelope.IdempotencyKey, Body: string(body)}
	r.calls = append(r.calls, call)
	code, text := r.answer(len(r.calls), call)
	out.WriteHeader(code)
	io.WriteString(out, text)
}

// Script says what is answered from now on, n being the number of the call from 1 on, and returns how many calls there
// were before. One call is answered at a time.
func (r *Receiver) Script(answer func(n int, call Call) (code int, body string)) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
	return len(r.calls)
}

// Calls are those that came so far.
func (r *Receiver) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// Problems are what was wrong with calls.
func (r *Receiver) Problems() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.problems)
}

package cases

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kube-remedy/kube-remedy/e2e/harness"
	"github.com/kube-remedy/kube-remedy/e2e/internal/ports"
	"github.com/kube-remedy/kube-remedy/e2e/operator"
)

// An alertmanager is the sending side of the webhook.
type alertmanager struct {
	t      *testing.T
	client *http.Client
	url    string
	token  string
}

// newAlertmanager makes certificate and token, and returns the configuration of the operator that goes with them.
func newAlertmanager(t *testing.T) (*alertmanager, string) {
	t.Helper()
	cert, key := selfSigned(t)
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		harness.Must(t, os.WriteFile(path, content, 0o600))
		return path
	}
	certFile := write("tls.crt", cert)
	keyFile := write("tls.key", key)
	tokenFile := write("token", []byte("hush\n"))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	port, err := ports.Reserve()
	harness.Must(t, err)
	a := &alertmanager{t: t, url: "https://" + port.Address() + "/api/v1/alerts", token: "hush", client: &http.Client{
		Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
	}}
	return a, operator.Quick + fmt.Sprintf("alerts: {listen: %q, certFile: %s, keyFile: %s, tokenFile: %s, repeatedWithin: 1m}\n",
		port.Address(), certFile, keyFile, tokenFile)
}

// selfSigned makes a certificate of 127.0.0.1 and its key, as PEM.
func selfSigned(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	harness.Must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	harness.Must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	harness.Must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// post sends a body as Alertmanager does, and returns code and text of the answer.
func (a *alertmanager) post(body string) (int, string) {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.url, bytes.NewBufferString(body))
	harness.Must(a.t, err)
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	harness.Must(a.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	harness.Must(a.t, err)
	return response.StatusCode, string(text)
}

// say sends one alert about a DaemonSet; a replica that does not lead yet is asked again, as Alertmanager does.
func (a *alertmanager) say(status, namespace, name string) {
	a.t.Helper()
	body := fmt.Sprintf(`{"version":"4","status":%q,"receiver":"kube-remedy","groupKey":"{}","truncatedAlerts":0,
"groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://alertmanager","alerts":[{"status":%q,
"labels":{"alertname":"Slow","namespace":%q,"daemonset":%q},"annotations":{"summary":"it answers slowly"},
"startsAt":%q,"endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"1"}]}`,
		status, status, namespace, name, time.Now().UTC().Format(time.RFC3339))
	harness.Eventually(a.t, "the leader to take the alert in", harness.Limit, func() (bool, string) {
		code, text := a.post(body)
		return code == http.StatusOK, fmt.Sprint(code, text)
	})
}

func TestAnAlertStartsARemedyAndItsEndCuresIt(t *testing.T) {
	w, _ := bare.Get(t)
	ns := w.Namespace(t, "alert")
	w.DaemonSet(t, ns, "d", nil)
	w.DaemonSet(t, ns, "other", nil)
	a, config := newAlertmanager(t)
	w.Operator(t, operator.Options{Config: config})
	w.ApplyPolicy(t, ns, ns, `
spec:
  triggers:
  - name: slow
    alert: {labels: {alertname: Slow}, targetLabels: {name: daemonset}}
  recovery:
    healthy: [{name: cured, expression: "object.spec.template.spec.containers[0].?env.orValue([]).exists(e, e.name == 'CURED')"}]
`)
	w.AwaitCondition(t, ns, "Ready", "True", "Ready")
	a.say("firing", ns, "d")
	r := w.AwaitPhase(t, ns, "Verifying")
	wantText(t, "the evidence", r.Status.Evidence[0].Message, "Slow fires since", "it answers slowly")
	a.say("firing", ns, "d") // a repetition is nothing new
	a.say("resolved", ns, "d")
	w.AwaitPhase(t, ns, "Succeeded")
	if n := len(w.Remediations(t, ns)); n != 1 {
		t.Errorf("got %d Remediations", n)
	}
	w.WantPatches(t, ns, 1)

	code, text := a.post(`{"version":"4","alerts":[{"status":"on"}]}`)
	if code != http.StatusBadRequest {
		t.Errorf("a bad message is answered %d", code)
	}
	wantText(t, "the answer to a bad message", text, `alerts[0].status: expected firing or resolved, found "on"`)
	a.token = "guess"
	if code, _ := a.post(`{}`); code != http.StatusUnauthorized {
		t.Errorf("a wrong token is answered %d", code)
	}
}

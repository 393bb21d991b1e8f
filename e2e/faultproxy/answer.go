package faultproxy

import (
	"encoding/json"
	"net/http"
)

// failure is an error in the form that every API server gives it.
func failure(code int, reason, message string) *Answer {
	body, _ := json.Marshal(map[string]any{
		"kind":       "Status",
		"apiVersion": "v1",
		"metadata":   map[string]any{},
		"status":     "Failure",
		"message":    message,
		"reason":     reason,
		"code":       code,
	})
	return &Answer{Status: code, Header: map[string]string{"Content-Type": "application/json"}, Body: string(body)}
}

// Unavailable is the API server's 503, or that of a load balancer that has none behind it.
func Unavailable() *Answer {
	return failure(http.StatusServiceUnavailable, "ServiceUnavailable", "apiserver is shutting down")
}

// GatewayTimeout makes a 504 of what the server has answered: whoever is between it and the client has not waited. As
// Rule.AfterAnswer.
func GatewayTimeout(_ *Request, response *http.Response) {
	response.StatusCode, response.Status = http.StatusGatewayTimeout, "504 Gateway Timeout"
}

func (a *Answer) write(w http.ResponseWriter) {
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.Status)
	w.Write([]byte(a.Body))
}

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

func (a *Answer) write(w http.ResponseWriter) {
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.Status)
	w.Write([]byte(a.Body))
}

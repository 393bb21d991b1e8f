package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// auditPolicy has one line for every request (two for a watch), and the bodies of those writes that the tests
// count: what changed, by whom, and with which resourceVersion as the result.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: RequestResponse
  verbs: [create, update, patch, delete, deletecollection]
  resources: [{group: kube-remedy.io}, {group: apps}, {group: "", resources: [pods/eviction]}]
- level: Metadata
`

// An AuditEvent is one request as the API server saw it: the part of audit.k8s.io/v1 Event that tests read.
type AuditEvent struct {
	AuditID    string `json:"auditID"`
	Stage      string `json:"stage"` // ResponseComplete, ResponseStarted (of a watch) or Panic
	RequestURI string `json:"requestURI"`
	Verb       string `json:"verb"`
	User       struct {
		Username string `json:"username"`
	} `json:"user"`
	UserAgent string `json:"userAgent"`
	ObjectRef *struct {
		APIGroup    string `json:"apiGroup"`
		APIVersion  string `json:"apiVersion"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus *struct {
		Code   int    `json:"code"`
		Reason string `json:"reason"`
	} `json:"responseStatus"`
	RequestObject            json.RawMessage `json:"requestObject"`
	ResponseObject           json.RawMessage `json:"responseObject"`
	RequestReceivedTimestamp time.Time       `json:"requestReceivedTimestamp"`
	StageTimestamp           time.Time       `json:"stageTimestamp"`
}

// IsWrite tells whether the request asked for a change. It may have been refused, or a dry run: see
// ResponseStatus and RequestURI.
func (e AuditEvent) IsWrite() bool {
	switch e.Verb {
	case "create", "update", "patch", "delete", "deletecollection":
		return true
	}
	return false
}

// AuditEvents reads the audit log as it is now: the lines that contain a text, "" for all. A request whose answer a
// client has seen is in it.
func (c *Cluster) AuditEvents(containing string) ([]AuditEvent, error) {
	return ReadAuditLog(c.AuditLog(), containing)
}

// ReadAuditLog reads a file of the form that AuditLog names.
func ReadAuditLog(path, containing string) ([]AuditEvent, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	// What follows the last newline is being written, or was cut by a kill.
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	var events []AuditEvent
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if !bytes.Contains(line, []byte(containing)) {
			continue
		}
		var event AuditEvent
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		events = append(events, event)
	}
	return events, nil
}

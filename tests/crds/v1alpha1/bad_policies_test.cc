#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "crds/v1alpha1/codec.h"
#include "tests/crds/manifests.h"
#include "tests/support/status_matchers.h"

namespace kr::crds {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kPolicy = R"(
apiVersion: kube-remedy.io/v1alpha1
kind: RemediationPolicy
metadata: {name: p}
spec:
  target: {apiVersion: apps/v1, kind: DaemonSet, names: [calico-node]}
  related:
  - {name: pods, preset: OwnedPods}
  - {name: hpas, apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, key: it.a, equals: b}
  events:
  - {name: probes, about: {related: pods}, within: 15m}
  triggers:
  - {name: sick, condition: {type: Ready, status: ["False"]}, events: {from: probes, count: 3}}
  remedies:
  - name: cure
    steps:
    - setEnv: {container: c, env: [{name: A, value: "1"}]}
    - waitFor: {expression: "true"}
    - patch: {patch: {spec: {x: 1}}}
)";

struct Case {
  const char* pointer;  // what is changed in kPolicy; "-" at the end appends
  const char* value;    // YAML; "" removes
  const char* problem;  // the whole message
};

const Case kCases[] = {
    // Not a policy at all.
    {"/apiVersion", "apps/v1", R"(apiVersion: expected kube-remedy.io/v1alpha1, found "apps/v1")"},
    {"/kind", "Remediation", R"(kind: expected RemediationPolicy, found "Remediation")"},
    {"/spec", "", "spec: is required"},
    {"/spec", "[]", "spec: expected an object, found a list"},
    {"/sepc", "{}", R"(sepc: unknown field, did you mean "spec"?)"},
    {"/metadata/labels", "{a: 1}", "metadata.labels.a: expected a string, found 1"},
    // Fields of later versions and misspelt ones.
    {"/spec/mode", "enforce",
     R"(spec.mode: expected one of Enforce, Approve, Observe, found "enforce")"},
    {"/spec/remedies/0/mode", "Observe",
     R"(spec.remedies[0].mode: expected one of Enforce, Approve, found "Observe": )"
     "only a whole policy is observed (spec.mode)"},
    {"/spec/priority", "101", "spec.priority: expected an integer from -100 to 100, found 101"},
    {"/spec/remedys", "[]", R"(spec.remedys: unknown field, did you mean "remedies"?)"},
    {"/spec/triggers/0/lease", "{state: Fresh}", "spec.triggers[0].lease: unknown field"},
    {"/spec/remedies/0/steps/0/on", "{}", "spec.remedies[0].steps[0].on: unknown field"},
    // Wrong types and ranges.
    {"/spec/paused", "'yes'", R"(spec.paused: expected true or false, found "yes")"},
    {"/spec/triggers/0/events/count", "three",
     R"(spec.triggers[0].events.count: expected an integer from 1 to 1000, found "three")"},
    {"/spec/triggers/0/condition/status", "[true]",
     "spec.triggers[0].condition.status[0]: expected one of True, False, Unknown, found true"},
    {"/spec/triggers/0/condition/status", "[]",
     "spec.triggers[0].condition.status: expected at least 1 element"},
    {"/spec/triggers/0/for", "721h",
     R"(spec.triggers[0].for: expected a duration from 0s to 720h such as "90s" or "1h30m", found )"
     R"("721h")"},
    {"/spec/triggers/0/for", "5 minutes",
     R"(spec.triggers[0].for: expected a duration from 0s to 720h such as "90s" or "1h30m", found )"
     R"("5 minutes")"},
    {"/spec/events/0/within", "0s",
     R"(spec.events[0].within: expected a duration from 1s to 24h such as "90s" or "1h30m", found )"
     R"("0s")"},
    {"/spec/events/0/type", "Error",
     R"(spec.events[0].type: expected Normal or Warning, found "Error")"},
    {"/spec/limits/maxUnhealthy", "120%",
     R"(spec.limits.maxUnhealthy: expected a number from 0 to 1000000, or a share such as "20%", )"
     R"(found "120%")"},
    {"/spec/limits/groups", "[{maxConcurrent: 1}]", "spec.limits.groups[0].key: is required"},
    {"/spec/limits/groups", "[{key: a}]",
     "spec.limits.groups[0]: expected maxConcurrent, maxUnhealthy or both"},
    {"/spec/limits/groups", "[{key: a, maxUnhealthy: 101%}]",
     "spec.limits.groups[0].maxUnhealthy: expected a number from 0 to 1000000, or a share such as "
     R"("20%", found "101%")"},
    {"/spec/limits/maxConcurrent", "0",
     R"(spec.limits.maxConcurrent: expected a number from 1 to 1000000, or a share such as "20%", )"
     "found 0"},
    {"/spec/remedies/0/attempts", "11",
     "spec.remedies[0].attempts: expected an integer from 1 to 10, found 11"},
    {"/spec/remedies", "[]", "spec.remedies: expected at least 1 element"},
    {"/spec/remedies/0/steps", "", "spec.remedies[0].steps: is required"},
    {"/spec/target/apiVersion", "Apps/V1",
     R"(spec.target.apiVersion: expected an API version such as "v1" or "apps/v1", found "Apps/V1")"},
    {"/spec/target/kind", "",
     "spec.target: expected apiVersion and kind, or a list of several in kinds"},
    {"/spec/target/kinds", "[{apiVersion: v1, kind: Pod}]",
     "spec.target: kinds excludes apiVersion and kind: put that kind into the list"},
    {"/spec/target",
     "{kinds: [{apiVersion: v1, kind: Pod}, {apiVersion: v1, kind: Pod}], all: true}",
     "spec.target.kinds[1]: is the same as spec.target.kinds[0]"},
    {"/spec/target", "{kinds: [{kind: Pod}], all: true}",
     "spec.target.kinds[0].apiVersion: is required"},
    {"/spec/variables", "[{name: a-b, expression: '1'}]",
     "spec.variables[0].name: expected a name of letters, digits and '_' that does not start with "
     "a "
     R"(digit, found "a-b")"},
    {"/spec/remedies/0/name", "Cure it",
     "spec.remedies[0].name: expected a name of a-z, 0-9 and '-' that starts and ends with a "
     "letter "
     R"(or digit, found "Cure it")"},
    // Names.
    {"/spec/triggers/-", "{name: sick, match: [{name: m, expression: 'true'}]}",
     R"(spec.triggers[1].name: "sick" is already used by spec.triggers[0])"},
    {"/spec/remedies/0/verify", "[{name: v, expression: 'true'}, {name: v, expression: 'true'}]",
     R"(spec.remedies[0].verify[1].name: "v" is already used by spec.remedies[0].verify[0])"},
    {"/spec/target/names", "[a, b, a]",
     R"(spec.target.names[2]: "a" is already used by spec.target.names[0])"},
    {"/spec/triggers/0/events/from", "probe",
     R"(spec.triggers[0].events.from: "probe" is not declared in spec.events, did you mean "probes"?)"},
    {"/spec/events/0/about/related", "nodes",
     R"(spec.events[0].about.related: "nodes" is not declared in spec.related)"},
    // Targets.
    {"/spec/target/names", "[]",
     "spec.target: names, namespaces, namespaceSelector or selector must narrow the targets, or "
     "all: true says that every object of the kind is meant"},
    {"/spec/target/selector", "{matchExpressions: [{key: a, operator: In}]}",
     "spec.target.selector.matchExpressions[0].values: is required with operator In or NotIn"},
    {"/spec/target/selector", "{matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
     "spec.target.selector.matchExpressions[0].values: must be empty with operator Exists or "
     "DoesNotExist"},
    {"/spec/target/namespaceSelector", "{matchExpressions: [{key: a, operator: NotIn}]}",
     "spec.target.namespaceSelector.matchExpressions[0].values: is required with operator In or "
     "NotIn"},
    // Parameters.
    {"/spec/params", "[{name: a, type: string}]",
     "spec.params[0].default: is required without spec.paramRef: nothing else gives the parameter "
     "a value"},
    {"/spec/params", "[{name: a, type: int, default: 3}]",
     "spec.params[0].type: expected one of string, integer, number, boolean, array, object, found "
     R"("int")"},
    {"/spec/params", "[{name: a, type: string, default: x, minimum: 3}]",
     "spec.params[0].minimum: is for parameters of type integer and number, this is string"},
    {"/spec/params", "[{name: a, type: integer, default: 3, minimum: 4, maximum: 2}]",
     "spec.params[0].minimum: is 4, more than maximum (2)"},
    {"/spec/params", "[{name: a, type: boolean, default: true, enum: [a]}]",
     "spec.params[0].enum: is for parameters of type string, this is boolean"},
    {"/spec/params", "[{name: a, type: integer, default: 3, maximum: many}]",
     R"(spec.params[0].maximum: expected a number, found "many")"},
    {"/spec/params", "[{name: a, type: integer, default: 1}, {name: a, type: string, default: x}]",
     R"(spec.params[1].name: "a" is already used by spec.params[0])"},
    {"/spec/paramRef", "{namespace: a, name: b}",
     "spec.paramRef: needs spec.params: only declared parameters are read from it"},
    {"/spec/paramRef", "{kind: Secret, namespace: a, name: b}",
     R"(spec.paramRef.kind: expected ConfigMap, found "Secret")"},
    // Joins and event sources.
    {"/spec/related/0/kind", "Pod", "spec.related[0]: preset and kind exclude each other"},
    {"/spec/related/0/preset", "",
     "spec.related[0]: expected a preset, or the apiVersion and kind of the objects to join"},
    {"/spec/related/0/preset", "PodsOfNode",
     "spec.related[0].preset: expected one of OwnedPods, PodsOnNode, NodeOfPod, TopOwner, "
     "PodsOfService, EndpointSlicesOfService, PVCsOfPod, PDBsOfPod, found \"PodsOfNode\""},
    {"/spec/related/0/sameNamespace", "true",
     "spec.related[0]: preset and sameNamespace exclude each other"},
    {"/spec/related/0/preset", "TopOwner",
     "spec.related[0].kind: is required: TopOwner finds the owners of one kind, such as apps/v1 "
     "Deployment"},
    {"/spec/related/1/of", "pod",
     R"(spec.related[1].of: "pod" is not declared in spec.related before it, did you mean "pods"?)"},
    {"/spec/related/1/of", "hpas",
     "spec.related[1].of: is the join itself: it starts from one before it"},
    {"/spec/related/0/of", "hpas",
     R"(spec.related[0].of: "hpas" is declared after it: a join starts from one before it)"},
    {"/spec/related/1/labels", "it.metadata.labels",
     "spec.related[1].selectedBy: is required with labels; "
     "spec.related[1]: key and labels exclude each other: two joins, the second one with `of` or "
     "`where`, say both"},
    {"/spec/related/1", "{name: x, apiVersion: v1, kind: Pod, of: pods}",
     "spec.related[1].of: needs key and equals, labels and selectedBy, or sameNamespace: nothing "
     "else depends on the objects of pods"},
    {"/spec/related/1/kind", "",
     "spec.related[1].kind: is required: the kind of the objects to join"},
    {"/spec/related/1/apiVersion", "", "spec.related[1].apiVersion: is required with kind"},
    {"/spec/related/1/equals", "", "spec.related[1].equals: is required with key"},
    {"/spec/related/1/key", "", "spec.related[1].key: is required with equals"},
    {"/spec/related/1", "{name: x, apiVersion: v1, kind: Pod, sameNamespace: true, namespace: a}",
     "spec.related[1]: sameNamespace and namespace exclude each other"},
    {"/spec/events/0/about", "{related: pods, kind: Pod}",
     "spec.events[0].about: related and kind exclude each other"},
    {"/spec/events/0/about", "{kind: Pod}",
     "spec.events[0].about.apiVersion: is required with kind"},
    {"/spec/events/0/about", "Target",
     R"(spec.events[0].about: expected an object, found "Target")"},
    // Triggers.
    {"/spec/triggers/0", "{name: empty}",
     "spec.triggers[0]: expected at least one signal: condition, events, absent, changed, "
     "increase, schedule, alert or match"},
    {"/spec/triggers/0", "{name: noisy, events: {from: probes}}",
     "spec.remedies[0].verify: is required, or spec.recovery.healthy: trigger noisy looks at "
     "events alone, and that nothing more happens proves no cure"},
    {"/spec/triggers/0",
     "{name: told, schedule: {cron: '@daily'}, alert: {labels: {a: b}, targetLabels: {name: x}}}",
     "spec.remedies[0].verify: is required, or spec.recovery.healthy: trigger told looks at "
     "schedule and alert alone, and that nothing more happens proves no cure"},
    {"/spec/triggers/0", "{name: drift, changed: {expression: object.spec}}",
     "spec.remedies[0].verify: is required, or spec.recovery.healthy: trigger drift looks at "
     "changed alone, and that nothing more happens proves no cure"},
    {"/spec/triggers/0/events/distinct", "pod",
     R"(spec.triggers[0].events.distinct: expected one of object, owner, node, found "pod")"},
    {"/spec/triggers/0/changed", "{}", "spec.triggers[0].changed.expression: is required"},
    {"/spec/triggers/0/increase", "{expression: '1', within: 5m}",
     "spec.triggers[0].increase.by: is required"},
    {"/spec/triggers/0/increase", "{expression: '1', by: 0, within: 5m}",
     "spec.triggers[0].increase.by: expected a number from 1 to 1000000, or a share such as "
     R"("20%", found 0)"},
    {"/spec/triggers/0/increase", "{expression: '1', by: 50%}",
     "spec.triggers[0].increase.within: is required"},
    {"/spec/triggers/0/schedule", "{}", "spec.triggers[0].schedule.cron: is required"},
    {"/spec/triggers/0/schedule", "{cron: '@daily', startingDeadline: 3m}",
     "spec.triggers[0].for: is 3m, must be shorter than schedule.startingDeadline (3m), else it "
     "never holds for long enough"},
    {"/spec/triggers/0/alert", "{labels: {}, targetLabels: {name: pod}}",
     "spec.triggers[0].alert.labels: expected at least 1 entry"},
    {"/spec/triggers/0/alert", "{labels: {alertname: x}}",
     "spec.triggers[0].alert.targetLabels: is required"},
    {"/spec/triggers/0/alert", "{labels: {alertname: x}, targetLabels: {}}",
     "spec.triggers[0].alert.targetLabels.name: is required"},
    {"/spec/triggers/0/absent", "{}",
     "spec.triggers[0].condition: excludes absent: an object that is not there has none"},
    // Steps.
    {"/spec/remedies/0/steps/0/notify", "{}",
     "spec.remedies[0].steps[0]: setEnv and notify exclude each other"},
    {"/spec/remedies/0/steps/0/setEnv", "",
     "spec.remedies[0].steps[0]: expected exactly one action: setEnv, patch, apply, scale, "
     "rolloutRestart, deletePod, delete, webhook, waitFor or notify"},
    {"/spec/remedies/0/steps/0", "{drain: {}}", "spec.remedies[0].steps[0].drain: unknown field"},
    {"/spec/remedies/0/steps/0/setEnv/container", "",
     "spec.remedies[0].steps[0].setEnv: expected container or containers"},
    {"/spec/remedies/0/steps/0/setEnv/containers", "[d]",
     "spec.remedies[0].steps[0].setEnv: container and containers exclude each other"},
    {"/spec/remedies/0/steps/0/setEnv/env", "[{name: 1A}]",
     "spec.remedies[0].steps[0].setEnv.env[0].name: expected the name of an environment variable, "
     R"(found "1A")"},
    {"/spec/remedies/0/steps/0/setEnv/env/0/value", "1",
     "spec.remedies[0].steps[0].setEnv.env[0].value: expected a string, found 1"},
    {"/spec/remedies/0/steps/1/waitFor/for", "10m",
     "spec.remedies[0].steps[1].waitFor.timeout: is 10m, must be longer than for (10m)"},
    {"/spec/remedies/0/steps/2/patch", "{}",
     "spec.remedies[0].steps[2].patch: expected patch, set or both"},
    {"/spec/remedies/0/steps/2/patch/type", "Json",
     R"(spec.remedies[0].steps[2].patch.type: expected one of Merge, Strategic, JSON, Apply, found )"
     R"("Json")"},
    {"/spec/remedies/0/steps/2/patch/type", "JSON",
     "spec.remedies[0].steps[2].patch: type JSON has operations instead of patch and set; "
     "spec.remedies[0].steps[2].patch.operations: is required with type JSON"},
    {"/spec/remedies/0/steps/2/patch/force", "true",
     "spec.remedies[0].steps[2].patch.force: belongs to type Apply"},
    {"/spec/remedies/0/steps/2/patch/operations", "[{op: test, path: /spec, value: 1}]",
     "spec.remedies[0].steps[2].patch.operations: belongs to type JSON"},
    {"/spec/remedies/0/steps/2/patch", "{type: JSON, operations: [{op: set, path: /a, value: 1}]}",
     R"(spec.remedies[0].steps[2].patch.operations[0].op: expected one of add, remove, replace, )"
     R"(move, copy, test, found "set")"},
    {"/spec/remedies/0/steps/2/patch", "{type: JSON, operations: [{op: add, path: /spec/a}]}",
     "spec.remedies[0].steps[2].patch.operations[0].value: is required with add, replace and test, "
     "or valueExpression"},
    {"/spec/remedies/0/steps/2/patch",
     "{type: JSON, operations: [{op: remove, path: /spec/a, value: 1}]}",
     "spec.remedies[0].steps[2].patch.operations[0].value: belongs to add, replace and test"},
    {"/spec/remedies/0/steps/2/patch",
     "{type: JSON, operations: [{op: add, path: /spec/a, value: 1, valueExpression: '1'}]}",
     "spec.remedies[0].steps[2].patch.operations[0]: value and valueExpression exclude each other"},
    {"/spec/remedies/0/steps/2/patch", "{type: JSON, operations: [{op: move, path: /spec/a}]}",
     "spec.remedies[0].steps[2].patch.operations[0].from: is required with move and copy"},
    {"/spec/remedies/0/steps/2/patch",
     "{type: JSON, operations: [{op: remove, path: /spec/a, from: /b}]}",
     "spec.remedies[0].steps[2].patch.operations[0].from: belongs to move and copy"},
    {"/spec/remedies/0/steps/2/patch",
     "{type: JSON, operations: [{op: remove, path: /metadata/uid}]}",
     "spec.remedies[0].steps[2].patch.operations[0].path: identifies the object, no remedy can "
     "change it"},
    {"/spec/remedies/0/steps/2/patch/set", "[{path: /spec/x}]",
     "spec.remedies[0].steps[2].patch.set[0]: expected expression, or remove: true"},
    {"/spec/remedies/0/steps/2/patch/set", "[{path: /spec/x, expression: '1', remove: true}]",
     "spec.remedies[0].steps[2].patch.set[0]: expected expression, or remove: true"},
    {"/spec/remedies/0/steps/0/setEnv/env/0/valueExpression", "'1'",
     "spec.remedies[0].steps[0].setEnv.env[0]: value and valueExpression exclude each other"},
    {"/spec/remedies/0/steps/1", "{apply: {object: {kind: Job, metadata: {name: a}}}}",
     "spec.remedies[0].steps[1].apply.object.apiVersion: is required"},
    {"/spec/remedies/0/steps/1", "{apply: {object: {apiVersion: v1, kind: ConfigMap}}}",
     "spec.remedies[0].steps[1].apply.object.metadata.name: is required, or a value in set for "
     "/metadata/name"},
    {"/spec/remedies/0/steps/1",
     "{apply: {object: {apiVersion: v1, kind: ConfigMap, metadata: {name: a, uid: b}}}}",
     "spec.remedies[0].steps[1].apply.object.metadata.uid: belongs to the server"},
    {"/spec/remedies/0/steps/1",
     "{apply: {object: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}, set: [{path: /kind, "
     "expression: '1'}]}}",
     "spec.remedies[0].steps[1].apply.set[0].path: cannot be computed"},
    {"/spec/remedies/0/steps/1",
     "{apply: {object: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}}, applyTo: {related: "
     "pods}}",
     "spec.remedies[0].steps[1].applyTo: has no meaning for apply, which names its object itself"},
    {"/spec/remedies/0/steps/1", "{scale: {}}",
     "spec.remedies[0].steps[1].scale: expected replicas or replicasExpression, one of the two"},
    {"/spec/remedies/0/steps/1", "{scale: {replicas: 1, replicasExpression: '1'}}",
     "spec.remedies[0].steps[1].scale: expected replicas or replicasExpression, one of the two"},
    {"/spec/remedies/0/steps/1", "{scale: {replicas: -1}}",
     "spec.remedies[0].steps[1].scale.replicas: expected an integer from 0 to 100000, found -1"},
    {"/spec/remedies/0/steps/1", "{scale: {replicas: 1, raiseOnly: true, lowerOnly: true}}",
     "spec.remedies[0].steps[1].scale: raiseOnly and lowerOnly exclude each other"},
    {"/spec/remedies/0/steps/1", "{scale: {replicas: 1, min: 3, max: 2}}",
     "spec.remedies[0].steps[1].scale.min: is 3, must not be more than max (2)"},
    {"/spec/remedies/0/steps/1", "{rolloutRestart: {force: true}}",
     "spec.remedies[0].steps[1].rolloutRestart.force: unknown field"},
    {"/spec/remedies/0/steps/1", "{deletePod: {mode: Force}}",
     R"(spec.remedies[0].steps[1].deletePod.mode: expected one of Evict, Delete, found "Force")"},
    {"/spec/remedies/0/steps/1", "{deletePod: {gracePeriodSeconds: 0}}",
     "spec.remedies[0].steps[1].deletePod.gracePeriodSeconds: expected an integer from 1 to 86400, "
     "found 0"},
    {"/spec/remedies/0/steps/1", "{delete: {propagation: None}}",
     R"(spec.remedies[0].steps[1].delete.propagation: expected one of Background, Foreground, )"
     R"(Orphan, found "None")"},
    {"/spec/remedies/0/steps/1", "{webhook: {}}",
     "spec.remedies[0].steps[1].webhook.name: is required"},
    {"/spec/remedies/0/steps/1", "{webhook: {name: Fence}}",
     "spec.remedies[0].steps[1].webhook.name: expected a name of a-z, 0-9 and '-' that "
     R"(starts and ends with a letter or digit, found "Fence")"},
    {"/spec/remedies/0/steps/1", "{webhook: {name: fence, url: 'https://example.com'}}",
     "spec.remedies[0].steps[1].webhook.url: unknown field"},
    {"/spec/remedies/0/steps/1", "{webhook: {name: fence, timeout: 3m}}",
     R"(spec.remedies[0].steps[1].webhook.timeout: expected a duration from 1s to 2m such as "90s" )"
     R"(or "1h30m", found "3m")"},
    {"/spec/remedies/0/steps/1", "{webhook: {name: fence, deadline: 3h}}",
     R"(spec.remedies[0].steps[1].webhook.deadline: expected a duration from 1s to 2h such as "90s" )"
     R"(or "1h30m", found "3h")"},
    {"/spec/remedies/0/steps/1", "{webhook: {name: fence, timeout: 1m, deadline: 30s}}",
     "spec.remedies[0].steps[1].webhook.deadline: is 30s, must not be shorter than timeout (1m)"},
    {"/spec/remedies/0/steps/1", "{webhook: {name: fence, parameters: [{name: power-off}]}}",
     "spec.remedies[0].steps[1].webhook.parameters[0].name: expected a name of letters, "
     R"(digits and '_' that does not start with a digit, found "power-off")"},
    {"/spec/remedies/0/steps/1",
     "{webhook: {name: fence, parameters: [{name: a, value: b, expression: '1'}]}}",
     "spec.remedies[0].steps[1].webhook.parameters[0]: value and expression exclude each other"},
    {"/spec/remedies/0/steps/1", "{notify: {webhook: 'https://example.com'}}",
     "spec.remedies[0].steps[1].notify.webhook: expected a name of a-z, 0-9 and '-' that "
     R"(starts and ends with a letter or digit, found "https://example.com")"},
    // What steps work on.
    {"/spec/remedies/0/steps/0/applyTo", "{}",
     "spec.remedies[0].steps[0].applyTo: expected ref or related, one of the two"},
    {"/spec/remedies/0/steps/0/applyTo",
     "{related: pods, ref: {apiVersion: v1, kind: Pod, name: a}}",
     "spec.remedies[0].steps[0].applyTo: expected ref or related, one of the two"},
    {"/spec/remedies/0/steps/0/applyTo", "{related: pod}",
     R"(spec.remedies[0].steps[0].applyTo.related: "pod" is not declared in spec.related, did you )"
     R"(mean "pods"?)"},
    {"/spec/remedies/0/steps/0/applyTo", "{ref: {apiVersion: v1, kind: Pod}}",
     "spec.remedies[0].steps[0].applyTo.ref: expected name or nameExpression, one of the two"},
    {"/spec/remedies/0/steps/0/applyTo",
     "{ref: {apiVersion: v1, kind: Pod, name: a}, orderBy: it.metadata.name}",
     "spec.remedies[0].steps[0].applyTo.orderBy: chooses among the objects of related"},
    {"/spec/remedies/0/steps/0/applyTo", "{related: pods, max: 0}",
     "spec.remedies[0].steps[0].applyTo.max: expected an integer from 1 to 500, found 0"},
    {"/spec/remedies/0/steps/0/applyTo",
     "{related: pods, waitFor: {expression: 'true', for: 1m, timeout: 30s}}",
     "spec.remedies[0].steps[0].applyTo.waitFor.timeout: is 30s, must be longer than for (1m)"},
    // Evidence and what becomes of changes.
    {"/spec/remedies/0",
     "{name: fence, steps: [{webhook: {name: fence}}], record: [{key: fence, expression: '1'}]}",
     "spec.remedies[0].steps[0].webhook.name: is a key in record of remedy fence, where the "
     "answer's evidence would stand"},
    {"/spec/remedies/0/record", "[{key: a-b, expression: '1'}]",
     "spec.remedies[0].record[0].key: expected a name of letters, digits and '_' that does not "
     R"(start with a digit, found "a-b")"},
    {"/spec/recovery", "{revert: {after: 1000h}}",
     R"(spec.recovery.revert.after: expected a duration from 0s to 168h such as "90s" or "1h30m", )"
     R"(found "1000h")"},
    {"/spec/remedies/0/steps/2/patch/patch", "[]",
     "spec.remedies[0].steps[2].patch.patch: expected an object, found a list"},
    {"/spec/remedies/0/steps/2/patch/patch", "{metadata: {uid: x}}",
     "spec.remedies[0].steps[2].patch.patch.metadata.uid: identifies the object, no remedy can "
     "change it"},
    {"/spec/remedies/0/steps/2/patch/set", "[{path: /metadata/name, expression: '1'}]",
     "spec.remedies[0].steps[2].patch.set[0].path: identifies the object, no remedy can change it"},
    {"/spec/remedies/0/steps/2/patch/set", "[{path: spec/x, expression: '1'}]",
     R"(spec.remedies[0].steps[2].patch.set[0].path: expected a JSON pointer such as )"
     R"("/spec/replicas" ('/' is "~1", '~' is "~0"), found "spec/x")"},
    {"/spec/remedies/0/steps/1", "{notify: {message: a, messageExpression: b}}",
     "spec.remedies[0].steps[1].notify: message and messageExpression exclude each other"},
    {"/spec/remedies/0/steps/0/onFailure", "Ignore",
     "spec.remedies[0].steps[0].onFailure: expected one of Fail, Continue, Rollback, found "
     R"("Ignore")"},
    // Times that do not fit together.
    {"/spec/remedies/0/cureWithin", "2m",
     "spec.remedies[0].cureWithin: is 2m, must be longer than spec.recovery.stableFor (2m), else "
     "no "
     "cure is ever proved in time"},
};

json Changed(const Case& c) {
  json policy = testing::ParseYaml(kPolicy);
  const json::json_pointer pointer{c.pointer};
  if (*c.value != '\0') {
    policy[pointer] = testing::ParseYaml(c.value);
  } else {
    policy[pointer.parent_pointer()].erase(pointer.back());
  }
  return policy;
}

struct Trouble {
  const char* target;
  const char* source;
  const char* trigger;
  const char* problem;  // "" = none
};

// What signals ask of the rest of the policy.
const Trouble kTroubles[] = {
    {"{apiVersion: v1, kind: ConfigMap, names: [a], namespaces: [b]}", "{name: s}",
     "{name: gone, absent: {}}", ""},
    {"{apiVersion: v1, kind: ConfigMap, namespaces: [b]}", "{name: s}", "{name: gone, absent: {}}",
     "spec.triggers[0].absent: needs spec.target.names: they say which objects should be there"},
    {"{apiVersion: v1, kind: Node, names: [a], selector: {matchLabels: {a: b}}}", "{name: s}",
     "{name: gone, absent: {}}",
     "spec.triggers[0].absent: excludes spec.target.selector and excludeSelector: an object that "
     "is not there has no labels"},
    {"{apiVersion: v1, kind: Pod, all: true}", "{name: s}",
     "{name: t, events: {from: s, distinct: node}, match: [{name: m, expression: 'true'}]}",
     "spec.triggers[0].events.distinct: source s is about the target, which is one object: "
     "expected a source about related objects or about a kind"},
    {"{apiVersion: v1, kind: Node, all: true}", "{name: s, about: {apiVersion: v1, kind: Pod}}",
     "{name: t, events: {from: s, distinct: owner}, match: [{name: m, expression: 'true'}]}",
     "spec.triggers[0].events.distinct: source s is about a kind, whose owners are not known: "
     "expected a source about related objects"},
    {"{apiVersion: v1, kind: Node, all: true}", "{name: s, about: {apiVersion: v1, kind: Pod}}",
     "{name: t, events: {from: s, distinct: object}, match: [{name: m, expression: 'true'}]}", ""},
};

TEST(BadPolicies, SignalsSayWhatTheyNeedOfTheRest) {
  for (const Trouble& c : kTroubles) {
    SCOPED_TRACE(std::string(c.target) + " " + c.trigger);
    json policy = testing::ParseYaml(kPolicy);
    policy["spec"]["target"] = testing::ParseYaml(c.target);
    policy["spec"]["events"] = json::array({testing::ParseYaml(c.source)});
    policy["spec"]["triggers"] = json::array({testing::ParseYaml(c.trigger)});
    policy["spec"].erase("related");
    if (*c.problem == '\0') {
      KR_EXPECT_OK(FromJson<RemediationPolicy>(policy));
    } else {
      EXPECT_THAT(FromJson<RemediationPolicy>(policy),
                  testing::StatusIs(absl::StatusCode::kInvalidArgument, std::string(c.problem)));
    }
  }
}

TEST(BadPolicies, MorePlacesThanAnybodyWouldListAreRefused) {
  json policy = testing::ParseYaml(kPolicy);
  policy["spec"]["target"] = testing::ParseYaml("{apiVersion: v1, kind: ConfigMap}");
  for (int i = 0; i < 40; ++i) {
    policy["spec"]["target"]["names"].push_back("n" + std::to_string(i));
    policy["spec"]["target"]["namespaces"].push_back("s" + std::to_string(i));
  }
  policy["spec"]["triggers"] = testing::ParseYaml("[{name: gone, absent: {}}]");
  EXPECT_THAT(FromJson<RemediationPolicy>(policy),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                "spec.triggers[0].absent: spec.target means 1600 places (kinds x "
                                "names x namespaces), at most 1000 are possible"));
}

TEST(BadPolicies, TheirBaseIsGood) {
  KR_EXPECT_OK(FromJson<RemediationPolicy>(testing::ParseYaml(kPolicy)));
}

TEST(BadPolicies, EachSaysPreciselyWhatIsWrong) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string(c.pointer) + " = " + c.value);
    EXPECT_THAT(FromJson<RemediationPolicy>(Changed(c)),
                testing::StatusIs(absl::StatusCode::kInvalidArgument, std::string(c.problem)));
  }
}

TEST(BadPolicies, SeveralProblemsAreReportedTogether) {
  json policy = testing::ParseYaml(kPolicy);
  policy["spec"]["paused"] = 1;
  policy["spec"]["triggers"][0]["events"]["count"] = 0;
  policy["spec"]["nonsense"] = true;
  EXPECT_THAT(
      FromJson<RemediationPolicy>(policy),
      testing::StatusIs(absl::StatusCode::kInvalidArgument,
                        "spec.paused: expected true or false, found 1; "
                        "spec.triggers[0].events.count: expected an integer from 1 to 1000, "
                        "found 0; spec.nonsense: unknown field"));
}

TEST(BadPolicies, ASpecAloneIsCheckedTheSameWay) {
  json policy = testing::ParseYaml(kPolicy);
  policy["spec"]["remedies"][0]["cureWithin"] = "1m";
  EXPECT_THAT(FromJson<RemediationPolicySpec>(policy["spec"]),
              testing::StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("spec.remedies[0].cureWithin: is 1m")));
}

TEST(Policies, ThatOnlyNotifyNeedNoProof) {
  json policy = testing::ParseYaml(kPolicy);
  policy["spec"]["triggers"][0].erase("condition");
  policy["spec"]["remedies"][0]["steps"] = json::parse(R"([{"notify": {}}])");
  policy["spec"]["remedies"][0]["cureWithin"] = "1s";
  KR_EXPECT_OK(FromJson<RemediationPolicy>(policy));
}

TEST(Policies, AllTrueNeedsNoNarrowing) {
  json policy = testing::ParseYaml(kPolicy);
  policy["spec"]["target"].erase("names");
  policy["spec"]["target"]["all"] = true;
  KR_EXPECT_OK(FromJson<RemediationPolicy>(policy));
}

TEST(Policies, AnEmptySelectorDoesNotNarrow) {
  json policy = testing::ParseYaml(kPolicy);
  policy["spec"]["target"].erase("names");
  policy["spec"]["target"]["selector"] = json::object();
  EXPECT_THAT(
      FromJson<RemediationPolicy>(policy),
      testing::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must narrow the targets")));
}

TEST(Policies, StatusOfANewerVersionIsNoReasonToRefuseThem) {
  json policy = testing::ParseYaml(kPolicy);
  policy["status"] = json::parse(R"({"novelty": 1, "breaker": {"state": "Open", "novelty": 1,
                                     "since": "2026-01-02T03:04:05Z"}})");
  KR_ASSERT_OK_AND_ASSIGN(const RemediationPolicy read, FromJson<RemediationPolicy>(policy));
  EXPECT_EQ(read.status.breaker->state, BreakerState::kOpen);
}

}  // namespace
}  // namespace kr::crds

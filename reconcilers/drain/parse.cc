#include "reconcilers/drain/parse.h"

#include <initializer_list>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/values/quantity.h"
#include "crds/meta/json_find.h"
#include "crds/meta/time.h"

namespace kr::drain {
namespace {

using crds::FindNumber;
using crds::FindText;
using nlohmann::json;

const json& At(const json& object, std::initializer_list<std::string_view> fields) {
  static const json kNothing;
  const json* found = crds::Find(object, fields);
  return found == nullptr ? kNothing : *found;
}

bool Flag(const json& object, std::initializer_list<std::string_view> fields) {
  const json& value = At(object, fields);
  return value.is_boolean() && value.get<bool>();
}

std::map<std::string, std::string> Texts(const json& object,
                                         std::initializer_list<std::string_view> fields) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : At(object, fields).items()) {
    if (value.is_string()) texts[key] = value.get<std::string>();
  }
  return texts;
}

std::optional<absl::Time> Time(const json& object, std::initializer_list<std::string_view> fields) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, FindText(object, fields), &time, &error)) {
    return std::nullopt;
  }
  return time;
}

kube::ObjectKey Key(const json& object) {
  return {FindText(object, {"metadata", "namespace"}), FindText(object, {"metadata", "name"})};
}

// "250m" as 0.25; numbers stand for themselves.
double Amount(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return 0;
  const auto quantity = values::Quantity::Parse(value.get<std::string>());
  return quantity.ok() ? quantity->AsApproximateDouble() : 0;
}

Amounts ParseAmounts(const json& amounts) {
  Amounts parsed;
  for (const auto& [name, value] : amounts.items()) parsed[name] = Amount(value);
  return parsed;
}

const json& ConditionOf(const json& object, std::string_view type) {
  static const json kNothing;
  for (const json& condition : At(object, {"status", "conditions"})) {
    if (FindText(condition, {"type"}) == type) return condition;
  }
  return kNothing;
}

std::vector<std::string> List(const json& values) {
  std::vector<std::string> list;
  for (const json& value : values) {
    if (value.is_string()) list.push_back(value.get<std::string>());
  }
  return list;
}

NodeTerms ParseTerms(const json& terms) {
  NodeTerms parsed;
  for (const json& term : terms) {
    std::vector<NodeRequirement> requirements;
    for (const bool field : {false, true}) {
      for (const json& r : At(term, {field ? "matchFields" : "matchExpressions"})) {
        requirements.push_back({.key = FindText(r, {"key"}),
                                .op = FindText(r, {"operator"}),
                                .values = List(At(r, {"values"})),
                                .field = field});
      }
    }
    parsed.push_back(std::move(requirements));
  }
  return parsed;
}

crds::LabelSelector ParseSelector(const json& selector) {
  using Operator = crds::LabelSelector::Operator;
  crds::LabelSelector parsed{.match_labels = Texts(selector, {"matchLabels"})};
  for (const json& r : At(selector, {"matchExpressions"})) {
    const std::string op = FindText(r, {"operator"});
    parsed.match_expressions.push_back({.key = FindText(r, {"key"}),
                                        .op = op == "In"       ? Operator::kIn
                                              : op == "NotIn"  ? Operator::kNotIn
                                              : op == "Exists" ? Operator::kExists
                                                               : Operator::kDoesNotExist,
                                        .values = List(At(r, {"values"}))});
  }
  return parsed;
}

// What all containers ask for together, or the largest init container where that is more; those
// that restart always run beside them.
Amounts ParseRequests(const json& spec) {
  Amounts sum, largest;
  for (const json& container : At(spec, {"containers"})) {
    for (const auto& [name, amount] : ParseAmounts(At(container, {"resources", "requests"}))) {
      sum[name] += amount;
    }
  }
  for (const json& container : At(spec, {"initContainers"})) {
    const bool beside = FindText(container, {"restartPolicy"}) == "Always";
    for (const auto& [name, amount] : ParseAmounts(At(container, {"resources", "requests"}))) {
      if (beside) sum[name] += amount;
      if (!beside) largest[name] = std::max(largest[name], amount);
    }
  }
  for (const auto& [name, amount] : largest) sum[name] = std::max(sum[name], amount);
  for (const auto& [name, amount] : ParseAmounts(At(spec, {"overhead"}))) sum[name] += amount;
  return sum;
}

std::shared_ptr<const PodSpec> ParseSpec(const json& spec) {
  PodSpec parsed{.requests = ParseRequests(spec),
                 .node_selector = Texts(spec, {"nodeSelector"}),
                 .priority_class = FindText(spec, {"priorityClassName"}),
                 .grace_seconds = FindNumber(spec, {"terminationGracePeriodSeconds"}, 30)};
  const json& required =
      At(spec, {"affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"});
  if (required.is_object()) parsed.node_terms = ParseTerms(At(required, {"nodeSelectorTerms"}));
  for (const json& t : At(spec, {"tolerations"})) {
    parsed.tolerations.push_back({.key = FindText(t, {"key"}),
                                  .op = FindText(t, {"operator"}, "Equal"),
                                  .value = FindText(t, {"value"}),
                                  .effect = FindText(t, {"effect"})});
  }
  for (const json& term : At(spec, {"affinity", "podAntiAffinity",
                                    "requiredDuringSchedulingIgnoredDuringExecution"})) {
    if (FindText(term, {"topologyKey"}) != "kubernetes.io/hostname") continue;
    if (!At(term, {"labelSelector"}).is_object()) continue;
    parsed.apart_from.push_back(ParseSelector(At(term, {"labelSelector"})));
  }
  for (const json& volume : At(spec, {"volumes"})) {
    parsed.empty_dir = parsed.empty_dir || volume.contains("emptyDir");
    parsed.host_path = parsed.host_path || volume.contains("hostPath");
    parsed.ephemeral = parsed.ephemeral || volume.contains("ephemeral");
  }
  return std::make_shared<PodSpec>(std::move(parsed));
}

std::string DoNotDisrupt(const json& object) {
  const json& annotations = At(object, {"metadata", "annotations"});
  constexpr std::pair<std::string_view, std::string_view> kOptOuts[] = {
      {"cluster-autoscaler.kubernetes.io/safe-to-evict", "false"},
      {"karpenter.sh/do-not-disrupt", "true"}};
  for (const auto& [name, value] : kOptOuts) {
    if (FindText(annotations, {name}) == value)
      return std::string(name) + ": " + std::string(value);
  }
  return "";
}

std::string TextOf(const json& number_or_text) {
  return number_or_text.is_string() ? number_or_text.get<std::string>() : number_or_text.dump();
}

}  // namespace

Node ParseNode(const json& object) {
  Node node{.name = FindText(object, {"metadata", "name"}),
            .uid = FindText(object, {"metadata", "uid"}),
            .labels = Texts(object, {"metadata", "labels"}),
            .allocatable = ParseAmounts(At(object, {"status", "allocatable"})),
            .ready = FindText(ConditionOf(object, "Ready"), {"status"}) == "True",
            .unschedulable = Flag(object, {"spec", "unschedulable"}),
            .going = At(object, {"metadata", "deletionTimestamp"}).is_string()};
  for (const json& taint : At(object, {"spec", "taints"})) {
    node.taints.push_back({.key = FindText(taint, {"key"}),
                           .value = FindText(taint, {"value"}),
                           .effect = FindText(taint, {"effect"})});
  }
  return node;
}

Pod ParsePod(const json& object) {
  const json& ready = ConditionOf(object, "Ready");
  Pod pod{
      .key = Key(object),
      .uid = FindText(object, {"metadata", "uid"}),
      .node = FindText(object, {"spec", "nodeName"}),
      .labels = Texts(object, {"metadata", "labels"}),
      .spec = ParseSpec(At(object, {"spec"})),
      .phase = FindText(object, {"status", "phase"}),
      .ready = FindText(ready, {"status"}) == "True",
      .ready_since = Time(ready, {"lastTransitionTime"}).value_or(absl::InfinitePast()),
      .deleted = Time(object, {"metadata", "deletionTimestamp"}),
      .mirror = At(object, {"metadata", "annotations", "kubernetes.io/config.mirror"}).is_string(),
      .do_not_disrupt = DoNotDisrupt(object)};
  for (const json& owner : At(object, {"metadata", "ownerReferences"})) {
    if (!Flag(owner, {"controller"})) continue;
    const auto gvk = kube::GroupVersionKind::FromApiVersion(FindText(owner, {"apiVersion"}),
                                                            FindText(owner, {"kind"}));
    pod.owner = Owner{gvk.group, gvk.kind, FindText(owner, {"name"}), FindText(owner, {"uid"})};
  }
  for (const json& volume : At(object, {"spec", "volumes"})) {
    const std::string claim = FindText(volume, {"persistentVolumeClaim", "claimName"});
    if (!claim.empty()) pod.claims.push_back(claim);
  }
  return pod;
}

StatefulSet ParseStatefulSet(const json& object) {
  return {.key = Key(object),
          .uid = FindText(object, {"metadata", "uid"}),
          .replicas = FindNumber(object, {"spec", "replicas"}, 1),
          .first_ordinal = FindNumber(object, {"spec", "ordinals", "start"}),
          .ready_replicas = FindNumber(object, {"status", "readyReplicas"}),
          .updated_replicas = FindNumber(object, {"status", "updatedReplicas"}),
          .min_ready = absl::Seconds(FindNumber(object, {"spec", "minReadySeconds"})),
          .on_delete = FindText(object, {"spec", "updateStrategy", "type"}) == "OnDelete",
          .partition = FindNumber(object, {"spec", "updateStrategy", "rollingUpdate", "partition"}),
          .current_revision = FindText(object, {"status", "currentRevision"}),
          .update_revision = FindText(object, {"status", "updateRevision"}),
          .observed = FindNumber(object, {"status", "observedGeneration"}) >=
                      FindNumber(object, {"metadata", "generation"}),
          .selector = ParseSelector(At(object, {"spec", "selector"}))};
}

Budget ParseBudget(const json& object) {
  Budget budget{.key = Key(object),
                .allowed = FindNumber(object, {"status", "disruptionsAllowed"}),
                .healthy = FindNumber(object, {"status", "currentHealthy"}),
                .desired = FindNumber(object, {"status", "desiredHealthy"}),
                .expected = FindNumber(object, {"status", "expectedPods"}),
                .processed = FindNumber(object, {"status", "observedGeneration"}) >=
                             FindNumber(object, {"metadata", "generation"}),
                .always_allow_unhealthy =
                    FindText(object, {"spec", "unhealthyPodEvictionPolicy"}) == "AlwaysAllow"};
  if (At(object, {"spec", "selector"}).is_object()) {
    budget.selector = ParseSelector(At(object, {"spec", "selector"}));
  }
  for (const char* field : {"minAvailable", "maxUnavailable"}) {
    const json& value = At(object, {"spec", field});
    if (!value.is_null()) budget.says = std::string(field) + " " + TextOf(value);
  }
  return budget;
}

Claim ParseClaim(const json& object) {
  Claim claim{.key = Key(object), .volume = FindText(object, {"spec", "volumeName"})};
  for (const std::string& mode : List(At(object, {"spec", "accessModes"}))) {
    claim.shared = claim.shared || mode == "ReadWriteMany" || mode == "ReadOnlyMany";
  }
  return claim;
}

Volume ParseVolume(const json& object) {
  Volume volume{.name = FindText(object, {"metadata", "name"})};
  const json& required = At(object, {"spec", "nodeAffinity", "required"});
  if (required.is_object()) volume.node_terms = ParseTerms(At(required, {"nodeSelectorTerms"}));
  const json& spec = At(object, {"spec"});
  volume.local = spec.contains("local") || spec.contains("hostPath");
  const bool network =
      spec.contains("nfs") || spec.contains("cephfs") || spec.contains("glusterfs");
  volume.attachable = !volume.local && !network;
  return volume;
}

Attachment ParseAttachment(const json& object) {
  const std::string volume = FindText(object, {"spec", "source", "persistentVolumeName"});
  const std::string node = FindText(object, {"spec", "nodeName"});
  if (volume.empty() || node.empty()) return {};
  return {.volume = volume,
          .node = node,
          .driver = FindText(object, {"spec", "attacher"}),
          .done = Flag(object, {"status", "attached"})};
}

VolumeLimits ParseCsiNode(const nlohmann::json& object) {
  VolumeLimits limits;
  for (const json& driver : At(object, {"spec", "drivers"})) {
    const json& count = At(driver, {"allocatable", "count"});
    if (count.is_number_integer()) limits[FindText(driver, {"name"})] = count.get<int64_t>();
  }
  return limits;
}

std::vector<document::Path> PathsOf(std::string_view kind) {
  using Texts = std::initializer_list<const char*>;
  const auto parse = [](Texts texts) {
    std::vector<document::Path> paths;
    for (const char* text : texts) paths.push_back(*document::Path::Parse(text));
    return paths;
  };
  if (kind == "Pod") {
    return parse({"metadata.labels",
                  "metadata.ownerReferences",
                  "metadata.deletionTimestamp",
                  "metadata.annotations['kubernetes.io/config.mirror']",
                  "metadata.annotations['cluster-autoscaler.kubernetes.io/safe-to-evict']",
                  "metadata.annotations['karpenter.sh/do-not-disrupt']",
                  "spec.nodeName",
                  "spec.nodeSelector",
                  "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
                  "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution",
                  "spec.tolerations",
                  "spec.priorityClassName",
                  "spec.terminationGracePeriodSeconds",
                  "spec.overhead",
                  "spec.containers[*].resources.requests",
                  "spec.initContainers[*].resources.requests",
                  "spec.initContainers[*].restartPolicy",
                  "spec.volumes[*].persistentVolumeClaim.claimName",
                  "spec.volumes[*].emptyDir?",
                  "spec.volumes[*].hostPath?",
                  "spec.volumes[*].ephemeral?",
                  "status.phase",
                  "status.conditions[*].type",
                  "status.conditions[*].status",
                  "status.conditions[*].lastTransitionTime"});
  }
  if (kind == "Node") {
    return parse({"metadata.labels", "metadata.deletionTimestamp", "spec.unschedulable",
                  "spec.taints", "status.allocatable", "status.conditions[*].type",
                  "status.conditions[*].status"});
  }
  if (kind == "StatefulSet") {
    return parse({"metadata.generation", "spec.replicas", "spec.ordinals.start",
                  "spec.minReadySeconds", "spec.updateStrategy", "spec.selector",
                  "status.observedGeneration", "status.readyReplicas", "status.updatedReplicas",
                  "status.currentRevision", "status.updateRevision"});
  }
  if (kind == "PodDisruptionBudget") {
    return parse({"metadata.generation", "spec.selector", "spec.minAvailable",
                  "spec.maxUnavailable", "spec.unhealthyPodEvictionPolicy",
                  "status.observedGeneration", "status.disruptionsAllowed", "status.currentHealthy",
                  "status.desiredHealthy", "status.expectedPods"});
  }
  if (kind == "PersistentVolumeClaim") return parse({"spec.volumeName", "spec.accessModes"});
  if (kind == "PersistentVolume") {
    return parse({"spec.nodeAffinity.required", "spec.local?", "spec.hostPath?", "spec.nfs?",
                  "spec.cephfs?", "spec.glusterfs?"});
  }
  if (kind == "VolumeAttachment") {
    return parse(
        {"spec.attacher", "spec.nodeName", "spec.source.persistentVolumeName", "status.attached"});
  }
  if (kind == "CSINode") {
    return parse({"spec.drivers[*].name", "spec.drivers[*].allocatable.count"});
  }
  return {};
}

}  // namespace kr::drain

#include "reconcilers/policy/presets.h"

#include <algorithm>
#include <string>
#include <utility>

#include "reconcilers/policy/reads.h"

namespace kr::policy {
namespace {

using crds::RelatedPreset;
using document::Document;
using document::Path;

// --- presets that are nothing but a shorter way to write a general join

// `@` stands for what the join starts from.
struct General {
  RelatedPreset preset;
  const char* api_version;
  const char* kind;
  bool same_namespace;
  const char* key;
  const char* equals;
  const char* labels;
  const char* selected_by;
};

constexpr General kGeneral[] = {
    {RelatedPreset::kPodsOnNode, "v1", "Pod", false, "it.spec.?nodeName", "@.metadata.name", "",
     ""},
    {RelatedPreset::kNodeOfPod, "v1", "Node", false, "it.metadata.name", "@.spec.?nodeName", "",
     ""},
    // A Service without a selector, or with an empty one, selects nothing: its endpoints are made
    // by somebody else.
    {RelatedPreset::kPodsOfService, "v1", "Pod", true, "", "", "it.metadata.?labels.orValue({})",
     "@.spec.?selector.orValue({}).size() == 0 || @.spec.?type.orValue('') == 'ExternalName' ? "
     "dyn([]) : dyn(@.spec.selector)"},
    {RelatedPreset::kEndpointSlicesOfService, "discovery.k8s.io/v1", "EndpointSlice", true,
     "it.metadata.?labels[?'kubernetes.io/service-name']", "@.metadata.name", "", ""},
    // A generic ephemeral volume has a claim of its own, named after pod and volume.
    {RelatedPreset::kPvcsOfPod, "v1", "PersistentVolumeClaim", true, "it.metadata.name",
     "@.spec.?volumes.orValue([]).filter(v, has(v.persistentVolumeClaim))"
     ".map(v, v.persistentVolumeClaim.claimName) + @.spec.?volumes.orValue([])"
     ".filter(v, has(v.ephemeral)).map(v, @.metadata.name + '-' + v.name)",
     "", ""},
    // An empty selector covers every pod of the namespace, an absent one none.
    {RelatedPreset::kPdbsOfPod, "policy/v1", "PodDisruptionBudget", true, "", "",
     "@.metadata.?labels.orValue({})", "it.spec.?selector"},
};

std::string Starting(std::string_view text, std::string_view start) {
  std::string result;
  for (const char c : text) {
    if (c == '@') {
      result += start;
    } else {
      result += c;
    }
  }
  return result;
}

// --- presets that follow the names which controllers give

// The name of what made a controller that is itself made by another one: a Deployment names its
// ReplicaSets after itself and the hash that the pod carries as a label; a CronJob names its Jobs
// after itself and the minute (since 1970) that they are for. "" when it is not of that form.
std::string MakerOf(const Document& pod, const ControllerOf& controller, std::string_view kind) {
  std::string_view name = controller.name;
  if (kind == "Deployment" && controller.kind == "ReplicaSet") {
    const std::string hash =
        "-" + pod.At("metadata.labels").Field("pod-template-hash").StringOr("");
    if (hash.size() == 1 || !name.ends_with(hash)) return "";
    name.remove_suffix(hash.size());
    return std::string(name);
  }
  if (kind == "CronJob" && controller.kind == "Job") {
    const size_t dash = name.rfind('-');
    if (dash == name.npos || name.size() - dash - 1 != 8) return "";
    const std::string_view minute = name.substr(dash + 1);
    const bool digits =
        std::all_of(minute.begin(), minute.end(), [](char c) { return '0' <= c && c <= '9'; });
    return digits ? std::string(name.substr(0, dash)) : "";
  }
  return "";
}

std::string MakerKey(std::string_view kind, std::string_view name_space, std::string_view name) {
  std::string key(kind);
  key.append("/").append(name_space).append("/").append(name);
  return key;
}

// By the UID of a pod's controller; of the kinds in between by name.
void AddOwnersOf(const Document& object, std::string_view kind, cache::KeySink& sink) {
  const auto controller = FindController(object);
  if (!controller) return;
  sink.Add(controller->uid);
  const std::string maker = MakerOf(object, *controller, kind);
  if (!maker.empty()) sink.Add(MakerKey(kind, object.name_space(), maker));
}

void AddSelf(const Document& object, std::string_view kind, cache::KeySink& sink) {
  sink.Add(object.uid());
  sink.Add(MakerKey(kind, object.name_space(), object.name()));
}

std::vector<Path> OwnerPaths() {
  std::vector<Path> paths = ControllerPaths();
  paths.push_back(FieldPath({"metadata", "labels", "pod-template-hash"}));
  return paths;
}

// Of the core or apps group: "Deployment" of another group is somebody else's.
std::string MakerKind(const kube::GroupVersionKind& kind) {
  const bool known = (kind.group == "apps" && kind.kind == "Deployment") ||
                     (kind.group == "batch" && kind.kind == "CronJob");
  return known ? kind.kind : "";
}

}  // namespace

std::optional<crds::Related> Expand(const crds::Related& spec) {
  if (!spec.preset) return spec;
  const auto general = std::find_if(std::begin(kGeneral), std::end(kGeneral),
                                    [&](const General& g) { return g.preset == *spec.preset; });
  if (general == std::end(kGeneral)) return std::nullopt;
  const char* start = spec.of.empty() ? "object" : "of";
  crds::Related join = spec;
  join.preset.reset();
  join.api_version = general->api_version;
  join.kind = general->kind;
  join.same_namespace = general->same_namespace;
  join.key = general->key;
  join.equals = Starting(general->equals, start);
  join.labels = Starting(general->labels, start);
  join.selected_by = Starting(general->selected_by, start);
  return join;
}

NativeJoin MakeNative(const crds::Related& spec, const kube::GroupVersionKind& start) {
  if (spec.preset == RelatedPreset::kOwnedPods) {
    const std::string maker = MakerKind(start);
    return {.key = [maker](const Document& pod,
                           cache::KeySink& sink) { AddOwnersOf(pod, maker, sink); },
            .start =
                [maker](const Document& owner, cache::KeySink& sink) {
                  maker.empty() ? sink.Add(owner.uid()) : AddSelf(owner, maker, sink);
                },
            .key_paths = OwnerPaths()};
  }
  // TopOwner: what is controlled itself is not at the top.
  const std::string maker = MakerKind(KindOf(spec));
  return {.key =
              [maker](const Document& owner, cache::KeySink& sink) {
                if (FindController(owner)) return;
                maker.empty() ? sink.Add(owner.uid()) : AddSelf(owner, maker, sink);
              },
          .start = [maker](const Document& object,
                           cache::KeySink& sink) { AddOwnersOf(object, maker, sink); },
          .key_paths = ControllerPaths(),
          .start_paths = OwnerPaths()};
}

Status CheckStart(const crds::Related& spec, const kube::GroupVersionKind& start,
                  const std::string& path) {
  if (!spec.preset) return OkStatus();
  const char* wanted = nullptr;
  switch (*spec.preset) {
    case RelatedPreset::kOwnedPods:
    case RelatedPreset::kTopOwner:
      return OkStatus();
    case RelatedPreset::kPodsOnNode:
      wanted = "Node";
      break;
    case RelatedPreset::kNodeOfPod:
    case RelatedPreset::kPvcsOfPod:
    case RelatedPreset::kPdbsOfPod:
      wanted = "Pod";
      break;
    case RelatedPreset::kPodsOfService:
    case RelatedPreset::kEndpointSlicesOfService:
      wanted = "Service";
      break;
  }
  if (start.group.empty() && start.kind == wanted) return OkStatus();
  const std::string found = start.ApiVersion() + " " + start.kind;
  return InvalidArgument(path + ".preset: " + std::string(crds::ToString(*spec.preset)) +
                         " starts from v1 " + wanted + " objects, " +
                         (spec.of.empty() ? "the targets are " + found +
                                                "; with `of` it starts from "
                                                "those of another join"
                                          : "those of " + spec.of + " are " + found));
}

}  // namespace kr::policy

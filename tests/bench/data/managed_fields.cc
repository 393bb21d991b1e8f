#include "tests/bench/data/managed_fields.h"

#include <string>

#include <nlohmann/json.hpp>

namespace kr::bench {
namespace {

using Json = nlohmann::ordered_json;

// The key by which elements of a list are told apart; null when the list is one value.
const char* MergeKey(const Json& list) {
  if (list.empty() || !list.front().is_object()) return nullptr;
  for (const char* key : {"uid", "mountPath", "containerPort", "ip", "type", "name"}) {
    if (list.front().contains(key)) return key;
  }
  return nullptr;
}

Json FieldSet(const Json& value) {
  Json set = Json::object();
  if (value.is_object()) {
    for (const auto& [key, field] : value.items()) set["f:" + key] = FieldSet(field);
  } else if (value.is_array()) {
    const char* key = MergeKey(value);
    if (key == nullptr) return set;
    set["."] = Json::object();
    for (const Json& element : value) {
      if (!element.is_object() || !element.contains(key)) continue;
      Json fields = Json::object();
      if (!element.contains("uid")) {  // an owner reference is one value
        fields["."] = Json::object();
        fields.update(FieldSet(element));
      }
      set["k:" + Json{{key, element[key]}}.dump()] = std::move(fields);
    }
  }
  return set;
}

// Lists and maps that a server treats as one value, or that the type does not track.
void Prune(Json& spec) {
  for (const char* field : {"tolerations", "affinity", "topologySpreadConstraints", "volumes"}) {
    if (spec.contains(field)) spec[field] = nullptr;
  }
  if (!spec.contains("containers")) return;
  for (Json& container : spec["containers"]) {
    for (const char* field : {"args", "securityContext", "volumeMounts"}) {
      if (container.contains(field)) container[field] = nullptr;
    }
  }
}

Json Entry(std::string_view manager, const Json& api_version, std::string_view time, Json fields) {
  return {{"manager", manager}, {"operation", "Update"},    {"apiVersion", api_version},
          {"time", time},       {"fieldsType", "FieldsV1"}, {"fieldsV1", std::move(fields)}};
}

}  // namespace

Json ManagedFields(const Json& object, std::string_view writer, std::string_view created,
                   std::string_view updated) {
  Json metadata = Json::object();
  for (const char* field : {"generateName", "labels", "annotations", "ownerReferences"}) {
    if (object["metadata"].contains(field)) metadata[field] = object["metadata"][field];
  }
  Json spec = object["spec"];
  Prune(spec);
  Json status = object["status"];
  status.erase("images");
  if (status.contains("containerStatuses")) status["containerStatuses"] = nullptr;
  Json creator = Entry(writer, object["apiVersion"], created,
                       {{"f:metadata", FieldSet(metadata)}, {"f:spec", FieldSet(spec)}});
  Json kubelet = Entry("kubelet", object["apiVersion"], updated, {{"f:status", FieldSet(status)}});
  kubelet["subresource"] = "status";
  return Json::array({std::move(creator), std::move(kubelet)});
}

}  // namespace kr::bench

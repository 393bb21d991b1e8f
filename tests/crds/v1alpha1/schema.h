#pragma once

#include <functional>
#include <string>

#include "tests/crds/manifests.h"

// Walks over the schema of a CRD manifest.
namespace kr::testing {

struct SchemaField {
  std::string path;  // as FieldInfo::path: "spec.triggers[].events.count"
  const nlohmann::json& schema;
  bool required;
};

inline nlohmann::json LoadSchema(const std::string& crd) {
  return LoadManifest(crd)["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
}

// Calls `visit` for each field below `schema`, depth first in the order of their names; not for
// apiVersion, kind and metadata.
inline void WalkSchema(const nlohmann::json& schema, const std::string& prefix,
                       const std::function<void(const SchemaField&)>& visit) {
  if (!schema.contains("properties")) return;
  for (const auto& [name, field] : schema["properties"].items()) {
    if (prefix.empty() && (name == "apiVersion" || name == "kind" || name == "metadata")) continue;
    const std::string path = prefix + name;
    const nlohmann::json required = schema.value("required", nlohmann::json::array());
    visit({path, field, std::find(required.begin(), required.end(), name) != required.end()});
    if (field.contains("items")) {
      WalkSchema(field["items"], path + "[].", visit);
    } else {
      WalkSchema(field, path + ".", visit);
    }
  }
}

}  // namespace kr::testing

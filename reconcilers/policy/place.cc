#include "reconcilers/policy/place.h"

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace kr::policy {
namespace {

// No version that a server gives, and outside of what makes two Documents differ.
constexpr std::string_view kVersion = "none";

}  // namespace

document::DocumentPtr MakePlace(document::Decoder& decoder, const kube::ObjectKey& key) {
  nlohmann::json metadata = {{"name", key.name}, {"resourceVersion", kVersion}};
  if (!key.name_space.empty()) metadata["namespace"] = key.name_space;
  return decoder.FromJson({{"metadata", std::move(metadata)}});
}

bool IsPlace(const document::Document& target) {
  return target.uid().empty() && target.resource_version() == kVersion;
}

std::string PlacesProblem(const std::string& kind, bool namespaced) {
  const std::string what = "a trigger has absent, and " + kind + " objects have ";
  return namespaced ? what + "namespaces: spec.target.namespaces must say where they should be"
                    : what + "no namespaces: spec.target.namespaces must be empty";
}

}  // namespace kr::policy

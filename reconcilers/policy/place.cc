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

}  // namespace kr::policy

#include "cmd/kubectl-remedy/manifests.h"

#include <utility>

#include "cmd/common/read_file.h"
#include "cmd/common/yaml_json.h"
#include "crds/v1alpha1/common.h"

namespace kr::cmd {

using nlohmann::json;

namespace {

bool IsOwn(const json& object, std::string_view kind) {
  return object.value("kind", "") == kind &&
         object.value("apiVersion", "").starts_with(std::string(crds::kGroup) + "/");
}

}  // namespace

StatusOr<std::vector<json>> ReadManifests(const std::vector<std::string>& files) {
  std::vector<json> objects;
  for (const std::string& file : files) {
    KR_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
    auto documents = ParseManifest(text);
    if (!documents.ok()) {
      return InvalidArgument(file + ":" + std::string(Message(documents.status())));
    }
    for (json& document : *documents) {
      if (!document.is_object())
        return InvalidArgument(file + ": every document must be an object");
      const auto items = document.find("items");
      const bool list = items != document.end() && items->is_array() &&
                        document.value("kind", "").ends_with("List");
      if (!list) {
        objects.push_back(std::move(document));
        continue;
      }
      for (json& item : *items) objects.push_back(std::move(item));
    }
  }
  return objects;
}

bool IsPolicy(const json& object) {
  return IsOwn(object, crds::kPolicyKind);
}

bool IsBudget(const json& object) {
  return IsOwn(object, crds::kBudgetKind);
}

}  // namespace kr::cmd

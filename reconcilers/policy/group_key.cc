#include "reconcilers/policy/group_key.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "reconcilers/policy/reads.h"
#include "reconcilers/policy/scope.h"
#include "reconcilers/policy/target_activation.h"

namespace kr::policy {
namespace {

constexpr size_t kMaxValue = 253;

}  // namespace

std::string GroupKey::Of(const kube::GroupVersionKind& kind,
                         const document::Document& object) const {
  const cel::Outcome outcome = key.Evaluate(TargetActivation(kind, object), absl::UnixEpoch());
  if (!outcome.value.ok()) return "";
  const nlohmann::json value = outcome.value->ToJson();
  if (value.is_null()) return "";
  return (value.is_string() ? value.get<std::string>() : value.dump()).substr(0, kMaxValue);
}

StatusOr<std::vector<GroupKey>> CompileGroups(const std::vector<crds::LimitGroup>& groups,
                                              std::string_view path) {
  std::vector<GroupKey> compiled;
  for (size_t i = 0; i < groups.size(); ++i) {
    auto key = cel::Program::Compile(groups[i].key, TargetScope());
    if (!key.ok()) {
      return Annotate(key.status(), std::string(path) + "[" + std::to_string(i) + "].key");
    }
    compiled.push_back({*std::move(key), groups[i]});
  }
  return compiled;
}

std::vector<document::Path> PathsOf(const std::vector<GroupKey>& groups) {
  std::vector<document::Path> paths;
  for (const GroupKey& group : groups) {
    for (document::Path& path : PathsOf(group.key.reads(), "object")) {
      paths.push_back(std::move(path));
    }
  }
  return paths;
}

}  // namespace kr::policy

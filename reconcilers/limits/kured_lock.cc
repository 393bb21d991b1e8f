#include "reconcilers/limits/kured_lock.h"

#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

namespace kr::limits {
namespace {

using nlohmann::json;

Status AddLock(const json& lock, std::vector<KuredLock>& locks) {
  const auto node = lock.find("nodeID");
  if (node == lock.end() || !node->is_string()) return InvalidArgument("nodeID is missing");
  KuredLock found{.node = node->get<std::string>()};
  // In Go's nanoseconds; 0 means for ever.
  const auto ttl = lock.find("TTL");
  const auto created = lock.find("created");
  if (ttl != lock.end() && ttl->is_number_integer() && ttl->get<int64_t>() > 0 &&
      created != lock.end() && created->is_string()) {
    absl::Time at;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, created->get<std::string>(), &at, &error)) {
      return InvalidArgument("created: " + error);
    }
    found.expires = at + absl::Nanoseconds(ttl->get<int64_t>());
  }
  locks.push_back(std::move(found));
  return OkStatus();
}

}  // namespace

StatusOr<std::vector<KuredLock>> ParseKuredLock(std::string_view annotation) {
  const json lock = json::parse(annotation, nullptr, false);
  if (!lock.is_object()) return InvalidArgument("expected a JSON object");
  std::vector<KuredLock> locks;
  const auto several = lock.find("locks");
  if (several == lock.end()) {
    KR_RETURN_IF_ERROR(AddLock(lock, locks));
    return locks;
  }
  if (several->is_null()) return locks;
  if (!several->is_array()) return InvalidArgument("locks: expected a list");
  for (const json& one : *several) {
    if (!one.is_object()) return InvalidArgument("locks: expected objects");
    KR_RETURN_IF_ERROR(AddLock(one, locks));
  }
  return locks;
}

}  // namespace kr::limits

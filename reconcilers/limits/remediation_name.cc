#include "reconcilers/limits/remediation_name.h"

#include <tuple>

#include "crds/v1alpha1/common.h"

namespace kr::limits {
namespace {

constexpr size_t kPolicyChars = 60;
constexpr size_t kTargetChars = 100;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// Lower case; whatever may not stand in a subdomain becomes '-'. RBAC names ("system:node") and
// upper case are what really occurs.
char Sanitised(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return IsAlphanumeric(c) || c == '.' ? c : '-';
}

// At most `max` characters that can stand at the front or in the middle of a subdomain: every label
// between dots begins and ends alphanumerically.
std::string Part(std::string_view text, size_t max) {
  std::string part(text.substr(0, max));
  for (char& c : part) c = Sanitised(c);
  for (size_t i = 0; i < part.size(); ++i) {
    bool inside = i > 0 && i + 1 < part.size();
    if (part[i] == '.' && !(inside && IsAlphanumeric(part[i - 1]) && IsAlphanumeric(part[i + 1]))) {
      part[i] = '-';
    }
  }
  size_t first = part.find_first_not_of('-');
  if (first == std::string::npos) return "x";
  return part.substr(first, part.find_last_not_of('-') - first + 1);
}

std::string_view LabelOf(const crds::Remediation& remediation, std::string_view key) {
  auto label = remediation.metadata.labels.find(std::string(key));
  return label == remediation.metadata.labels.end() ? std::string_view() : label->second;
}

}  // namespace

std::string RemediationName(std::string_view policy, std::string_view target,
                            std::string_view lineage_digest, int64_t n) {
  std::string name = Part(policy, kPolicyChars);
  name.append("-").append(Part(target, kTargetChars));
  name.append("-").append(lineage_digest);
  return name.append("-").append(std::to_string(n));
}

Existing Judge(const crds::Remediation& existing, std::string_view policy_uid,
               std::string_view lineage_digest) {
  // The label is there from the creation on, status.lineage only from the first status write.
  if (existing.spec.policy_ref.uid != policy_uid ||
      LabelOf(existing, crds::kLineageLabel) != lineage_digest) {
    return Existing::kForeign;
  }
  bool finished = existing.status.phase && crds::IsFinal(*existing.status.phase);
  return finished ? Existing::kFinished : Existing::kAdopt;
}

bool RunsBefore(const crds::Remediation& a, const crds::Remediation& b) {
  auto key = [](const crds::Remediation& r) {
    return std::tuple(r.metadata.creation_timestamp.value_or(absl::InfiniteFuture()),
                      std::string_view(r.metadata.name));
  };
  return key(a) < key(b);
}

}  // namespace kr::limits
